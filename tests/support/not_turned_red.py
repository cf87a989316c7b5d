"""Requirements that a scenario or a check names and no seeded defect turns red yet, each with the reason.

This is the one place: the coverage page shows it, and a test fails where an entry has become wrong.
"""

from __future__ import annotations

from collections.abc import Mapping

NOT_TURNED_RED: Mapping[str, str] = {
    "A05": "our engine never selects a method twice, so that no initiator has had to notice",
    "A07": "a MAY: a peer that uses no IKE_INTERMEDIATE for other purposes breaks nothing",
    "F07": "a SHOULD; fragments over the size that was configured fail the case without a sentence",
    "F14": "it is the receiver's to tell repetitions apart; a repeated fragment of other octets breaks B18",
    "H01": "a SHOULD, ours: what is left behind never fails a case",
    "H02": "a SHOULD, ours: a fault in the log never fails a case",
    "H03": "the end of a daemon is no message; `tests/judge/test_death.py` turns it red",
    "H04": "a flood is no single message; `tests/judge/test_overrun.py` turns it red",
    "I02": "a MAY: a peer that leaves the exchange unused breaks nothing",
    "I09": "the IntAuth of a peer shows in its AUTH alone, which then breaks I08",
    "K05": "a SHOULD: another error for a wrong key is told and fails nothing",
    "M02": "a MAY: a peer without ML-KEM-512 is UNSUPPORTED",
    "M07": "a SHOULD: another error for a bad key is told and fails nothing",
    "M10": "a fact; a peer to which it does not apply breaks A06",
}
"""By the requirement's id."""

"""Both engines against their golden transcripts: together, and each alone against the recorded other."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from harness.crypto import liboqs
from harness.ike.configuration import Path as NetworkPath
from harness.ike.states import Gone

GOLDEN = runpy.run_path(str(Path(__file__).with_name("transcripts.py")))
_REASON = liboqs.unavailable_reason()
_LIBOQS = [pytest.mark.liboqs, pytest.mark.skipif(_REASON is not None, reason=str(_REASON))]
NAMES = [*GOLDEN["WITHOUT_LIBOQS"], *(pytest.param(name, marks=_LIBOQS) for name in GOLDEN["WITH_LIBOQS"])]


@pytest.mark.parametrize("name", NAMES)
def test_two_engines_repeat_the_transcript_bit_for_bit(name: str) -> None:
    assert GOLDEN["record"](name) == GOLDEN["read"](name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("side", ["initiator", "responder"])
def test_each_engine_alone_gives_the_recorded_answers(name: str, side: str) -> None:
    session = getattr(GOLDEN["engines"](name), side)
    if side == "initiator":
        session.start(0.0)
    produced: list[str] = []
    recorded = GOLDEN["read"](name)
    for number, entry in enumerate(recorded):
        produced += _taken(session)
        if entry["from"] != side:
            session.receive_datagram(bytes.fromhex(entry["datagram"]), _path(session), 0.0)
        elif len(produced) <= sum(earlier["from"] == side for earlier in recorded[:number]):
            _ask(session, entry, recorded[:number])
            produced += _taken(session)
    assert produced == [entry["datagram"] for entry in recorded if entry["from"] == side]
    assert isinstance(session.state, Gone)


def _ask(session: Any, entry: dict[str, str], before: list[dict[str, str]]) -> None:
    """What the recording's caller asked for here: a sign of life first, the deletion last."""
    assert entry["message"].startswith("INFORMATIONAL")
    own = [e for e in before if e["from"] == entry["from"] and e["message"].startswith("INFORMATIONAL")]
    if entry["from"] == "initiator" and own:
        session.delete(0.0)
    else:
        session.send_liveness(0.0)


def _taken(session: Any) -> list[str]:
    return [datagram.payload.hex() for datagram in session.datagrams_to_send(0.0)]


def _path(session: Any) -> NetworkPath:
    return session._machine.configuration.path  # type: ignore[no-any-return]


def test_every_file_belongs_to_a_transcript() -> None:
    files = {path.stem for path in Path(__file__).parent.glob("*.jsonl")}
    assert files == set(GOLDEN["TRANSCRIPTS"])

"""After a case: what its product still holds of it, once it had a moment to clean up."""

from __future__ import annotations

from harness.evidence.peer_report import HYGIENE_FILE, Hygiene, Residue
from harness.evidence.store import EvidenceFolder
from harness.lab.driver import Connection
from harness.lab.products.shared.fault_lines import fault_lines
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import settled

_SETTLE_S = 2.0  # for a daemon whose unloading is over only after its command has returned
_LOOK_AGAIN_S = 0.1


def note_hygiene(store: EvidenceFolder, folder: str, running: RunningPeer, connection: Connection, log: str) -> bool:
    """Write what is left of an unloaded connection into ``folder`` of the evidence; whether the product was asked.

    ``log`` is what the product says of the connection. An emulated vendor is left out: what the product
    below leaves behind says nothing about the vendor.

    Raises:
        PeerUnreachable: the product's control interface is gone.
    """
    if running.peer.emulated:
        return False
    residue = _settled(running, connection)
    if residue is None:
        return False
    store.write_json(f"{folder}/{HYGIENE_FILE}", Hygiene(residue, fault_lines(log)))
    return True


def _settled(running: RunningPeer, connection: Connection) -> Residue | None:
    """The residue as soon as nothing is left, else as it is when its time is over; None where nobody can ask."""
    return settled(
        lambda: running.driver.residue(connection),
        lambda seen: seen is None or seen.clean,
        deadline_s=_SETTLE_S, interval_s=_LOOK_AGAIN_S,
    )  # fmt: skip

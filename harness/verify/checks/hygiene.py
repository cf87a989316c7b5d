"""What the peer leaves behind. No sentence of an RFC asks for it: these are the harness's own (H01, H02)."""

from __future__ import annotations

from harness.evidence.hygiene import FILE
from harness.verify.hygiene import no_fault_told, nothing_left
from harness.verify.result import Arguments, Checked
from harness.verify.view import View

_POINTER = f"peer/{FILE}"


def nothing_left_behind(view: View, _arguments: Arguments) -> Checked:
    """No IKE SA, ESP SA or policy of the case is left at the peer once its connection was unloaded (H01)."""
    return nothing_left(view.peer, view.evidence.hygiene, _POINTER)


def no_fault_in_the_log(view: View, _arguments: Arguments) -> Checked:
    """The peer's log tells of no crash, failed assertion, broken memory or leak (H02)."""
    return no_fault_told(view.peer, view.evidence.hygiene, _POINTER)

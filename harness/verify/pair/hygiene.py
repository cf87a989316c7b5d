"""What the two products leave behind, each by itself."""

from __future__ import annotations

from collections.abc import Callable

from harness.evidence.hygiene import FILE, Hygiene
from harness.verify.hygiene import no_fault_told, nothing_left
from harness.verify.pair.view import PairView
from harness.verify.result import Arguments, Checked

_FOLDERS = ("initiator", "responder")


def nothing_left_behind(view: PairView, _arguments: Arguments) -> Checked:
    """No IKE SA, ESP SA or policy of the case is left at either once its connection was unloaded (H01)."""
    return _both(view, nothing_left)


def no_fault_in_the_log(view: PairView, _arguments: Arguments) -> Checked:
    """Neither log tells of a crash, failed assertion, broken memory or leak (H02)."""
    return _both(view, no_fault_told)


def _both(view: PairView, ask: Callable[[str, Hygiene | None, str], Checked]) -> Checked:
    checked = [
        ask(side.peer, hygiene, f"{folder}/{FILE}")
        for side, hygiene, folder in zip(view.sides, view.evidence.hygiene, _FOLDERS, strict=True)
    ]
    detail = "; ".join(f"{folder}: {each.detail}" for folder, each in zip(_FOLDERS, checked, strict=True))
    return Checked(detail, tuple(objection for each in checked for objection in each.objections))

"""What products leave behind, each by itself.

No sentence of an RFC asks for it: these checks are the harness's own (H01, H02).
"""

from __future__ import annotations

from collections.abc import Callable

from harness.evidence.peer_report import HYGIENE_FILE, Hygiene, Residue
from harness.results.model import Pointer, Severity
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, pair_check
from harness.verify.pair_view import PairView
from harness.verify.view import View

_SHOWN = 3  # of a kind; the file has them all
_UNASKED = "nobody asked the product"  # an emulated vendor, a product that cannot tell, a run of before


def nothing_left(party: str, hygiene: Hygiene | None, file: Pointer) -> Checked:
    """Nothing of the case is left once its connection was unloaded (H01)."""
    if hygiene is None:
        return Checked(_UNASKED)
    kinds = _kinds(hygiene.residue)
    objections = tuple(
        Objection(
            party, f"once the connection was unloaded {kind} is left: {_shown(found)}", file, "H01", Severity.SHOULD
        )
        for kind, found in kinds.items()
        if found
    )
    if unknown := hygiene.residue.unknown:
        sentence = f"whether {party} has left ESP SAs or policies in its kernel is not known: {unknown}"
        objections = (*objections, Objection("", sentence, file, None, Severity.NOTE))
    return Checked(f"no {', no '.join(kinds)}", objections)


def no_fault_logged(party: str, hygiene: Hygiene | None, file: Pointer) -> Checked:
    """The log tells of no crash, failed assertion, broken memory or leak (H02); other cases may have run meanwhile."""
    if hygiene is None:
        return Checked(_UNASKED)
    sentence = f"its log tells of a fault while the case ran: {_shown(hygiene.faults)}"
    objections = (Objection(party, sentence, file, "H02", Severity.SHOULD),) if hygiene.faults else ()
    return Checked("its log tells of no fault", objections)


def _kinds(residue: Residue) -> dict[str, tuple[str, ...]]:
    """What is left, by kind; a kind that the product does not have, or of which nobody can tell, is not there."""
    kinds = {"IKE SA": residue.ike_sas, "ESP SA of the kernel": residue.esp_sas, "policy": residue.policies}
    return {kind: found for kind, found in kinds.items() if found is not None}


def _shown(found: tuple[str, ...]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


_POINTER = Pointer(f"peer/{HYGIENE_FILE}")


@engine_check("nothing-left-behind", due=Due.ALWAYS, requirement="H01")
def nothing_left_behind(view: View, _arguments: Arguments) -> Checked:
    """No IKE SA, ESP SA or policy of the case is left at the peer once its connection was unloaded (H01)."""
    return nothing_left(view.peer, view.evidence.hygiene, _POINTER)


@engine_check("no-fault-in-the-log", due=Due.ALWAYS, requirement="H02")
def no_fault_in_the_log(view: View, _arguments: Arguments) -> Checked:
    """The peer's log tells of no crash, failed assertion, broken memory or leak (H02)."""
    return no_fault_logged(view.peer, view.evidence.hygiene, _POINTER)


_FOLDERS = ("initiator", "responder")


@pair_check("pair-nothing-left-behind", due=Due.ALWAYS, requirement="H01")
def pair_nothing_left_behind(view: PairView, _arguments: Arguments) -> Checked:
    """No IKE SA, ESP SA or policy of the case is left at either once its connection was unloaded (H01)."""
    return _both(view, nothing_left)


@pair_check("pair-no-fault-in-the-log", due=Due.ALWAYS, requirement="H02")
def pair_no_fault_in_the_log(view: PairView, _arguments: Arguments) -> Checked:
    """Neither log tells of a crash, failed assertion, broken memory or leak (H02)."""
    return _both(view, no_fault_logged)


def _both(view: PairView, ask: Callable[[str, Hygiene | None, Pointer], Checked]) -> Checked:
    checked = [
        ask(side.peer, hygiene, Pointer(f"{folder}/{HYGIENE_FILE}"))
        for side, hygiene, folder in zip(view.sides, view.evidence.hygiene, _FOLDERS, strict=True)
    ]
    detail = "; ".join(f"{folder}: {each.detail}" for folder, each in zip(_FOLDERS, checked, strict=True))
    return Checked(detail, tuple(objection for each in checked for objection in each.objections))

"""What a product leaves behind and what its log tells of faults, as objections: for one peer and for two."""

from __future__ import annotations

from harness.evidence.hygiene import Hygiene, Residue
from harness.verify.result import Checked, Objection

_SHOWN = 3  # of a kind; the file has them all
_UNASKED = "nobody asked the product"  # an emulated vendor, a product that cannot tell, a run of before


def nothing_left(party: str, hygiene: Hygiene | None, file: str) -> Checked:
    """Nothing of the case is left once its connection was unloaded (H01)."""
    if hygiene is None:
        return Checked(_UNASKED)
    kinds = _kinds(hygiene.residue)
    objections = tuple(
        Objection(party, f"once the connection was unloaded {kind} is left: {_shown(found)}", file, "H01", "should")
        for kind, found in kinds.items()
        if found
    )
    if unknown := hygiene.residue.unknown:
        sentence = f"whether {party} has left ESP SAs or policies in its kernel is not known: {unknown}"
        objections = (*objections, Objection("", sentence, file, None, "note"))
    return Checked(f"no {', no '.join(kinds)}", objections)


def no_fault_told(party: str, hygiene: Hygiene | None, file: str) -> Checked:
    """The log tells of no crash, failed assertion, broken memory or leak (H02); other cases may have run meanwhile."""
    if hygiene is None:
        return Checked(_UNASKED)
    sentence = f"its log tells of a fault while the case ran: {_shown(hygiene.faults)}"
    objections = (Objection(party, sentence, file, "H02", "should"),) if hygiene.faults else ()
    return Checked("its log tells of no fault", objections)


def _kinds(residue: Residue) -> dict[str, tuple[str, ...]]:
    """What is left, by kind; a kind that the product does not have, or of which nobody can tell, is not there."""
    kinds = {"IKE SA": residue.ike_sas, "ESP SA of the kernel": residue.esp_sas, "policy": residue.policies}
    return {kind: found for kind, found in kinds.items() if found is not None}


def _shown(found: tuple[str, ...]) -> str:
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more

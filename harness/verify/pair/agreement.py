"""Whether what was chosen on the wire is what was predicted, and whether both products say the same of it."""

from __future__ import annotations

from harness.evidence.pair import StepReport
from harness.evidence.peer_report import ChildReport, SaReport
from harness.ike.policy import Suite
from harness.oracle.negotiation import is_acceptable
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType
from harness.verify.pair.view import PairView, established, installed
from harness.verify.result import Arguments, Checked, Objection
from harness.verify.words import spelled

FILE = "steps.json"


def negotiated_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """The suite that the responder chose, in clear, is one that both policies allow and none suits better."""
    if view.suite is None:
        return Checked("", (Objection(view.sides[1].peer, "no IKE_SA_INIT answer chooses a proposal", "wire.pcapng"),))
    if is_acceptable(view.suite, view.expectation.ike):
        return Checked(spelled(view.suite))
    due = " or ".join(spelled(suite) for suite in view.expectation.ike)
    sentence = f"chosen was {spelled(view.suite)}; the two policies lead to {due}"
    return Checked("", (Objection(view.sides[1].peer, sentence, "wire.pcapng"),))


def sides_agree(view: PairView, _arguments: Arguments) -> Checked:
    """Both report the suite of the wire, each the other's SPIs, and the same ESP algorithms; at every step."""
    objections: list[Objection] = []
    for step in view.standing:
        initiator, responder = established(step.initiator), established(step.responder)
        if initiator is None or responder is None:
            continue  # whether both are up is for another check
        for index, sa in enumerate((initiator, responder)):
            party = view.sides[index].peer
            differences = [*_ike_differences(view, sa, initiator=index == 0), *_esp_differences(view, sa)]
            objections += [Objection(party, f"after {step.step}: {words}", FILE) for words in differences]
        objections += _crossed(step, initiator, responder)
    return Checked("both report the wire's suite and each other's SPIs", tuple(objections))


def _ike_differences(view: PairView, sa: SaReport, *, initiator: bool) -> list[str]:
    """Where a side's word differs from the wire. A rekeyed IKE SA has the same suite: the policies have no other."""
    if view.suite is None:
        return []
    additional = tuple(name for kind in ADDITIONAL_KEY_EXCHANGES if (name := _named(view.suite, kind)))
    rekeyed = any(step.step == "rekey-ike" for step in view.report.steps)
    pairs = (
        ("being the initiator", None if rekeyed else sa.initiator, initiator),
        ("ENCR", sa.encr, _named(view.suite, TransformType.ENCR)),
        ("PRF", sa.prf, _named(view.suite, TransformType.PRF)),
        ("KE", sa.ke, _named(view.suite, TransformType.KE)),
        ("ADDKE", sa.additional_ke, additional),
    )
    return [f"{what}: it reports {says}, the wire {shows}" for what, says, shows in pairs if says not in (None, shows)]


def _esp_differences(view: PairView, sa: SaReport) -> list[str]:
    allowed = {(_named(s, TransformType.ENCR), _named(s, TransformType.INTEG)) for s in view.expectation.esp}
    return [
        f"ESP: it reports {child.encr} and {child.integ}, which the two policies do not lead to"
        for child in installed(sa)
        if (child.encr, child.integ) not in allowed
    ]


def _crossed(step: StepReport, initiator: SaReport, responder: SaReport) -> list[Objection]:
    """Each Child SA of one side is one of the other's with the SPIs exchanged, and both name the same IKE SA."""
    here, there = (_child_spis(sa) for sa in (initiator, responder))
    objections = []
    if here != {(out, into) for into, out in there}:
        sentence = f"after {step.step} the two report different Child SAs: {sorted(here)}, {sorted(there)}"
        objections.append(Objection("", sentence, FILE))
    spis = [(sa.initiator_spi, sa.responder_spi) for sa in (initiator, responder)]
    if None not in spis[0] and None not in spis[1] and spis[0] != spis[1]:
        sentence = f"after {step.step} the two report different IKE SAs: {spis[0]}, {spis[1]}"
        objections.append(Objection("", sentence, FILE))
    return objections


def _child_spis(sa: SaReport) -> set[tuple[str, str]]:
    children: list[ChildReport] = installed(sa)
    return {(child.spi_in, child.spi_out) for child in children}


def _named(suite: Suite, kind: TransformType) -> str | None:
    """A chosen algorithm's name; None where the type is absent or NONE."""
    chosen = suite.get(kind)
    return chosen.name(TransformType(kind)) if chosen is not None and chosen.identifier else None

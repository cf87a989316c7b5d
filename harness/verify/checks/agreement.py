"""Whether what two products chose is what was predicted, and whether both say the same of it."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evidence.model import Side
from harness.evidence.peer_report import ChildReport, PeerReport, SaReport, StepReport
from harness.oracle.negotiation import is_acceptable
from harness.policy.proposals import Suite
from harness.registry.messages import ExchangeType
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType
from harness.results.model import CAPTURE, STEPS
from harness.scenario.model import Step
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check, told_otherwise
from harness.verify.checks.offer import (
    chosen_twice,
    could_choose,
    follows_from_the_offer,
    offered,
    repeats_unfit_integrity,
)
from harness.verify.pair_view import PairView, established
from harness.verify.wire import spelled


@pair_check("pair-negotiated-as-predicted", due=Due.UP, requirement="B06")
def pair_negotiated_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """The suite that the responder chose, in clear, is one that both policies allow and none suits better."""
    if view.suite is None:
        return Checked("", (Objection(view.sides[1].peer, "no IKE_SA_INIT answer chooses a proposal", CAPTURE),))
    offer, (initiator, responder) = offered(view), (side.peer for side in view.sides)
    possible = offer is None or could_choose(view.suite, offer)
    if possible and is_acceptable(view.suite, view.expectation.ike):
        return Checked(spelled(view.suite))
    due = " or ".join(spelled(suite) for suite in view.expectation.ike) or "nothing in common"
    chosen = f"chosen was {spelled(view.suite)}"
    unfit = offer is not None and repeats_unfit_integrity(view.suite, offer)
    if not (possible or unfit):
        party, sentence = responder, f"{chosen}, which is no choice from what {initiator} offers"
    elif unfit or follows_from_the_offer(view) or _but_for_key_lengths(view.suite, view.expectation.ike):
        party, sentence = (
            "",
            f"{chosen}, right for what {initiator} offers, which is not its policy: that leads to {due}",
        )
    else:
        party, sentence = responder, f"{chosen}; the two policies lead to {due}"
    return Checked("", (Objection(party, sentence, CAPTURE),))


def _but_for_key_lengths(chosen: Suite, allowed: tuple[Suite, ...]) -> bool:
    """Whether a Key Length that makes no algorithm is all that sets a choice apart from a predicted one.

    Who offers it is at fault (RFC 7296 section 3.3.5): an answer has the attributes that were offered.
    """
    return any(
        {kind: one.name_beside(_named(suite, kind), TransformType(kind)) for kind, one in chosen.transforms.items()}
        == {kind: one.name(TransformType(kind)) for kind, one in suite.transforms.items()}
        for suite in allowed
    )


@pair_check("pair-esp-as-predicted", due=Due.UP, requirement="B06")
def esp_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """The ESP algorithms that the sides report are those that the two policies lead to; nobody can read them.

    Other ones are what was agreed on if both report them. What one alone reports may be wrong.
    """
    allowed = {(_named(s, TransformType.ENCR), _named(s, TransformType.INTEG)) for s in view.expectation.esp}
    reported: dict[str, list[tuple[Side, ChildReport]]] = {}
    for step, side, sa in _reported(view):
        reported.setdefault(step.step, []).extend((side, child) for child in sa.installed if child.encr is not None)
    told, objections = [], []
    for step_name, children in reported.items():
        for side, child in children:
            told.append(f"{side.peer}: {esp_algorithms(child)}")
            if (child.encr, child.integ) in allowed or (_lacks_integrity(view, child) and child.encr in dict(allowed)):
                continue
            both = any(other is not side and _same_algorithms(child, theirs) for other, theirs in children)
            who = "both report" if both else f"{side.peer} alone reports"
            words = f"after {step_name}: ESP: {who} {esp_algorithms(child)}, which the two policies do not lead to"
            objections.append(Objection("", words, STEPS) if both else told_otherwise(words, STEPS))
    detail = "; ".join(dict.fromkeys(told)) or "neither tells its ESP algorithms"
    return Checked(detail, tuple(dict.fromkeys(objections)))


def _lacks_integrity(view: PairView, child: ChildReport) -> bool:
    """Whether neither side ever tells the integrity algorithm of such a cipher: a status may not show it."""
    told = {each.integ for _, _, sa in _reported(view) for each in sa.installed if each.encr == child.encr}
    return told == {None}


def _same_algorithms(child: ChildReport, other: ChildReport) -> bool:
    return (child.encr, child.integ) == (other.encr, other.integ)


def esp_algorithms(child: ChildReport) -> str:
    """As a side reports them: ``aes-256-cbc with hmac-sha2-256-128``, ``aes-256-gcm-16 alone``."""
    return f"{child.encr} with {child.integ}" if child.integ else f"{child.encr} alone"


@pair_check("pair-sides-agree", due=Due.UP, requirement="B06")
def sides_agree(view: PairView, _arguments: Arguments) -> Checked:
    """What both report is the suite of the wire, each the other's SPIs, and the same ESP algorithms; at every step.

    A product that does not tell a thing is not asked for it: the detail says what there was to compare. A difference is
    nobody's fault alone: the product, what reads its status, or a capture of ours errs.
    """
    objections: list[Objection] = []
    compared: dict[str, dict[str, None]] = {}  # by whose word, in the order in which it came up
    for step, side, sa in _reported(view):
        for what, says, shows in _ike_pairs(view, side, sa):
            compared.setdefault(f"of {side.peer} and the wire", {})[what] = None
            if says != shows:
                words = f"after {step.step}: {what}: {side.peer} reports {says}, the wire {shows}"
                left_out = what == "ADDKE" and _both_left_out(view, step) and not chosen_twice(view)
                objections.append(
                    Objection(side.peer, words, STEPS, "A06") if left_out else told_otherwise(words, STEPS)
                )
        if strange := _strange_spis(view, sa):
            words = f"reports an IKE SA with the SPIs {strange}, which nothing on the wire has"
            objections.append(told_otherwise(f"after {step.step} {side.peer} {words}", STEPS))
    before: StepReport | None = None
    for step in view.standing:
        initiator, responder = established(step.initiator), established(step.responder)
        if initiator is not None and responder is not None:  # whether both are up is for another check
            compared.setdefault("of both", {}).update(dict.fromkeys(_both_tell(initiator, responder)))
            objections += _crossed(step, initiator, responder, before if step.step == Step.REKEY_CHILD else None)
        before = step
    detail = "; ".join(f"{', '.join(what)} {whose}" for whose, what in compared.items())
    return Checked(f"compared: {detail or 'nothing, as nothing stood'}", tuple(objections))


def _both_left_out(view: PairView, step: StepReport) -> bool:
    """Whether both report the same additional key exchanges, and no more took place: the reports and the wire agree."""
    standing = [sa for sa in map(established, (step.initiator, step.responder)) if sa is not None]
    told = {sa.additional_ke for sa in standing}
    took_place = len(view.find(ExchangeType.IKE_INTERMEDIATE, response=True))
    return len(standing) == len(view.sides) and [len(each) for each in told if each is not None] == [took_place]


def _reported(view: PairView) -> Iterator[tuple[StepReport, Side, SaReport]]:
    """The standing IKE SA of each side after each step."""
    for step in view.standing:
        for side, report in zip(view.sides, (step.initiator, step.responder), strict=True):
            if sa := established(report):
                yield step, side, sa


def _ike_pairs(view: PairView, side: Side, sa: SaReport) -> list[tuple[str, object, object]]:
    """What a side tells, beside what the wire shows. A rekeyed IKE SA has the suite of the first."""
    if view.suite is None:
        return []
    rekeyed = any(step.step == Step.REKEY_IKE for step in view.report.steps)
    pairs = (
        ("being the initiator", None if rekeyed else sa.initiator, side is view.sides[0]),
        ("ENCR", sa.encr, _named(view.suite, TransformType.ENCR, sa.encr)),
        ("INTEG", sa.integ, _named(view.suite, TransformType.INTEG, sa.integ)),
        ("PRF", sa.prf, _named(view.suite, TransformType.PRF, sa.prf)),
        ("KE", sa.ke, _named(view.suite, TransformType.KE, sa.ke)),
        ("ADDKE", sa.additional_ke, additional_shown(view.suite, sa.additional_ke)),
    )
    return [pair for pair in pairs if pair[1] is not None]


def additional_shown(suite: Suite, told: tuple[str, ...] | None) -> tuple[str, ...]:
    """The names of the additional key exchanges that were chosen, beside those that a side tells."""
    chosen = [kind for kind in ADDITIONAL_KEY_EXCHANGES if _named(suite, kind)]
    beside = (*(told or ()), *chosen)  # of a name too few nothing is told
    return tuple(str(_named(suite, kind, str(name))) for kind, name in zip(chosen, beside, strict=False))


def _both_tell(initiator: SaReport, responder: SaReport) -> Iterator[str]:
    """What the two tell of the same thing, by name."""
    yield "SPIs of the Child SAs"
    if None not in _ike_spis(initiator) + _ike_spis(responder):
        yield "SPIs of the IKE SA"
    if all(child.encr is not None for sa in (initiator, responder) for child in sa.installed):
        yield "ESP algorithms"


def _strange_spis(view: PairView, sa: SaReport) -> str:
    """The SPIs of a standing IKE SA that a side reports and no message on the wire has; "" where there is none such."""
    spis, rekeyed = _ike_spis(sa), any(step.step == Step.REKEY_IKE for step in view.report.steps)
    if None in spis or rekeyed:  # of a new IKE SA there may be no message yet
        return ""
    seen = {(piece.octets[:8].hex(), piece.octets[8:16].hex()) for m in view.messages for piece in m.pieces}
    return "" if spis in seen else " and ".join(map(str, spis))


def _ike_spis(sa: SaReport) -> tuple[str | None, str | None]:
    return sa.initiator_spi, sa.responder_spi


def _crossed(step: StepReport, initiator: SaReport, responder: SaReport, before: StepReport | None) -> list[Objection]:
    """Each Child SA of one side is one of the other's, SPIs exchanged, with its algorithms; both name one IKE SA.

    ``before`` is the step before a rekey of the Child SA: a side may still have that one beside the new.
    """
    here, there = (_child_spis(sa) for sa in (initiator, responder))
    if before is not None:
        new_here, new_there = here - _told(before.initiator), there - _told(before.responder)
        here, there = (new_here, new_there) if new_here and new_there else (here, there)
    objections = []
    if here != {(out, into) for into, out in there}:
        sentence = f"after {step.step} the two report different Child SAs: {sorted(here)}, {sorted(there)}"
        objections.append(told_otherwise(sentence, STEPS))
    theirs = {child.spi_in: child for child in responder.installed}
    for child in initiator.installed:
        other = theirs.get(child.spi_out)
        if other is None or None in (child.encr, other.encr):
            continue
        if not _same_algorithms(child, other):
            told = f"the initiator reports {esp_algorithms(child)}, the responder {esp_algorithms(other)}"
            objections.append(told_otherwise(f"after {step.step} of one Child SA {told}", STEPS))
    spis = [_ike_spis(sa) for sa in (initiator, responder)]
    if None not in spis[0] and None not in spis[1] and spis[0] != spis[1]:
        sentence = f"after {step.step} the two report different IKE SAs: {spis[0]}, {spis[1]}"
        objections.append(told_otherwise(sentence, STEPS))
    return objections


def _told(report: PeerReport) -> set[tuple[str, str]]:
    """The Child SAs that a side has in use, by their SPIs."""
    return {spis for sa in report.sas for spis in _child_spis(sa)}


def _child_spis(sa: SaReport) -> set[tuple[str, str]]:
    children: list[ChildReport] = sa.installed
    return {(child.spi_in, child.spi_out) for child in children}


def _named(suite: Suite, kind: TransformType, told: str | None = None) -> str | None:
    """A chosen algorithm's name, beside what is told of it; None where the type is absent or NONE."""
    chosen = suite.get(kind)
    return chosen.name_beside(told, TransformType(kind)) if chosen is not None and chosen.identifier else None

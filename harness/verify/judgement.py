"""What the evidence of one attempt leads to: findings become a verdict, beside the messages as a ladder diagram.

First of all comes what happened on our own side, or to a daemon: it decides who may be blamed at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from harness.evidence.interruption import DEATH_FILE, Cause, Death, Disturbance, Overrun
from harness.evidence.model import CapturedDatagram, CaseFacts
from harness.oracle.outcome import outcome_of
from harness.oracle.reaction import Duty
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.results.model import CAPTURE, CheckResult, Finding, Grade, LadderStep, Outcome, Pointer, Severity, Verdict
from harness.verify.check import Objection, Requirements
from harness.verify.checks.deviation import deviation_refused
from harness.verify.checks.freshness import FreshValue, fresh_values
from harness.verify.checks.key_agreement import key_exchanges_in_their_place, keys_depend_on_every_exchange
from harness.verify.pair_view import PairView
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, payload_name


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the evidence of one attempt leads to."""

    verdict: Verdict
    outcome: Outcome | None
    grade: Grade | None
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    reason: str
    ladder: tuple[LadderStep, ...] = ()
    fresh: tuple[FreshValue, ...] = ()  # what no other case of the run may hold


def inconclusive(reason: str, view: CaseView | None = None, verdict: Verdict = Verdict.INCONCLUSIVE) -> Judgement:
    """Nothing can be said of anybody, for this reason; with what was seen, if anything was."""
    return Judgement(verdict, None, None, (), (), reason, ladder(view) if view is not None else ())


def concluded(
    view: CaseView,
    outcome: Outcome,
    judged: Sequence[tuple[list[Finding], CheckResult]],
    grade: Callable[[list[Finding]], Grade],
) -> Judgement:
    """The judgement that the findings of all checks come to. ``grade`` tells how strong the evidence for it is."""
    findings = [finding for found, _ in judged for finding in found]
    verdict, reason = _verdict(view, outcome, findings)
    graded = grade(findings) if verdict in (Verdict.PASS, Verdict.FAIL) else None
    results = tuple(result for _, result in judged)
    return Judgement(verdict, outcome, graded, tuple(findings), results, reason, ladder(view), fresh_values(view))


def _verdict(view: CaseView, outcome: Outcome, findings: Sequence[Finding]) -> tuple[Verdict, str]:
    severities = {finding.severity for finding in findings}
    if Severity.FAIL in severities:
        return Verdict.FAIL, ""
    if Severity.INCONCLUSIVE in severities:
        return Verdict.INCONCLUSIVE, "; ".join(f.sentence for f in findings if f.severity is Severity.INCONCLUSIVE)
    if view.expectation.unsupported and outcome is Outcome.REFUSED:
        return Verdict.UNSUPPORTED, view.expectation.unsupported
    return Verdict.PASS, ""


def ladder(view: CaseView) -> tuple[LadderStep, ...]:
    """One step a message, in order, ESP packets of one direction in a row together; times in milliseconds.

    On the left stands our engine, or the initiator of two products.
    """
    if not view.messages:
        return ()
    began = view.messages[0].pieces[0].datagram.at
    steps = [_step(view, message, began) for message in view.messages]
    steps += _esp_steps(view, began)
    steps += _foreign_steps(view, began) if isinstance(view, View) else []
    return tuple(sorted(steps, key=lambda step: step.at_ms))


def _direction(view: CaseView, datagram: CapturedDatagram) -> str:
    left = view.facts.side(view.facts.engine or Role.INITIATOR)
    return ">" if datagram.source[0] == left.address else "<"


def _at_ms(datagram: CapturedDatagram, began: float) -> float:
    return round((datagram.at - began) * 1000, 1)


def _esp_steps(view: CaseView, began: float) -> list[LadderStep]:
    steps = []
    for direction, run in groupby(view.esp, lambda each: _direction(view, each)):
        row = list(run)
        detail = f"{len(row)} packet{'' if len(row) == 1 else 's'}"
        octets = sum(len(datagram.payload) for datagram in row)
        steps.append(LadderStep(direction, "ESP", detail, octets, _at_ms(row[0], began)))
    return steps


def _foreign_steps(view: View, began: float) -> list[LadderStep]:
    """What else goes over the ports of IKE."""
    foreign = [(datagram, "no IKE message") for datagram in view.malformed]
    foreign += [(piece.datagram, "of another IKE SA") for piece in view.strangers]
    return [
        LadderStep(_direction(view, each), "datagram", words, len(each.payload), _at_ms(each, began))
        for each, words in foreign
    ]


def _step(view: CaseView, message: SeenMessage, began: float) -> LadderStep:
    sizes = [len(piece.octets) for piece in message.pieces]
    words = ", ".join(payload_name(payload) for payload in message.payloads) or "no payload"
    if not message.readable:
        words = "not decrypted" if message.opened is None else "not parsed"
    elif message.protected:
        words = f"SK {{ {words} }}"
    if len(sizes) > 1:
        fragments = sum(piece.fragment is not None for piece in message.pieces)
        words += f" in {fragments} fragments" if fragments else f", sent {len(sizes)} times"
    first = message.pieces[0].datagram
    return LadderStep(_direction(view, first), message.label, words, sum(sizes), _at_ms(first, began))


_SURVIVES, _SURVIVAL = "daemon-survives", "H03"
_MODEST, _MODESTY = "no-flood", "H04"


def unless_disturbed(found: Judgement, ours: Sequence[Disturbance], *, by_silence: bool) -> Judgement:
    """ERROR in place of what is said against a peer while our own side stood still, or did not do its part.

    What was shown to be right stays: no stall of ours makes it so. But where it is right to fall silent
    (``by_silence``), we may only not have been there to hear.
    """
    shown = found.verdict in (Verdict.PASS, Verdict.UNSUPPORTED) and not by_silence
    if not ours or shown or found.verdict is Verdict.SKIPPED:
        return found
    worst = max(ours, key=lambda each: each.seconds)
    reason = f"{worst.sentence}: what the peer did meanwhile says nothing of it"
    return Judgement(Verdict.ERROR, None, None, (), (), reason, found.ladder)


def of_a_death(death: Death, view: CaseView | None, requirements: Requirements) -> Judgement:
    """FAIL for a daemon that ended by itself, and again with its case alone; ERROR for any other end of one.

    ``view`` is None where the evidence does not go so far.
    """
    if death.cause is not Cause.ITSELF or not death.again:
        return inconclusive(death.sentence, view, Verdict.ERROR)
    after = f", after {view.messages[-1].label}" if view is not None and view.messages else ""
    sentence = f"its daemon ended by itself{after} ({death.words}), and did so again when the case was played once more"
    finding = Finding(_SURVIVES, _SURVIVAL, _level(_SURVIVAL, requirements), death.peer, sentence, Pointer(DEATH_FILE))
    result = CheckResult(_SURVIVES, _SURVIVAL, False, sentence)
    seen = ladder(view) if view is not None else ()
    return Judgement(Verdict.FAIL, Outcome.BROKEN, Grade.B, (finding,), (result,), "", seen)


def of_an_overrun(overrun: Overrun, facts: CaseFacts, requirements: Requirements) -> Judgement:
    """FAIL for a peer that sent more than any case may take; ERROR where it was us, or nobody knows who.

    The evidence ends there, so that no other check would be fair.
    """
    who = overrun.busiest
    sides = [side for side in (facts.initiator, facts.responder) if who and who in (side.address, side.inner)]
    sent = f"{overrun.frames[who]} frames came from {who}" if who else "no frame was seen"
    words = f"after {overrun.after:.1f} s the case had more than {overrun.limit} {overrun.resource}: {sent}"
    ours = facts.engine is not None and sides == [facts.ours]
    if not sides or ours or not overrun.flooder:
        return inconclusive(f"the case was ended by its budget: {words}", verdict=Verdict.ERROR)
    sentence = f"it floods: {words}"
    finding = Finding(_MODEST, _MODESTY, _level(_MODESTY, requirements), sides[0].peer, sentence, CAPTURE)
    result = CheckResult(_MODEST, _MODESTY, False, sentence)
    return Judgement(Verdict.FAIL, Outcome.BROKEN, Grade.A, (finding,), (result,), "")


def _level(requirement: str, requirements: Requirements) -> str:
    return requirements[requirement].level if requirement in requirements else ""


def outcome_seen(view: View) -> Outcome | None:
    """HYBRID, PQ_ONLY or CLASSICAL for an IKE SA with a Child SA; REFUSED, BROKEN; None if nothing was sent at all.

    The wire and our engine must both say that it stands, and a key exchange counts only if it entered the keys: where
    that cannot be proven the outcome is BROKEN, whatever was negotiated.
    """
    if not view.messages:
        return Outcome.BROKEN if view.malformed else None  # something was sent, and none of it an IKE message
    if _initiator_gave_up(view):
        return Outcome.REFUSED
    if view.child_established and view.report.established and view.report.child_established:
        return Outcome.BROKEN if view.suite is None or unproven(view) else outcome_of(view.suite)
    return Outcome.REFUSED if view.refusals else Outcome.BROKEN


def _initiator_gave_up(view: View) -> bool:
    """Whether a peer that initiates rejects a response of ours that deviates: in order, be it without a word.

    Our own side may believe meanwhile that all is well: IKE_AUTH ends with our response.
    """
    reaction = view.expectation.reaction
    if reaction is None or reaction.duty is not Duty.REFUSE or view.role is not Role.RESPONDER:
        return False
    return not any(objection.severity is Severity.FAIL for objection in deviation_refused(view, {}).objections)


def unproven(view: View) -> tuple[Objection, ...]:
    """Why it is not proven that every key exchange that was negotiated entered the keys; empty where it is."""
    return (*key_exchanges_in_their_place(view, {}).objections, *keys_depend_on_every_exchange(view, {}).objections)


def pair_outcome_seen(view: PairView) -> Outcome | None:
    """What a user of the two gets; None if nothing was sent at all.

    HYBRID and PQ_ONLY rest on the answer in clear, on IKE_INTERMEDIATE exchanges and on both sides' word: nobody has
    the keys, so that the other checks must agree before a verdict is a PASS, and its grade is B.
    """
    if not view.messages:
        return None
    if view.up and view.suite is not None:
        return outcome_of(view.suite)
    return Outcome.REFUSED if _refused(view) else Outcome.BROKEN


def _refused(view: PairView) -> bool:
    """A refusal in clear, or a complete IKE_AUTH after which neither side has a Child SA (RFC 7296 section 1.2)."""
    if view.refusals:
        return True
    answered = bool(view.find(ExchangeType.IKE_AUTH, response=True))
    left = [sa for step in view.report.steps for report in (step.initiator, step.responder) for sa in report.sas]
    return answered and not any(sa.children for sa in left)

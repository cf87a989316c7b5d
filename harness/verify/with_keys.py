"""How a case with our engine is judged: we hold the keys of one side, and so can read everything on the wire."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from harness.evidence.model import CaseEvidence, half_open_in_trace
from harness.oracle.expectation import Expectation
from harness.oracle.reaction import Duty, Reaction
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import (
    CAPTURE,
    ENGINE_REPORT,
    SECRETS,
    CheckResult,
    Finding,
    Grade,
    Outcome,
    Pointer,
    Severity,
    Verdict,
)
from harness.scenario.check_form import Known
from harness.scenario.model import Expect, Scenario
from harness.verify.check import Check, Checked, Due, DueCheck, Requirements, asked
from harness.verify.checks.authentication import auth_is_as_due, authenticated
from harness.verify.checks.catalogue import ENGINE_CHECKS, due_without_asking
from harness.verify.checks.deviation import deviation_refused, keys_differ
from harness.verify.checks.errors import refused_with
from harness.verify.checks.establishment import came_up_as_predicted
from harness.verify.checks.key_agreement import keys_depend_on_every_exchange
from harness.verify.checks.misbehaviour import deviating, deviation_as_traced
from harness.verify.checks.negotiation import negotiated_as_predicted, read_either_way
from harness.verify.checks.reported_spis import reported_of_another
from harness.verify.checks.second_reading import read_otherwise
from harness.verify.checks.witnesses import not_captured
from harness.verify.judgement import Judgement, concluded, inconclusive, outcome_seen
from harness.verify.view import View, make_view
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import SecurityAssociation

_REFUSED_BY_RULE = "B08"
_UNCHANGED: Mapping[str, str] = MappingProxyType({})


def judge(
    scenario: Scenario, expectation: Expectation, evidence: CaseEvidence, requirements: Requirements
) -> Judgement:
    """The verdict on one attempt."""
    if expectation.skipped:
        return Judgement(Verdict.SKIPPED, None, None, (), (), expectation.skipped)
    if evidence.configuration_refused:
        return _not_configured(scenario, expectation, evidence.configuration_refused)
    if lacking := absent(evidence):
        return inconclusive(f"{lacking} is missing from the evidence")
    view = make_view(scenario, expectation, evidence)
    outcome = outcome_seen(view)
    if outcome is None:
        return inconclusive("no IKE message of this case is in the capture")
    lost = not_captured(view) or read_otherwise(view) or reported_of_another(view) or read_either_way(view)
    fault = _own_fault(view)
    if lost or fault:
        return inconclusive(lost or fault, view, Verdict.INCONCLUSIVE if lost else Verdict.ERROR)
    ours = {message.pointer for message in deviating(view)}
    judged = [
        due.judged(_without_our_deviation(ours, due.check(view, due.arguments)), requirements)
        for due in due_checks(view)
    ]
    return concluded(view, outcome, _not_for_our_fault(view, judged), _grade)


Judged = tuple[list[Finding], CheckResult]


def _not_for_our_fault(view: View, judged: list[Judged]) -> list[Judged]:
    """What was found, but for who is to blame where our engine breaks a rule and the peer has to bear with it.

    Who refuses a wrong request, or leaves it alone, breaks no rule, nor does who gives up after a wrong answer. What
    else such an initiator does, or leaves undone, may come of it.
    """
    faults = [f for found, _ in judged for f in found if (f.party, f.severity) == ("engine", Severity.FAIL)]
    if _not_taken(view) & {f.pointer for f in faults}:
        return [([_as_our_fault(finding) for finding in found], result) for found, result in judged]
    wrong = {f.pointer for f in faults if f.check != came_up_as_predicted.name}  # that one shows how it ended
    answers = [m.frame for m in view.messages if m.response and view.sender(m) == "engine" and m.pointer in wrong]
    if not answers:
        return judged
    return [([_of_our_answer(view, finding, min(answers)) for finding in found], result) for found, result in judged]


def _of_our_answer(view: View, finding: Finding, frame: int) -> Finding:
    """A finding that tells of the time after a wrong answer of ours: not the peer's alone."""
    at = finding.pointer.frame
    if finding.party != view.peer or finding.severity is not Severity.FAIL or (at is not None and at < frame):
        return finding
    if finding.check == came_up_as_predicted.name:
        return _as_our_fault(finding)
    return replace(finding, party="undetermined", severity=Severity.INCONCLUSIVE)


def _as_our_fault(finding: Finding) -> Finding:
    """That nothing came up is ours to answer for; who refuses what is wrong breaks no rule."""
    if finding.check != came_up_as_predicted.name:
        return finding
    return replace(finding, party="engine", requirement="", level="")


def _not_taken(view: View) -> set[Pointer]:
    """Where the requests of ours are that the peer refuses first; else the one after which it is silent."""
    if view.refusals:
        return _asked(view, view.refusals[0][0])
    ours = [m.pointer for m in view.messages if not m.response and view.sender(m) == "engine"]
    return set(ours[-1:]) if view.report.closed_kind == "silent" else set()


def _asked(view: View, answer: SeenMessage) -> set[Pointer]:
    """Where the requests of our engine are that an answer of the peer's may refuse."""
    asked = view.find(answer.exchange, response=False, initiator=not answer.from_initiator)
    ours = (message for message in asked if message.message_id == answer.message_id and message.frame < answer.frame)
    return {message.pointer for message in ours if view.sender(message) == "engine"}


def _not_configured(scenario: Scenario, expectation: Expectation, words: str) -> Judgement:
    """A product that does not take what its build lacks refuses cleanly, before anything is sent; all else is ours."""
    if not scenario.settings.as_written or not expectation.unsupported:
        return Judgement(Verdict.ERROR, None, None, (), (), f"the configuration was not taken: {words}")
    reason = f"{expectation.unsupported}, and the configuration that names it is refused: {words}"
    return Judgement(Verdict.UNSUPPORTED, Outcome.REFUSED, None, (), (), reason)


def absent(evidence: CaseEvidence) -> str:
    """The files without which nothing is judged, as far as they are missing."""
    parts = {
        CAPTURE: evidence.wire,
        SECRETS: evidence.secrets,
        "trace.jsonl": evidence.trace,
        ENGINE_REPORT: evidence.report,
    }
    return ", ".join(name for name, part in parts.items() if part is None)


def _own_fault(view: View) -> str:
    """What our side could not do, so that nothing can be said of the peer; "" for nothing."""
    if not all(half_open_in_trace(view.evidence.trace or ())):
        return "the peer could not be brought to demand cookies: a half-open IKE SA that was to do so got no answer"
    if view.report.closed_kind == "unavailable":  # a method is lacking here
        return view.report.closed_reason
    return deviation_as_traced(view)


def _without_our_deviation(ours: Container[Pointer], checked: Checked) -> Checked:
    """A check's result without what it holds against our engine in the very messages that deviate on purpose."""
    kept = tuple(o for o in checked.objections if o.party != "engine" or o.pointer not in ours)
    if len(kept) == len(checked.objections):
        return checked
    return Checked("; ".join(filter(None, (checked.detail, "but for our own deviation"))), kept)


def _grade(findings: list[Finding]) -> Grade:
    """A: read off the wire. B: the only objections come from the peer's status interface."""
    failing = [finding for finding in findings if finding.severity is Severity.FAIL]
    return Grade.B if failing and all(finding.pointer.startswith("peer/") for finding in failing) else Grade.A


def due_checks(view: View) -> Iterator[DueCheck[View]]:
    """The checks that the prediction calls for, each once: the scenario's own first, then those of every case."""
    called = {expect.check: expect for expect in _called_for(view)}
    for check in due_without_asking(Known.KEYS, Due.ALWAYS):
        called.setdefault(check.name, asked(check))
    for expect in called.values():
        check = ENGINE_CHECKS[expect.check]
        instead = _instead(view, check)
        yield DueCheck(check, instead.get(expect.requirement, expect.requirement), expect.arguments, instead)


def _instead(view: View, check: Check[View]) -> Mapping[str, str]:
    """What replaces requirements in this case: without an additional key exchange only RFC 7296 applies.

    IntAuth is due wherever an IKE_INTERMEDIATE took place, with a key exchange or without.
    """
    suites = (view.suite,) if view.suite is not None else view.expectation.ike
    if any(suite.additional_key_exchanges for suite in suites):
        return _UNCHANGED
    if check is authenticated and view.find(ExchangeType.IKE_INTERMEDIATE, response=True):
        return _UNCHANGED
    return check.without_addke


def _called_for(view: View) -> Iterator[Expect]:
    if view.expectation.establishes:
        yield from _of_a_tunnel(view)
    elif view.expectation.reaction is not None:
        yield from _of_a_deviation(view, view.expectation.reaction)
    elif view.expectation.refusal is not None:
        yield from _of_a_refusal(view, view.expectation.refusal)


def _of_a_tunnel(view: View) -> Iterator[Expect]:
    """Where the Child SA came up, be it by the wire alone or by our engine's word alone, all of them are due."""
    default = view.scenario.requirements[0].id if view.scenario.requirements else ""
    yield asked(came_up_as_predicted, default)
    if view.report.child_established or (view.child_established and not _rejected(view)):
        own = {expect.check for expect in view.scenario.expect}
        yield from view.scenario.expect
        usual = [check for check in due_without_asking(Known.KEYS, Due.UP) if check.name not in own]
        yield from (asked(check, check.requirement or default) for check in usual)
    else:
        yield from map(asked, due_without_asking(Known.KEYS, Due.NOT_UP))


def _rejected(view: View) -> bool:
    """Whether our engine ended it for what it got: then nothing that would follow is due of it."""
    return view.report.closed_kind in ("misbehaved", "malformed", "incompatible")


def _of_a_deviation(view: View, reaction: Reaction) -> Iterator[Expect]:
    """The scenario's own checks; what the peer owes after our deviation, if they do not name it."""
    owed = keys_differ if reaction.duty is Duty.NOTICE_LATER else deviation_refused
    yield from view.scenario.expect
    if owed.name not in {expect.check for expect in view.scenario.expect}:
        yield asked(owed, reaction.rule)
    yield from map(asked, due_without_asking(Known.KEYS, Due.NOT_UP))


def _of_a_refusal(view: View, refusal: NotifyType) -> Iterator[Expect]:
    """The refusal, and as much of what went before it as says why.

    A peer whose policy has no common ground refuses before it comes to what the scenario is about: the scenario's own
    checks are due only where it means the refusal.
    """
    notify: dict[str, str | int | bool] = {"notify": refusal.name}
    yield replace(asked(refused_with, _REFUSED_BY_RULE), arguments=notify)
    if any(of(m, SecurityAssociation) for m in view.find(ExchangeType.IKE_SA_INIT, response=True)):
        yield asked(negotiated_as_predicted)
    ended = all(view.find(ExchangeType.IKE_AUTH, response=response) for response in (False, True))
    if view.chain is not None and ended:  # a refusal in IKE_AUTH comes after all key exchanges
        yield asked(keys_depend_on_every_exchange)
    if view.child_alone_refused:
        yield asked(auth_is_as_due)
    if view.scenario.expects_refusal and not view.expectation.unsupported:
        for expect in view.scenario.expect:  # the policies' notification comes before the one that was meant
            yield replace(expect, arguments=notify) if expect.check == refused_with.name else expect

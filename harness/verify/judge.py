"""From a case's evidence to its verdict. Pure: the same evidence always gets the same verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from harness.evidence.model import CaseEvidence
from harness.oracle.expectation import Expectation
from harness.oracle.reaction import Duty
from harness.registry.messages import ExchangeType
from harness.results.model import CheckResult, Finding, Grade, LadderStep, Outcome, Verdict
from harness.scenario.model import Expect, Requirement, Scenario
from harness.verify.arrival import came_up
from harness.verify.checks import ALWAYS, CHECKS, USUAL, WHEN_UP
from harness.verify.completeness import not_captured, unprepared
from harness.verify.fitting import fitting
from harness.verify.ladder import ladder
from harness.verify.outcome import outcome_seen
from harness.verify.result import Checked, Objection
from harness.verify.view import View, make_view, of
from harness.wire.payloads import SecurityAssociation

Requirements = dict[str, Requirement]


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


def judge(
    scenario: Scenario, expectation: Expectation, evidence: CaseEvidence, requirements: Requirements
) -> Judgement:
    """The verdict on one attempt. ``requirements`` is the catalogue, for the levels of findings."""
    if beforehand := _beforehand(scenario, expectation, evidence):
        return beforehand
    view = make_view(scenario, expectation, evidence)
    outcome = outcome_seen(view)
    if outcome is None:
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), "no IKE message of this case is in the capture")
    if lost := not_captured(view):
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), lost, ladder(view))
    if fault := _own_fault(view):
        return Judgement(Verdict.ERROR, None, None, (), (), fault, ladder(view))
    findings, results = _run_checks(view, outcome, requirements)
    verdict, reason = _verdict(view, outcome, findings)
    grade = _grade(findings) if verdict in (Verdict.PASS, Verdict.FAIL) else None
    return Judgement(verdict, outcome, grade, tuple(findings), tuple(results), reason, ladder(view))


def _beforehand(scenario: Scenario, expectation: Expectation, evidence: CaseEvidence) -> Judgement | None:
    """The judgement where there is nothing to look at on the wire; None where there is."""
    if expectation.skipped:
        return Judgement(Verdict.SKIPPED, None, None, (), (), expectation.skipped)
    if evidence.configuration_refused:
        return _not_configured(scenario, expectation, evidence.configuration_refused)
    if absent := _absent(evidence):
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), f"{absent} is missing from the evidence")
    return None


def _not_configured(scenario: Scenario, expectation: Expectation, words: str) -> Judgement:
    """A product that does not take what its build lacks refuses cleanly, before anything is sent; all else is ours."""
    if not scenario.settings.as_written or not expectation.unsupported:
        return Judgement(Verdict.ERROR, None, None, (), (), f"the configuration was not taken: {words}")
    reason = f"{expectation.unsupported}, and the configuration that names it is refused: {words}"
    return Judgement(Verdict.UNSUPPORTED, Outcome.REFUSED, None, (), (), reason)


def _absent(evidence: CaseEvidence) -> str:
    parts = {
        "wire.pcapng": evidence.wire,
        "secrets.json": evidence.secrets,
        "trace.jsonl": evidence.trace,
        "engine/sas.json": evidence.report,
    }
    return ", ".join(name for name, part in parts.items() if part is None)


def _own_fault(view: View) -> str:
    """What our side could not do, so that nothing can be said of the peer; "" for nothing."""
    if unprepared(view):
        return "the peer could not be brought to demand cookies: a half-open IKE SA that was to do so got no answer"
    return view.report.closed_reason if view.report.closed_kind == "unavailable" else ""  # a method is lacking here


def _run_checks(view: View, outcome: Outcome, requirements: Requirements) -> tuple[list[Finding], list[CheckResult]]:
    findings: list[Finding] = []
    results: list[CheckResult] = []
    for due in _due(view):
        expect = replace(due, requirement=fitting(view, due.check, due.requirement))
        checked = CHECKS[expect.check](view, expect.arguments) if expect.check in CHECKS else came_up(view, outcome)
        checked = _without_our_deviation(view, checked)
        found = [_finding(view, expect, objection, requirements) for objection in checked.objections]
        findings += found
        results.append(_result(expect, checked, found))
    return findings, results


def _without_our_deviation(view: View, checked: Checked) -> Checked:
    """A check's result without what it holds against our engine in the very messages that deviate on purpose."""
    deviating = {message.pointer for message in view.deviating}
    kept = tuple(o for o in checked.objections if o.party != "engine" or o.pointer not in deviating)
    if len(kept) == len(checked.objections):
        return checked
    return Checked("; ".join(filter(None, (checked.detail, "but for our own deviation"))), kept)


def _due(view: View) -> Iterator[Expect]:
    """The checks that the prediction calls for, each once: the scenario's own first.

    Where the Child SA came up, be it by the wire alone or by our engine's word alone, all of them are due.
    """
    default = view.scenario.requirements[0].id if view.scenario.requirements else ""
    due: dict[str, Expect] = {}
    if view.expectation.establishes:
        due["came-up-as-predicted"] = Expect("came-up-as-predicted", default)
        if view.child_established or view.report.child_established:
            due |= {expect.check: expect for expect in view.scenario.expect}
            due = {**due, **{n: Expect(n, r or default) for n, r in WHEN_UP.items() if n not in due}}
    elif view.expectation.reaction is not None:
        due = {expect.check: expect for expect in view.scenario.expect}
        name = "keys-differ" if view.expectation.reaction.duty is Duty.NOTICE_LATER else "deviation-refused"
        due.setdefault(name, Expect(name, view.expectation.reaction.rule))
    elif view.expectation.refusal is not None:
        notify: dict[str, str | int | bool] = {"notify": view.expectation.refusal.name}
        due["refused-with"] = Expect("refused-with", "B08", notify)
        # A peer whose policy has no common ground refuses before it comes to what the scenario is about.
        meant = view.scenario.expects_refusal and not view.expectation.unsupported
        own = view.scenario.expect if meant else ()
        if any(of(m, SecurityAssociation) for m in view.find(ExchangeType.IKE_SA_INIT, response=True)):
            for name in ("answer-is-a-subset-of-the-offer", "negotiated-as-predicted"):  # what it accepted, says why
                due[name] = Expect(name, WHEN_UP[name])
        if view.chain is not None and view.find(ExchangeType.IKE_AUTH, response=False):
            name = "keys-depend-on-every-exchange"  # a refusal in IKE_AUTH comes after all key exchanges
            due[name] = Expect(name, WHEN_UP[name])
        for expect in own:  # what the two policies lead to comes before what the scenario means to provoke
            arguments = notify if expect.check == "refused-with" else expect.arguments
            due[expect.check] = replace(expect, arguments=arguments)
    yield from due.values()
    yield from (Expect(name, requirement) for name, requirement in ALWAYS.items() if name not in due)


def _finding(view: View, expect: Expect, objection: Objection, requirements: Requirements) -> Finding:
    identifier = fitting(view, expect.check, _requirement(expect, objection, requirements))
    requirement = requirements.get(identifier)
    level = requirement.level if requirement else ""
    severity = objection.severity
    if severity == "fail" and level in ("SHOULD", "MAY"):
        severity = "should"  # an unfollowed SHOULD is a pass that carries a finding
    party = objection.party or "undetermined"
    return Finding(expect.check, identifier, level, party, objection.sentence, objection.pointer, severity)


def _requirement(expect: Expect, objection: Objection, requirements: Requirements) -> str:
    """The sentence that an objection concerns: the one it names, else the scenario's, if that is a MUST.

    Only a check that names a SHOULD itself means it: a scenario may be filed under a MAY ("ML-KEM-512 may be the only
    key exchange"), and what then goes wrong within it is no less wrong.
    """
    if objection.requirement is None:
        return ""
    if objection.requirement:
        return objection.requirement
    named = requirements.get(expect.requirement)
    return expect.requirement if named is not None and named.level == "MUST" else USUAL.get(expect.check, "")


def _result(expect: Expect, checked: Checked, found: list[Finding]) -> CheckResult:
    passed = not any(finding.severity in ("fail", "inconclusive") for finding in found)
    detail = "; ".join(finding.sentence for finding in found) if found else checked.detail
    return CheckResult(expect.check, expect.requirement, passed, detail)


def _verdict(view: View, outcome: Outcome, findings: list[Finding]) -> tuple[Verdict, str]:
    severities = {finding.severity for finding in findings}
    if "fail" in severities:
        return Verdict.FAIL, ""
    if "inconclusive" in severities:
        return Verdict.INCONCLUSIVE, "; ".join(f.sentence for f in findings if f.severity == "inconclusive")
    if view.expectation.unsupported and outcome is Outcome.REFUSED:
        return Verdict.UNSUPPORTED, view.expectation.unsupported
    return Verdict.PASS, ""


def _grade(findings: list[Finding]) -> Grade:
    """A: read off the wire. B: the only objections come from the peer's status interface."""
    failing = [finding for finding in findings if finding.severity == "fail"]
    return Grade.B if failing and all(finding.pointer.startswith("peer/") for finding in failing) else Grade.A

"""From the evidence of two products to its verdict. Pure: the same evidence always gets the same verdict."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from harness.evidence.pair import PairEvidence
from harness.oracle.pair import PairExpectation
from harness.registry.notifications import NotifyType
from harness.results.model import CheckResult, Finding, Grade, LadderStep, Outcome, Verdict
from harness.scenario.model import Expect, Parties, Requirement, Scenario
from harness.verify.judge import Judgement
from harness.verify.pair.arrival import outcome_seen
from harness.verify.pair.checks import AGREED, CAME_UP, NEGOTIATED, PAIR_CHECKS, PREDICTED, RECORD, REFUSED, WHEN_UP
from harness.verify.pair.record import wrongly_chosen
from harness.verify.pair.view import PairView, make_view
from harness.verify.result import Objection
from harness.verify.words import payload_name

Requirements = dict[str, Requirement]


def judge_pair(
    scenario: Scenario, expectation: PairExpectation, evidence: PairEvidence, requirements: Requirements
) -> Judgement:
    """The verdict on one attempt. ``requirements`` is the catalogue, for the levels of findings."""
    if evidence.wire is None or evidence.report is None:
        absent = "wire.pcapng" if evidence.wire is None else "steps.json"
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), f"{absent} is missing from the evidence")
    view = make_view(scenario, expectation, evidence)
    outcome = outcome_seen(view)
    if outcome is None:
        said = next((step.said for step in view.report.steps if step.said), "")
        reason = f"no IKE message is in the capture{f'; {view.sides[0].peer} says: {said}' if said else ''}"
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), reason)
    if evidence.report.capture_drops:
        reason = f"the kernel dropped {evidence.report.capture_drops} frames of the capture"
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), reason, _ladder(view))
    findings, results = _run_checks(view, requirements)
    verdict, reason = _verdict(view, outcome, findings)
    grade = Grade.B if verdict in (Verdict.PASS, Verdict.FAIL) else None
    return Judgement(verdict, outcome, grade, tuple(findings), tuple(results), reason, _ladder(view))


def _due(view: PairView) -> Iterator[Expect]:
    """The checks that the prediction calls for, each once; those of our records first.

    A tunnel that no record leads to undergoes what any tunnel does: the record may be what is wrong.
    """
    default = view.scenario.requirements[0].id if view.scenario.requirements else ""
    published = view.scenario.parties is Parties.PUBLISHED
    due = {name: Expect(name, default) for name in ((RECORD, AGREED, CAME_UP) if published else (CAME_UP,))}
    if view.up and (published or view.expectation.establishes):
        due |= {expect.check: expect for expect in view.scenario.expect if expect.check not in due}
        due |= {name: Expect(name, requirement) for name, requirement in WHEN_UP.items() if name not in due}
    if not (view.up and view.expectation.establishes):
        due |= {name: Expect(name, requirement) for name, requirement in REFUSED.items() if name not in due}
        if view.suite is not None:  # a choice in clear can be wrong whatever became of it
            due.setdefault(NEGOTIATED, Expect(NEGOTIATED, WHEN_UP[NEGOTIATED]))
    yield from due.values()


def _run_checks(view: PairView, requirements: Requirements) -> tuple[list[Finding], list[CheckResult]]:
    findings: list[Finding] = []
    results: list[CheckResult] = []
    doubted = False
    for expect in _due(view):
        if doubted and _rests_on_records(view, expect.check):
            continue
        checked = PAIR_CHECKS[expect.check](view, expect.arguments)
        found = [_finding(expect, objection, requirements) for objection in checked.objections]
        passed = not any(finding.severity in ("fail", "inconclusive") for finding in found)
        detail = "; ".join(finding.sentence for finding in found) if found else checked.detail
        findings += found
        results.append(CheckResult(expect.check, expect.requirement, passed, detail))
        doubted = doubted or (expect.check in (RECORD, AGREED) and not passed)
    return findings, results


def _rests_on_records(view: PairView, check: str) -> bool:
    """Whether an objection of this check may be our record's fault.

    Three things never are: a choice that no record of ours can excuse, an end without a refusal, and one by another
    error in clear than NO_PROPOSAL_CHOSEN.
    """
    if check == NEGOTIATED:
        return not wrongly_chosen(view)
    if check == CAME_UP and outcome_seen(view) is Outcome.BROKEN:
        return False
    ended = view.refusals[:1] if view.suite is None else []
    return check in (*PREDICTED, AGREED) and all(kind is NotifyType.NO_PROPOSAL_CHOSEN for _, kind in ended)


def _finding(expect: Expect, objection: Objection, requirements: Requirements) -> Finding:
    identifier = "" if objection.requirement is None else objection.requirement or expect.requirement
    requirement = requirements.get(identifier)
    party = objection.party or "undetermined"
    level = requirement.level if requirement else ""
    return Finding(expect.check, identifier, level, party, objection.sentence, objection.pointer, objection.severity)


def _verdict(view: PairView, outcome: Outcome, findings: list[Finding]) -> tuple[Verdict, str]:
    severities = {finding.severity for finding in findings}
    if "fail" in severities:
        return Verdict.FAIL, ""
    if "inconclusive" in severities:
        return Verdict.INCONCLUSIVE, "; ".join(f.sentence for f in findings if f.severity == "inconclusive")
    if view.expectation.unsupported and outcome is Outcome.REFUSED:
        return Verdict.UNSUPPORTED, view.expectation.unsupported
    return Verdict.PASS, ""


def _ladder(view: PairView) -> tuple[LadderStep, ...]:
    """One step a message, in order, ESP packets of one direction in a row together; times in milliseconds."""
    began = view.messages[0].pieces[0].datagram.at if view.messages else 0.0
    initiator = view.sides[0].address
    steps = []
    for message in view.messages:
        words = ", ".join(map(payload_name, message.payloads)) or "no payload"
        direction = ">" if message.pieces[0].datagram.source[0] == initiator else "<"
        octets = sum(len(piece.octets) for piece in message.pieces)
        at_ms = round((message.pieces[0].datagram.at - began) * 1000, 1)
        steps.append(LadderStep(direction, message.label, words, octets, at_ms))
    for forth, run in groupby(view.esp, lambda each: each.source[0] == initiator):
        row = list(run)
        detail = f"{len(row)} packet{'' if len(row) == 1 else 's'}"
        octets = sum(len(each.payload) for each in row)
        at_ms = round((row[0].at - began) * 1000, 1)
        steps.append(LadderStep(">" if forth else "<", "ESP", detail, octets, at_ms))
    return tuple(sorted(steps, key=lambda step: step.at_ms))

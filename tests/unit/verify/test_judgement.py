"""From findings to a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import good

from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.results.model import CAPTURE, CheckResult, Finding, Grade, Outcome, Severity, Verdict
from harness.verify.judgement import concluded, ladder, outcome_seen
from harness.wire.payloads import KeyExchange, SecurityAssociation

FINE = CheckResult("a-check", "A06", True, "fine")


def finding(severity: Severity, sentence: str) -> Finding:
    return Finding("a-check", "A06", "MUST", "undetermined", sentence, CAPTURE, severity)


def judged(*findings: Finding, outcome: Outcome = Outcome.HYBRID, unsupported: str = ""):
    view = good().view
    view = replace(view, expectation=replace(view.expectation, unsupported=unsupported))
    return concluded(view, outcome, [(list(findings), FINE)], lambda _: Grade.B)


SHOULD, DOUBT, FAULT = (
    finding(severity, severity.value) for severity in (Severity.SHOULD, Severity.INCONCLUSIVE, Severity.FAIL)
)


@pytest.mark.parametrize(
    ("findings", "verdict", "reason", "grade"),
    [
        ((), Verdict.PASS, "", Grade.B),
        ((SHOULD,), Verdict.PASS, "", Grade.B),
        ((SHOULD, DOUBT, DOUBT), Verdict.INCONCLUSIVE, f"{DOUBT.sentence}; {DOUBT.sentence}", None),
        ((DOUBT, FAULT), Verdict.FAIL, "", Grade.B),
    ],
)
def test_the_worst_finding_decides_and_its_sentence_is_the_reason(findings, verdict, reason, grade):
    found = judged(*findings)
    assert (found.verdict, found.reason, found.grade) == (verdict, reason, grade)
    assert (found.findings, found.checks) == (findings, (FINE,))


def test_unsupported_is_what_is_refused_for_it():
    refused = judged(outcome=Outcome.REFUSED, unsupported="it lacks ml-kem-768")
    assert (refused.verdict, refused.reason, refused.grade) == (Verdict.UNSUPPORTED, "it lacks ml-kem-768", None)
    assert judged(outcome=Outcome.CLASSICAL, unsupported="it lacks ml-kem-768").verdict is Verdict.PASS
    assert judged(outcome=Outcome.REFUSED).verdict is Verdict.PASS


def test_an_initiator_that_says_nothing_gave_up_only_where_it_has_to_refuse():
    """An altered ciphertext is noticed later: the next message is due, under other keys."""
    outcomes = {"pq-only/ciphertext-short": Outcome.REFUSED, "pq-only/ciphertext-altered": Outcome.BROKEN}
    for scenario, outcome in outcomes.items():
        view = good(scenario, role=Role.RESPONDER).view
        silent = replace(view, messages=tuple(m for m in view.messages if m.exchange == ExchangeType.IKE_SA_INIT))
        assert outcome_seen(silent) is outcome


def without(case, label, kind):
    return case.rewritten(label, lambda old: [p for p in old if not isinstance(p, kind)])


def test_what_came_up_is_on_the_wire_and_proven():
    case = good()
    assert outcome_seen(case.view) is Outcome.HYBRID
    assert outcome_seen(without(case, "IKE_AUTH response 2", SecurityAssociation).view) is Outcome.BROKEN
    assert outcome_seen(without(case, "IKE_INTERMEDIATE response 1", KeyExchange).view) is Outcome.BROKEN


@pytest.mark.parametrize(("role", "direction"), [(Role.INITIATOR, ">"), (Role.RESPONDER, "<")])
def test_our_engine_stands_on_the_left_of_the_ladder(role, direction):
    first = ladder(good(role=role).view)[0]
    assert (first.label, first.direction) == ("IKE_SA_INIT request 0", direction)
    assert first.detail.startswith("SA, KE(")


def test_a_step_without_a_payload_says_so():
    steps = ladder(good("lifecycle/liveness-and-delete").view)
    assert "SK { no payload }" in {step.detail for step in steps}

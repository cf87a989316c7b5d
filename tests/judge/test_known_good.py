"""Cases in which nothing went wrong: every scenario against every real peer, in both roles; and every check passing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from case_builder import expect_of, good, peers, scenarios

from harness.policy.role import Role
from harness.results.model import Grade, Outcome, Verdict
from harness.verify.checks.catalogue import ENGINE_CHECKS

KERNEL_ESP = "strongswan-6.1-kernel-esp"
REAL = ("strongswan-5.9", "strongswan-6.0", "strongswan-6.1", KERNEL_ESP)
# Our engine stands for the product; unlike 5.9 it knows the transform types of RFC 9370 and selects NONE.
# And it has transport mode, which user-space ESP lacks.
UNLIKE_THE_PRODUCT = {
    ("multiple-ke/none-selected", "strongswan-5.9"),
    *(("esp/transport", peer) for peer in REAL if peer != KERNEL_ESP),
}


def sent() -> list[tuple[str, str, Role]]:
    planned = [(s, p, role) for s in sorted(scenarios()) for p in REAL for role in Role]
    return [
        (s, p, role)
        for s, p, role in planned
        if not expect_of(scenarios()[s], peers()[p], role).skipped and (s, p) not in UNLIKE_THE_PRODUCT
    ]


@pytest.mark.parametrize(("scenario", "peer", "role"), sent())
def test_ends_as_predicted(scenario, peer, role):
    case = good(scenario, peer, role)
    judgement = case.judge()
    assert judgement.findings == ()
    assert judgement.outcome == case.expectation.outcome
    assert judgement.verdict is (Verdict.UNSUPPORTED if case.expectation.unsupported else Verdict.PASS)
    assert judgement.grade is (Grade.A if judgement.verdict is Verdict.PASS else None)
    assert judgement.reason == case.expectation.unsupported
    assert all(result.passed and result.detail for result in judgement.checks)


def test_every_check_is_seen_passing():
    seen = {result.check for s, p, role in sent() for result in good(s, p, role).judge().checks}
    assert seen >= set(ENGINE_CHECKS)


def test_every_check_is_seen_failing():
    """``objects`` fails where the check does not object, so a call of it is a check seen failing."""
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    failing = {name for text in texts for name in re.findall(r'objects\(\s*[^"]*?,\s*"([a-z-]+)"', text)}
    assert set(ENGINE_CHECKS) - failing == set()


@pytest.mark.parametrize("scenario", sorted(scenarios()))
def test_a_post_quantum_method_decides_the_outcome(scenario):
    case = good(scenario, KERNEL_ESP, scenarios()[scenario].roles[0])
    suites = case.expectation.ike
    names = {one.name(kind) for suite in suites for kind, one in suite.transforms.items() if kind.is_key_exchange}
    outcome = case.judge().outcome
    if outcome is Outcome.HYBRID:
        assert any(name.startswith("ml-kem") for name in names)
        assert any(not name.startswith("ml-kem") for name in names)
    elif outcome is Outcome.CLASSICAL:
        assert not any(name.startswith("ml-kem") for name in names)


def test_the_same_evidence_gets_the_same_judgement(role):
    case = good("multiple-ke/two-with-a-gap", role=role)
    assert case.judge() == case.judge()

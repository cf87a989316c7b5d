"""Our own side stood still: nothing is said against a peer, and what was shown to be right stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import good
from pair_builder import good_pair

from harness.evidence.interruption import Disturbance, OwnProcess
from harness.policy.role import Role
from harness.results.model import Grade, Outcome, Verdict

STILL = (Disturbance(OwnProcess.WORKER, 0.0, 2.5), Disturbance(OwnProcess.RUNNER, 0.0, 25.04))
NOT_GRANTED = (Disturbance(OwnProcess.RUNNER, 0.0, 90.0, "the peer's status"),)


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    ("ours", "words"),
    [
        (STILL, "our runner stood still for 25.0 s"),
        (NOT_GRANTED, "our runner did not do its part for 90.0 s: the peer's status"),
    ],
)
def test_a_fail_is_an_error_while_our_side_stood_still(role, ours, words):
    failing = (
        good(role=role)
        .without("IKE_AUTH response 2")
        .with_report(established=False, child_established=False, timed_out="the IKE SA to be established or refused")
    )
    assert failing.judge().verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    found = failing.with_evidence(disturbances=ours).judge()
    assert (found.verdict, found.outcome, found.grade, found.findings) == (Verdict.ERROR, None, None, ())
    assert found.reason.startswith(words)
    assert found.ladder


def test_what_was_awaited_in_vain_is_not_held_against_the_peer():
    """The case of a runner that was stopped: all was well, but the peer's status never came."""
    waiting = good().awaiting("the peer's status")
    assert waiting.judge().verdict is Verdict.FAIL
    assert waiting.with_evidence(disturbances=STILL).judge().verdict is Verdict.ERROR


def test_a_pass_stays_one():
    found = good().with_evidence(disturbances=STILL).judge()
    assert (found.verdict, found.outcome, found.grade) == (Verdict.PASS, Outcome.HYBRID, Grade.A)


def test_missing_evidence_is_an_error_too():
    found = good().with_evidence(disturbances=STILL, secrets=None).judge()
    assert found.verdict is Verdict.ERROR


def test_what_was_not_sent_stays_skipped():
    case = good()
    skipped = replace(case, expectation=replace(case.expectation, skipped="it cannot initiate"))
    assert skipped.with_evidence(disturbances=STILL).judge().verdict is Verdict.SKIPPED


def test_a_clean_refusal_stays_unsupported():
    case = good("hybrid/x25519-mlkem768", "strongswan-5.9")
    assert case.judge().verdict is Verdict.UNSUPPORTED
    assert case.with_evidence(disturbances=STILL).judge().verdict is Verdict.UNSUPPORTED


def test_where_silence_is_right_it_proves_nothing_while_we_stood_still():
    case = good("multiple-ke/ciphertext-short", role=Role.RESPONDER)
    assert case.judge().verdict is Verdict.PASS
    assert case.with_evidence(disturbances=STILL).judge().verdict is Verdict.ERROR


def test_two_products_are_not_blamed_either():
    pair = good_pair()
    assert pair.with_evidence(disturbances=STILL).judge().verdict is Verdict.PASS
    failing = pair.with_step("traffic", echo_received=0)
    assert failing.judge().verdict is Verdict.FAIL
    found = replace(failing, evidence=replace(failing.evidence, disturbances=STILL)).judge()
    assert found.verdict is Verdict.ERROR
    assert found.reason.startswith("our runner stood still for 25.0 s")

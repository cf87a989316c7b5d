"""A daemon that ended: FAIL where it did so by itself, and again with its case alone; ERROR else."""

from __future__ import annotations

import pytest
from case_builder import good
from pair_builder import FIRST, good_pair

from harness.evidence.interruption import Cause, Death, Disturbance, OwnProcess
from harness.results.model import Grade, Outcome, Verdict

TWICE = Death("strongswan-6.1", "peer", Cause.ITSELF, "container x is exited (139)", ("another@case",), again=True)
ONCE = Death("strongswan-6.1", "peer", Cause.ITSELF, "container x is exited (139)", ("another@case",))


def test_twice_by_itself_is_its_fail_with_the_last_message():
    found = good().with_evidence(death=TWICE).judge()
    assert (found.verdict, found.outcome, found.grade) == (Verdict.FAIL, Outcome.BROKEN, Grade.B)
    [finding], [result] = found.findings, found.checks
    assert (result.check, result.passed) == ("daemon-survives", False)
    assert (finding.requirement, finding.level, finding.party, finding.pointer) == (
        "H03", "MUST", "strongswan-6.1", "death.json",
    )  # fmt: skip
    assert finding.sentence == (
        "its daemon ended by itself, after INFORMATIONAL response 3 (container x is exited (139)), "
        "and did so again when the case was played once more"
    )
    assert found.ladder


@pytest.mark.parametrize(
    "death", [ONCE, *(Death("p", "peer", cause, "words", again=True) for cause in Cause if cause is not Cause.ITSELF)]
)
def test_anything_else_is_an_error_that_names_what_happened(death):
    found = good().with_evidence(death=death).judge()
    assert (found.verdict, found.findings) == (Verdict.ERROR, ())
    assert found.reason == death.sentence


def test_the_sentence_names_those_beside_it_and_whether_it_is_known_to_have_ended():
    assert ONCE.sentence == (
        "strongswan-6.1: its daemon ended during the case; container x is exited (139); beside it ran another@case"
    )
    unknown = Death("p", "peer", Cause.UNKNOWN, "container x is running")
    assert unknown.sentence == "p: does not answer any more; container x is running"


def test_evidence_that_is_missing_makes_no_difference():
    found = good().with_evidence(death=TWICE, wire=None, secrets=None).judge()
    assert (found.verdict, found.ladder) == (Verdict.FAIL, ())


def test_a_stall_of_ours_does_not_excuse_a_daemon_that_ends_twice():
    stall = (Disturbance(OwnProcess.RUNNER, 0.0, 25.0),)
    assert good().with_evidence(death=TWICE, disturbances=stall).judge().verdict is Verdict.FAIL


def test_of_two_products_it_is_the_one_that_ended():
    death = Death(FIRST, "initiator", Cause.ITSELF, "container x is exited (139)", again=True)
    found = good_pair().with_evidence(death=death).judge()
    assert (found.verdict, found.findings[0].party) == (Verdict.FAIL, FIRST)
    once = Death(FIRST, "initiator", Cause.ITSELF, "container x is exited (139)")
    assert good_pair().with_evidence(death=once).judge().verdict is Verdict.ERROR

"""Values that two cases of one run share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from case_builder import PEER_NAME, good
from pair_builder import good_pair

from harness.policy.role import Role
from harness.results.model import Grade, Outcome, Severity, Verdict
from harness.run.never_twice import NeverTwice
from harness.verify.judgement import Judgement

HYBRID = "hybrid/x25519-mlkem768"


@pytest.fixture(params=list(Role), ids=[role.value for role in Role])
def role(request: pytest.FixtureRequest) -> Any:
    return request.param


def sharing(judgement: Judgement, other: Judgement, *, party: str, kind: str) -> Judgement:
    """The judgement of a case in which a party sent a value of another one."""
    (theirs,) = [value for value in other.fresh if (value.party, value.kind) == (party, kind)]
    fresh = [
        replace(value, digest=theirs.digest) if (value.party, value.kind) == (party, kind) else value
        for value in judgement.fresh
    ]
    return replace(judgement, fresh=tuple(fresh))


def test_a_case_tells_its_values(role):
    fresh = good(HYBRID, role=role).judge().fresh
    kinds = sorted((value.party == PEER_NAME, value.kind) for value in fresh)
    assert kinds == [(False, "ML_KEM_768"), (False, "nonce"), (True, "ML_KEM_768"), (True, "nonce")]
    assert len({value.digest for value in fresh}) == 4


def test_cases_with_values_of_their_own_are_as_they_were(role):
    run, judged = NeverTwice(), [good(name, role=role).judge() for name in (HYBRID, "classical/ecp384")]
    assert [run.judged(str(number), each) for number, each in enumerate(judged)] == judged


def test_a_case_that_is_judged_again_is_no_repetition(role):
    run, judgement = NeverTwice(), good(HYBRID, role=role).judge()
    assert run.judged("one", judgement) == run.judged("one", judgement) == judgement


@pytest.mark.parametrize(("kind", "requirement"), [("nonce", "B23"), ("ML_KEM_768", "M11")])
def test_a_value_of_another_case_names_its_sender(role, kind, requirement):
    first, second = good(HYBRID, role=role).judge(), good("hybrid/mlkem768-or-classical", role=role).judge()
    run = NeverTwice()
    run.judged("one", first)
    again = run.judged("two", sharing(second, first, party=PEER_NAME, kind=kind))
    assert (again.verdict, again.outcome, again.grade) == (Verdict.FAIL, Outcome.HYBRID, Grade.A)
    (finding,) = again.findings
    assert (finding.party, finding.requirement, finding.severity) == (PEER_NAME, requirement, Severity.FAIL)
    assert finding.sentence.endswith("is the one of one, octet for octet")
    assert not again.checks[-1].passed


def test_the_messages_of_another_case_name_nobody(role):
    run, judgement = NeverTwice(), good(HYBRID, role=role).judge()
    run.judged("one", judgement)
    copied = run.judged("two", judgement)
    assert (copied.verdict, copied.findings) == (Verdict.INCONCLUSIVE, ())
    assert copied.reason == "the evidence holds messages of one: the same values, from both sides"


def test_of_two_products_the_nonces_are_compared():
    judgement = good_pair("pairs/hybrid").judge()
    assert {value.kind for value in judgement.fresh} >= {"nonce"}
    assert len({value.party for value in judgement.fresh}) == 2


def test_what_has_no_verdict_gets_none(role):
    run, judgement = NeverTwice(), good(HYBRID, role=role).judge()
    run.judged("one", judgement)
    broken = replace(judgement, verdict=Verdict.ERROR)
    assert run.judged("two", broken) == broken

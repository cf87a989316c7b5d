"""A check as it is declared, and what becomes of its objections."""

from __future__ import annotations

import pytest
from case_builder import requirements

from harness.results.model import CAPTURE, Severity
from harness.verify.check import Checked, DueCheck, Objection
from harness.verify.checks.catalogue import CHECKS, ENGINE_CHECKS, PAIR_CHECKS


def test_every_check_says_what_it_asks_for():
    for check in CHECKS.values():
        assert check.title and check.text.startswith(check.title), check.name
        assert "\n" not in check.title


def test_checks_are_of_one_kind_of_case_or_the_other_or_of_both():
    assert {**ENGINE_CHECKS, **PAIR_CHECKS} == CHECKS
    assert "esp-both-ways" in ENGINE_CHECKS.keys() - PAIR_CHECKS.keys()
    assert "pair-esp-both-ways" in PAIR_CHECKS.keys() - ENGINE_CHECKS.keys()
    assert ENGINE_CHECKS["key-exchange-sizes"] is PAIR_CHECKS["key-exchange-sizes"]


DUE = DueCheck(CHECKS["esp-in-its-form"], "E06", {}, {})
SHOULD = "M07"


def findings(*objections: Objection):
    found, _ = DUE.judged(Checked("", objections), requirements())
    return found


@pytest.mark.parametrize(
    ("severity", "requirement", "expected"),
    [
        (Severity.FAIL, "E06", Severity.FAIL),
        (Severity.FAIL, SHOULD, Severity.SHOULD),
        (Severity.INCONCLUSIVE, SHOULD, Severity.INCONCLUSIVE),
        (Severity.NOTE, SHOULD, Severity.NOTE),
    ],
)
def test_only_a_failure_is_softened_by_a_should(severity, requirement, expected):
    assert requirements()[SHOULD].level == "SHOULD"
    (finding,) = findings(Objection("a peer", "wrong", CAPTURE, requirement, severity))
    assert finding.severity is expected


@pytest.mark.parametrize(("count", "kept", "more"), [(9, 9, ""), (10, 10, ""), (11, 10, "; and 1 more of its kind")])
def test_of_many_of_a_kind_ten_are_kept(count, kept, more):
    found = findings(*(Objection("a peer", f"wrong {number}", CAPTURE) for number in range(count)))
    assert len(found) == kept
    assert found[-1].sentence == f"wrong {kept - 1}{more}"

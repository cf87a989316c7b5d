"""A check as it is declared, and what becomes of its objections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from case_builder import requirements

from harness.results.model import CAPTURE, Severity
from harness.verify.check import Checked, DueCheck, Objection, wire_check
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


@pytest.mark.parametrize(
    ("case", "named", "expected"),
    [
        ("E06", "", "E06"),  # the case's own, where that is a MUST
        ("I07", "", "I07"),
        (SHOULD, "", "K01"),  # what goes wrong within a SHOULD is no less wrong
        ("X99", "", "K01"),
        (SHOULD, SHOULD, SHOULD),  # unless the check itself names it
        ("E06", "B13", "B13"),
        ("E06", None, ""),
    ],
)
def test_the_sentence_that_an_objection_concerns(case, named, expected):
    due = DueCheck(CHECKS["opens-with-the-keys-due"], case, {}, {})
    found, _ = due.judged(Checked("", (Objection("a peer", "wrong", CAPTURE, named),)), requirements())
    assert [finding.requirement for finding in found] == [expected]


def test_what_does_not_apply_to_a_case_is_replaced():
    due = DueCheck(CHECKS["opens-with-the-keys-due"], "I07", {}, {"I07": "K01"})
    found, _ = due.judged(Checked("", (Objection("", "wrong", CAPTURE),)), requirements())
    assert [(finding.requirement, finding.level, finding.party) for finding in found] == [
        ("K01", "MUST", "undetermined")
    ]


def said_of(*each: Checked) -> Checked:
    """What a check of every case says where it says this of each IKE SA."""

    @wire_check("made-up")
    def check(view: Any, _arguments: Any) -> Checked:
        return view.found

    return check(SimpleNamespace(ike_sas=[SimpleNamespace(found=found) for found in each]))


WRONG, LATE = Objection("a peer", "wrong", CAPTURE), Objection("a peer", "late", CAPTURE)


@pytest.mark.parametrize(
    ("each", "whole"),
    [
        ([], Checked("no IKE SA is on the wire")),
        ([Checked("one is sound")], Checked("one is sound")),
        ([Checked("", (WRONG,))], Checked("", (WRONG,))),
        ([Checked("sound"), Checked("sound"), Checked("whole")], Checked("sound; whole")),
        ([Checked("", (WRONG,)), Checked("sound")], Checked("sound", (WRONG,))),
        ([Checked("", (WRONG,)), Checked("", (WRONG, LATE))], Checked("", (WRONG, LATE))),
    ],
)
def test_each_ike_sa_is_judged_and_what_is_said_of_several_is_said_once(each, whole):
    assert said_of(*each) == whole

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.report.diff_report import render
from harness.results.diff import diff_runs
from harness.results.model import Grade, Outcome, Verdict
from harness.results.record import read_run

RUN = read_run(Path(__file__).parents[2] / "golden" / "report" / "run.jsonl")
PASS = Verdict.PASS


def changed(number: int, *, expected: bool = True, **fields: object):
    record = RUN.cases[number]
    record = replace(record, attempts=(replace(record.first, **fields),), expected=expected)
    return replace(RUN, cases=(*RUN.cases[:number], record, *RUN.cases[number + 1 :]))


def test_a_run_does_not_differ_from_itself():
    diff = diff_runs(RUN, RUN)
    assert (diff.changed, diff.new, diff.gone, diff.facts) == ((), (), (), ())
    assert diff.unchanged == len(RUN.cases)


def test_duration_alone_is_no_change():
    assert diff_runs(RUN, changed(0, duration_ms=9)).changed == ()


def test_verdict_outcome_and_grade_are_changes():
    after = changed(0, verdict=Verdict.FAIL, outcome=Outcome.BROKEN, reason="why", expected=False)
    (change,) = diff_runs(RUN, after).changed
    assert change.fields == ("verdict", "outcome")
    assert change.regression and not change.mended
    assert change.after.sentence == "why"
    (change,) = diff_runs(after, RUN).changed
    assert change.mended and not change.regression
    (change,) = diff_runs(RUN, changed(0, grade=Grade.B)).changed
    assert change.fields == ("grade",)
    assert not change.regression


def test_new_and_gone():
    fewer = replace(RUN, cases=RUN.cases[1:])
    assert [case for case, _ in diff_runs(RUN, fewer).gone] == [RUN.cases[0].case]
    assert [case for case, _ in diff_runs(fewer, RUN).new] == [RUN.cases[0].case]


def test_what_may_explain_a_change_is_listed():
    peers = (replace(RUN.header.peers[0], version="5.9.9"), *RUN.header.peers[1:])
    after = replace(RUN, header=replace(RUN.header, kernel="Linux 7.0", peers=peers))
    assert diff_runs(RUN, after).facts == (
        ("kernel", RUN.header.kernel, "Linux 7.0"),
        ("strongswan-5.9 version", "5.9.8", "5.9.9"),
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verdict": Verdict.UNSUPPORTED}, "passed before, is unsupported now"),
        ({"verdict": Verdict.SKIPPED, "outcome": None, "grade": None}, "passed before, is skipped now"),
        ({"outcome": Outcome.CLASSICAL}, "the post-quantum protection is lost"),
        ({"outcome": Outcome.REFUSED}, "the post-quantum protection is lost"),
        ({"outcome": Outcome.BROKEN}, "the post-quantum protection is lost"),
    ],
)
def test_what_counts_as_expected_can_be_a_loss(fields, words):
    number = next(i for i, r in enumerate(RUN.cases) if (r.first.verdict, r.first.outcome) == (PASS, Outcome.HYBRID))
    diff = diff_runs(RUN, changed(number, **fields))
    (change,) = diff.regressions
    assert change.loss == words
    assert diff.worse == 1
    assert words in render(diff)
    assert diff_runs(changed(number, **fields), RUN).worse == 0


def test_a_tunnel_that_should_not_have_come_up_is_no_loss_once_it_is_refused():
    number = next(i for i, r in enumerate(RUN.cases) if r.first.verdict is Verdict.FAIL and not r.known_failure)
    before = changed(number, outcome=Outcome.HYBRID, expected=False)
    (change,) = diff_runs(before, changed(number, verdict=PASS, outcome=Outcome.REFUSED)).changed
    assert change.mended
    assert change.loss == ""


def test_new_cases_that_are_not_as_expected_and_gone_ones_make_it_worse():
    red = next(record for record in RUN.cases if not record.expected)
    without = replace(RUN, cases=tuple(record for record in RUN.cases if record is not red))
    assert diff_runs(without, RUN).worse == 1
    assert "1 got worse (1 new and not as expected)" in render(diff_runs(without, RUN))
    assert diff_runs(RUN, without).worse == 1
    assert "1 gone, which counts as worse: nothing tests them now" in render(diff_runs(RUN, without))
    green = replace(RUN, cases=RUN.cases[1:])
    assert RUN.cases[0].expected
    assert diff_runs(green, RUN).worse == 0

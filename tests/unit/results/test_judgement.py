from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.results.judgement import ExitStatus, exit_status, is_expected, summarise
from harness.results.model import Attempt, CaseRecord, Outcome, Run, Verdict
from harness.results.record import read_run

GOLDEN = Path(__file__).parents[2] / "golden" / "report" / "run.jsonl"
HEADER = read_run(GOLDEN).header


def run_of(*verdicts: Verdict, known: str = "", complete: bool = True) -> Run:
    records = tuple(
        CaseRecord(
            f"s/{number}@p@initiator",
            f"s/{number}",
            "p",
            "initiator",
            (Attempt(verdict, Outcome.HYBRID, None, (), (), "", 1, ""),),
            is_expected(verdict, known_failure=bool(known)),
            known,
        )
        for number, verdict in enumerate(verdicts)
    )
    return Run(HEADER, records, 1, complete)


@pytest.mark.parametrize(
    ("verdict", "unlisted", "listed"),
    [
        (Verdict.PASS, True, False),
        (Verdict.FAIL, False, True),
        (Verdict.UNSUPPORTED, True, True),
        (Verdict.SKIPPED, True, True),
        (Verdict.INCONCLUSIVE, False, False),
        (Verdict.ERROR, False, False),
    ],
)
def test_expected(verdict, unlisted, listed):
    assert is_expected(verdict, known_failure=False) is unlisted
    assert is_expected(verdict, known_failure=True) is listed


@pytest.mark.parametrize(
    ("run", "status"),
    [
        (run_of(Verdict.PASS, Verdict.UNSUPPORTED, Verdict.SKIPPED), ExitStatus.AS_EXPECTED),
        (run_of(Verdict.PASS, Verdict.FAIL), ExitStatus.NOT_AS_EXPECTED),
        (run_of(Verdict.FAIL, known="why"), ExitStatus.AS_EXPECTED),
        (run_of(Verdict.PASS, known="why"), ExitStatus.NOT_AS_EXPECTED),
        (run_of(Verdict.INCONCLUSIVE), ExitStatus.NOT_AS_EXPECTED),
        (run_of(Verdict.PASS, Verdict.ERROR), ExitStatus.LAB_ERROR),
        (run_of(Verdict.FAIL, Verdict.ERROR), ExitStatus.NOT_AS_EXPECTED),
        (run_of(Verdict.PASS, complete=False), ExitStatus.LAB_ERROR),
        (run_of(), ExitStatus.LAB_ERROR),
        (run_of(Verdict.SKIPPED), ExitStatus.NOT_AS_EXPECTED),
        (run_of(Verdict.UNSUPPORTED, Verdict.SKIPPED), ExitStatus.NOT_AS_EXPECTED),
        (run_of(Verdict.SKIPPED, Verdict.ERROR), ExitStatus.LAB_ERROR),
        (run_of(Verdict.SKIPPED, complete=False), ExitStatus.LAB_ERROR),
        (run_of(Verdict.UNSUPPORTED, known="why"), ExitStatus.NOT_AS_EXPECTED),
    ],
)
def test_exit_status(run, status):
    assert exit_status(run) is status


def test_a_run_in_which_nothing_could_pass_says_so():
    words = "1 case: 1 skipped; all as expected, but nothing passed: the run shows nothing"
    assert summarise(run_of(Verdict.SKIPPED)).sentence == words
    assert "shows nothing" not in summarise(run_of(Verdict.SKIPPED, Verdict.PASS)).sentence
    assert "shows nothing" not in summarise(run_of(Verdict.FAIL, known="why")).sentence
    assert "shows nothing" not in summarise(run_of()).sentence
    assert exit_status(run_of(Verdict.SKIPPED), part=True) is ExitStatus.AS_EXPECTED


def test_exit_status_does_not_wrap_with_many_failures():
    assert exit_status(run_of(*[Verdict.FAIL] * 256)) == 1


def test_summary_counts_first_attempts():
    summary = summarise(read_run(GOLDEN))
    assert summary.sentence == (
        "40 cases: 29 passed, 3 failed, 4 unsupported, 1 inconclusive, 2 in error, 1 skipped; 7 not as expected"
    )
    assert (summary.flaky, summary.known_failures) == (1, 1)
    assert sum(summary.verdicts.values()) == summary.total
    assert summary.outcomes[Outcome.PQ_ONLY] == 2


def test_summary_of_one_case():
    assert summarise(run_of(Verdict.PASS)).sentence == "1 case: 1 passed; all as expected"
    interrupted = replace(run_of(Verdict.PASS), complete=False)
    assert summarise(interrupted).sentence.endswith("the run is not complete")

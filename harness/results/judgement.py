"""Which verdicts count as expected, and what they add up to: the summary and the exit status of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum

from harness.results.model import CaseRecord, Outcome, Run, Verdict


class ExitStatus(IntEnum):
    """The exit status of the command. ``BAD_INPUT`` is never a property of a run: then there is none."""

    AS_EXPECTED = 0
    NOT_AS_EXPECTED = 1
    BAD_INPUT = 2
    LAB_ERROR = 3


def is_expected(verdict: Verdict, *, known_failure: bool) -> bool:
    """Whether a verdict counts as expected, given whether its case is listed as a known failure.

    PASS, UNSUPPORTED and SKIPPED are expected; FAIL only where it is listed. A listed case that passes is not
    expected: the list is wrong then. INCONCLUSIVE and ERROR never are.
    """
    if verdict in (Verdict.UNSUPPORTED, Verdict.SKIPPED):
        return True
    if known_failure:
        return verdict is Verdict.FAIL
    return verdict is Verdict.PASS


_WITHOUT_RESULT = {Verdict.UNSUPPORTED, Verdict.SKIPPED}


@dataclass(frozen=True, slots=True)
class Summary:
    """A run in numbers."""

    total: int
    verdicts: dict[Verdict, int]  # in the order of the enum, only those that occur
    outcomes: dict[Outcome, int]
    flaky: int
    known_failures: int  # FAIL, and listed
    unexpected: tuple[CaseRecord, ...]
    complete: bool

    @property
    def shows_nothing(self) -> bool:
        """Whether all is as expected and no case came to anything: each was refused or never sent."""
        return bool(self.total) and not self.unexpected and set(self.verdicts) <= _WITHOUT_RESULT

    @property
    def sentence(self) -> str:
        """The summary in words: "40 cases: 33 passed, 1 failed, 6 unsupported; 1 not as expected"."""
        words = ", ".join(f"{count} {_WORDS[verdict]}" for verdict, count in self.verdicts.items())
        cases = f"{self.total} case" + ("" if self.total == 1 else "s")
        ending = f"{len(self.unexpected)} not as expected" if self.unexpected else "all as expected"
        if self.shows_nothing:
            ending += ", but nothing passed: the run shows nothing"
        return f"{cases}: {words or 'none'}; {ending}" + ("" if self.complete else "; the run is not complete")


_WORDS = {
    Verdict.PASS: "passed",
    Verdict.FAIL: "failed",
    Verdict.UNSUPPORTED: "unsupported",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.ERROR: "in error",
    Verdict.SKIPPED: "skipped",
}


def summarise(run: Run) -> Summary:
    """The numbers of a run; of each case the first attempt counts."""
    verdicts = Counter(record.first.verdict for record in run.cases)
    outcomes = Counter(record.first.outcome for record in run.cases if record.first.outcome is not None)
    return Summary(
        total=len(run.cases),
        verdicts={verdict: verdicts[verdict] for verdict in Verdict if verdicts[verdict]},
        outcomes={outcome: outcomes[outcome] for outcome in Outcome if outcomes[outcome]},
        flaky=sum(record.flaky for record in run.cases),
        known_failures=sum(bool(r.known_failure) and r.first.verdict is Verdict.FAIL for r in run.cases),
        unexpected=tuple(record for record in run.cases if not record.expected),
        complete=run.complete,
    )


def exit_status(run: Run, *, part: bool = False) -> ExitStatus:
    """The exit status of a run.

    Any unexpected verdict other than ERROR makes it 1: a release is judged by what the peers did. With no such verdict,
    an ERROR, an interrupted run or a run without a single case makes it 3: the lab owes an answer. A run in which all
    is UNSUPPORTED or SKIPPED makes it 1, too: it has shown nothing, and green it would be taken for a release that was
    tested. Of a ``part`` of a run that is no wonder.
    """
    unexpected = {record.first.verdict for record in run.cases if not record.expected}
    if unexpected - {Verdict.ERROR}:
        return ExitStatus.NOT_AS_EXPECTED
    if unexpected or not run.complete or not run.cases:
        return ExitStatus.LAB_ERROR
    if not part and summarise(run).shows_nothing:
        return ExitStatus.NOT_AS_EXPECTED
    return ExitStatus.AS_EXPECTED

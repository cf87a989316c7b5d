"""What changed between two runs, case by case: the question that a release asks."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results.model import CaseRecord, Grade, Outcome, Run, RunHeader, Verdict


@dataclass(frozen=True, slots=True)
class CellState:
    """What a cell said in one run."""

    verdict: Verdict
    outcome: Outcome | None
    grade: Grade | None
    expected: bool
    flaky: bool
    sentence: str  # the first finding, or the reason

    @classmethod
    def of(cls, record: CaseRecord) -> CellState:
        """The state of a recorded case; its first attempt counts."""
        first = record.first
        failing = [finding.sentence for finding in first.findings if finding.severity == "fail"]
        sentence = failing[0] if failing else first.reason
        return cls(first.verdict, first.outcome, record.grade, record.expected, record.flaky, sentence)


@dataclass(frozen=True, slots=True)
class Change:
    """One case whose verdict, outcome or grade is another than before."""

    case: str
    before: CellState
    after: CellState

    @property
    def regression(self) -> bool:
        """Whether the case was as expected before and is not any more."""
        return self.before.expected and not self.after.expected

    @property
    def mended(self) -> bool:
        """Whether the case was not as expected before and is now."""
        return self.after.expected and not self.before.expected

    @property
    def fields(self) -> tuple[str, ...]:
        """Which of verdict, outcome and grade changed."""
        return tuple(
            name for name in ("verdict", "outcome", "grade") if getattr(self.before, name) != getattr(self.after, name)
        )


@dataclass(frozen=True, slots=True)
class RunDiff:
    """Two runs compared. ``facts`` are the differences of the runs themselves that may explain the rest."""

    before: str  # run ids
    after: str
    changed: tuple[Change, ...]
    new: tuple[tuple[str, CellState], ...]
    gone: tuple[tuple[str, CellState], ...]
    unchanged: int
    facts: tuple[tuple[str, str, str], ...]  # (what, before, after)

    @property
    def regressions(self) -> tuple[Change, ...]:
        """The changes from expected to not expected."""
        return tuple(change for change in self.changed if change.regression)


def diff_runs(before: Run, after: Run) -> RunDiff:
    """Compare two runs by case; cases keep the order of the later run, gone ones that of the earlier."""
    old = {record.case: CellState.of(record) for record in before.cases}
    new = {record.case: CellState.of(record) for record in after.cases}
    both = [Change(case, old[case], state) for case, state in new.items() if case in old]
    changed = tuple(change for change in both if change.fields)
    return RunDiff(
        before=before.header.id,
        after=after.header.id,
        changed=changed,
        new=tuple((case, state) for case, state in new.items() if case not in old),
        gone=tuple((case, state) for case, state in old.items() if case not in new),
        unchanged=len(both) - len(changed),
        facts=tuple(_differing(_facts(before.header), _facts(after.header))),
    )


def _facts(header: RunHeader) -> dict[str, str]:
    facts = {
        "harness": header.harness_version,
        "kernel": header.kernel,
        "plan": header.plan_hash,
        "seed": str(header.seed),
        **header.versions,
    }
    for peer in header.peers:
        facts[f"{peer.name} version"] = peer.version
        facts[f"{peer.name} image"] = peer.image
    return facts


def _differing(before: dict[str, str], after: dict[str, str]) -> list[tuple[str, str, str]]:
    names = [*after, *(name for name in before if name not in after)]
    return [
        (name, before.get(name, ""), after.get(name, ""))
        for name in names
        if before.get(name, "") != after.get(name, "")
    ]

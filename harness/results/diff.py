"""What changed between two runs, case by case: the question that a release asks."""

from __future__ import annotations

from dataclasses import dataclass

from harness.results.model import CaseRecord, Grade, Outcome, Run, RunHeader, Severity, Verdict

_PROTECTED = (Outcome.HYBRID, Outcome.PQ_ONLY)
_UNPROTECTED = (Outcome.CLASSICAL, Outcome.REFUSED, Outcome.BROKEN)
_UNTESTED = (Verdict.UNSUPPORTED, Verdict.SKIPPED)


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
        failing = [finding.sentence for finding in first.findings if finding.severity is Severity.FAIL]
        sentence = failing[0] if failing else first.reason
        return cls(first.verdict, first.outcome, record.grade, record.expected, record.flaky, sentence)


@dataclass(frozen=True, slots=True)
class Change:
    """One case whose verdict, outcome or grade is another than before."""

    case: str
    before: CellState
    after: CellState

    @property
    def loss(self) -> str:
        """What got worse, in words; "" where nothing did.

        A verdict that counts as expected can still be a loss: what passed before is not even tested now, or a tunnel
        that was post-quantum is not any more. What was wrong before and is right now is never one.
        """
        before, after = self.before, self.after
        if before.expected and not after.expected:
            return "no longer as expected"
        if before.verdict is Verdict.PASS and after.verdict in _UNTESTED:
            return f"passed before, is {after.verdict.value.lower()} now"
        if not self.mended and before.outcome in _PROTECTED and after.outcome in _UNPROTECTED:
            return "the post-quantum protection is lost"
        return ""

    @property
    def regression(self) -> bool:
        """Whether something got worse."""
        return bool(self.loss)

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
        """The changes for the worse."""
        return tuple(change for change in self.changed if change.regression)

    @property
    def new_unexpected(self) -> tuple[tuple[str, CellState], ...]:
        """The new cases that are not as expected."""
        return tuple((case, state) for case, state in self.new if not state.expected)

    @property
    def worse(self) -> int:
        """How many cases got worse: regressions, new ones that are not as expected, and gone ones, untested now."""
        return len(self.regressions) + len(self.new_unexpected) + len(self.gone)


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

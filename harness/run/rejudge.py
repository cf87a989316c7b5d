"""A recorded run judged again: evidence is stored before it is judged, so a newer verifier can look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.border.names import UnsafeName, inside
from harness.evidence.store import EvidenceFolder, UnreadableEvidence, digests, folder_name
from harness.results.model import Attempt, CaseRecord, Run, Verdict
from harness.run.inputs import Inputs
from harness.run.never_twice import NeverTwice
from harness.scenario.model import Scenario
from harness.scenario.scenario_file import load_scenario
from harness.scenario.selection import select
from harness.scenario.toml_source import InvalidData
from harness.verify.checks.catalogue import CHECKS
from harness.verify.judge import judge_folder
from harness.verify.judgement import Judgement


@dataclass(frozen=True, slots=True)
class Rejudged:
    """The verdict now beside the recorded one."""

    record: CaseRecord
    judgement: Judgement
    altered: tuple[str, ...] = ()  # files of the evidence that are not those that were recorded

    @property
    def differences(self) -> tuple[tuple[str, str, str], ...]:
        """(what, recorded, now) for each of verdict, outcome and grade that is not the recorded one.

        And for each check of the case that is not made any more: a verdict then rests on less.
        """
        first, now = self.record.first, self.judgement
        pairs = (
            ("verdict", first.verdict, now.verdict),
            ("outcome", first.outcome, now.outcome),
            ("grade", first.grade, now.grade),
        )
        made = {check.check for check in now.checks}
        lost = sorted({check.check for check in first.checks} - made) if now.verdict is first.verdict else []
        found = [(what, str(old or "none"), str(new or "none")) for what, old, new in pairs if old is not new]
        return (*found, *((f"check {name}", "made", "not made") for name in lost))

    @property
    def same(self) -> bool:
        """Whether verdict, outcome and grade are the recorded ones."""
        return not self.differences


def rejudge(folder: Path, run: Run, inputs: Inputs, pattern: str = "*") -> Iterator[Rejudged]:
    """Judge every case that was sent once more; nothing of the record is changed.

    Each is judged by the scenario that its evidence holds, not by what has become of it since. An ERROR stays one:
    where the lab broke there is nothing to judge.

    Raises:
        NothingSelected: the pattern matches no case of the run.
    """
    records, never_twice = {record.case: record for record in run.cases}, NeverTwice()
    for case in select(records, [pattern] if records else [], "case"):
        record = records[case]
        if record.first.verdict is Verdict.ERROR:
            yield Rejudged(record, _still_in_error(record.first))
        elif record.first.evidence:
            judgement = never_twice.judged(case, _judged(folder, record, inputs))
            yield Rejudged(record, judgement, _altered(folder, record.first))
        elif case not in run.unplayed and (folder / "cases" / folder_name(case)).is_dir():
            reason = "it is recorded as never sent, and there is evidence of it"
            yield Rejudged(record, _nothing(Verdict.INCONCLUSIVE, reason))


def _judged(folder: Path, record: CaseRecord, inputs: Inputs) -> Judgement:
    try:
        evidence = inside(folder, record.first.evidence)
        scenario = recorded_scenario(evidence, inputs)
        case = EvidenceFolder(evidence).facts().case
    except (InvalidData, FileNotFoundError, UnsafeName, UnreadableEvidence) as error:
        return _nothing(Verdict.INCONCLUSIVE, " ".join(str(error).split()))
    if case != record.case:
        return _nothing(Verdict.INCONCLUSIVE, f"the evidence is that of {case}")
    return judge_folder(evidence, scenario, inputs.requirements)


def _altered(folder: Path, first: Attempt) -> tuple[str, ...]:
    """The files whose digest is not the recorded one, or that are gone; runs of the first harnesses have none."""
    try:
        now = digests(inside(folder, first.evidence))
    except (UnsafeName, OSError):
        return tuple(sorted(first.sha256))
    return tuple(sorted(name for name, digest in first.sha256.items() if now.get(name) != digest))


def recorded_scenario(evidence: Path, inputs: Inputs) -> Scenario:
    """The scenario that a case was played by, as its evidence holds it.

    Raises:
        FileNotFoundError: the evidence lacks it.
        InvalidData: it breaks today's format; the message names file and line.
        UnsafeName: it is a link that leads out of the evidence.
    """
    path = inside(evidence, "scenario.toml")
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing from the evidence")
    return load_scenario(path, inputs.requirements, CHECKS, filed=False)


def _still_in_error(first: Attempt) -> Judgement:
    return Judgement(first.verdict, first.outcome, first.grade, (), (), first.reason)


def _nothing(verdict: Verdict, reason: str) -> Judgement:
    return Judgement(verdict, None, None, (), (), reason)

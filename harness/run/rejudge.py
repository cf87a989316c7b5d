"""A recorded run judged again: evidence is stored before it is judged, so a newer verifier can look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.results.model import Attempt, CaseRecord, Run, Verdict
from harness.run.inputs import Inputs
from harness.run.judging import judge_folder
from harness.scenario.model import Scenario
from harness.scenario.scenario_file import load_scenario
from harness.scenario.selection import select
from harness.scenario.toml_source import InvalidData
from harness.verify.check_names import CHECK_NAMES
from harness.verify.judge import Judgement


@dataclass(frozen=True, slots=True)
class Rejudged:
    """The verdict now beside the recorded one."""

    record: CaseRecord
    judgement: Judgement

    @property
    def differences(self) -> tuple[tuple[str, str, str], ...]:
        """(what, recorded, now) for each of verdict, outcome and grade that is not the recorded one."""
        first, now = self.record.first, self.judgement
        pairs = (
            ("verdict", first.verdict, now.verdict),
            ("outcome", first.outcome, now.outcome),
            ("grade", first.grade, now.grade),
        )
        return tuple((what, str(old or "none"), str(new or "none")) for what, old, new in pairs if old is not new)

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
    records = {record.case: record for record in run.cases}
    for case in select(records, [pattern] if records else [], "case"):
        record = records[case]
        if record.first.verdict is Verdict.ERROR:
            yield Rejudged(record, _still_in_error(record.first))
        elif record.first.evidence:
            yield Rejudged(record, _judged(folder / record.first.evidence, inputs))


def _judged(evidence: Path, inputs: Inputs) -> Judgement:
    try:
        scenario = recorded_scenario(evidence, inputs)
    except (InvalidData, FileNotFoundError) as error:
        return _nothing(Verdict.INCONCLUSIVE, " ".join(str(error).split()))
    return judge_folder(evidence, scenario, inputs.requirements)


def recorded_scenario(evidence: Path, inputs: Inputs) -> Scenario:
    """The scenario that a case was played by, as its evidence holds it.

    Raises:
        FileNotFoundError: the evidence lacks it.
        InvalidData: it breaks today's format; the message names file and line.
    """
    path = evidence / "scenario.toml"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing from the evidence")
    return load_scenario(path, inputs.requirements, CHECK_NAMES, filed=False)


def _still_in_error(first: Attempt) -> Judgement:
    return Judgement(first.verdict, first.outcome, first.grade, (), (), first.reason)


def _nothing(verdict: Verdict, reason: str) -> Judgement:
    return Judgement(verdict, None, None, (), (), reason)

"""A recorded run judged again: evidence is stored before it is judged, so a newer verifier can look at it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.results.model import Run, Verdict
from harness.run.inputs import Inputs
from harness.run.judging import judge_folder
from harness.scenario.selection import select
from harness.verify.judge import Judgement


@dataclass(frozen=True, slots=True)
class Rejudged:
    """The verdict now beside the recorded one."""

    case: str
    recorded: Verdict
    judgement: Judgement


def rejudge(folder: Path, run: Run, inputs: Inputs, pattern: str = "*") -> Iterator[Rejudged]:
    """Judge every case that was sent once more; nothing of the record is changed.

    Raises:
        NothingSelected: the pattern matches no case that was sent.
    """
    sent = {record.case: record for record in run.cases if record.first.evidence}
    for case in select(sent, [pattern], "case"):
        record = sent[case]
        scenario = inputs.scenarios.get(record.scenario)
        if scenario is None or record.first.verdict is Verdict.ERROR:
            continue
        judgement = judge_folder(folder / record.first.evidence, scenario, inputs.requirements)
        yield Rejudged(case, record.first.verdict, judgement)

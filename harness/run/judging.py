"""Judging what is stored: the same path for a case that just ended and for a run of last year."""

from __future__ import annotations

from pathlib import Path

from harness.evidence.capture import UnreadableCapture
from harness.evidence.store import EvidenceFolder, UnreadableEvidence
from harness.json_codec import RecordError, from_json
from harness.oracle.expectation import Expectation
from harness.results.model import Verdict
from harness.scenario.model import Requirement, Scenario
from harness.verify.judge import Judgement, judge


def judge_folder(folder: Path, scenario: Scenario, requirements: dict[str, Requirement]) -> Judgement:
    """The verdict on the evidence in a folder; evidence that cannot be read is INCONCLUSIVE, with the reason."""
    store = EvidenceFolder(folder)
    try:
        expectation = from_json(Expectation, store.facts().expectation)
        evidence = store.evidence()
    except (UnreadableEvidence, UnreadableCapture, RecordError) as error:
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), str(error))
    return judge(scenario, expectation, evidence, requirements)

"""Judging what is stored: the same path for a case that just ended and for a run of last year."""

from __future__ import annotations

from pathlib import Path

from harness.evidence.capture import UnreadableCapture
from harness.evidence.pair import PairFolder
from harness.evidence.store import UnreadableEvidence
from harness.json_codec import RecordError, from_json
from harness.oracle.expectation import Expectation
from harness.oracle.pair import PairExpectation
from harness.results.model import Verdict
from harness.scenario.model import Requirement, Scenario
from harness.verify.judge import Judgement, judge
from harness.verify.pair.judge import judge_pair


def judge_folder(folder: Path, scenario: Scenario, requirements: dict[str, Requirement]) -> Judgement:
    """The verdict on the evidence in a folder; evidence that cannot be read is INCONCLUSIVE, with the reason."""
    store = PairFolder(folder)
    try:
        if store.holds_a_pair():
            predicted = from_json(PairExpectation, store.pair_facts().expectation)
            return judge_pair(scenario, predicted, store.pair_evidence(), requirements)
        expectation = from_json(Expectation, store.facts().expectation)
        evidence = store.evidence()
    except (UnreadableEvidence, UnreadableCapture, RecordError) as error:
        return Judgement(Verdict.INCONCLUSIVE, None, None, (), (), str(error))
    return judge(scenario, expectation, evidence, requirements)

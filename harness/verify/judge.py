"""From a case's evidence to its verdict: the same for a case that just ended and for a run of last year."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.evidence.capture import UnreadableCapture
from harness.evidence.model import CaseEvidence, PairEvidence
from harness.evidence.store import EvidenceFolder, UnreadableEvidence
from harness.json_codec import RecordError
from harness.oracle.confirmed import contradiction
from harness.oracle.expectation import Expectation, from_record
from harness.oracle.sheet import difference, predicted_again
from harness.scenario.model import Scenario
from harness.scenario.profile_file import EMULATED
from harness.verify import with_keys, with_reports
from harness.verify.check import Requirements
from harness.verify.judgement import Judgement, inconclusive, of_a_death, of_an_overrun, unless_disturbed
from harness.verify.pair_view import make_pair_view
from harness.verify.view import make_view


def judge_folder(folder: Path, scenario: Scenario, requirements: Requirements) -> Judgement:
    """The verdict on the evidence in a folder; evidence that cannot be read is INCONCLUSIVE, with the reason."""
    store = EvidenceFolder(folder)
    try:
        facts = store.facts()
        predicted = from_record(facts.expectation, facts.engine)
        evidence = store.evidence()
    except (UnreadableEvidence, UnreadableCapture, RecordError) as error:
        return inconclusive(str(error))
    if facts.scenario != scenario.id:
        return inconclusive(f"case.json is of the scenario {facts.scenario}, scenario.toml is {scenario.id}")
    if facts.sheets:
        return _by_the_sheets(scenario, predicted, evidence, requirements)
    emulated = any(side.peer.startswith(EMULATED) for side in (facts.initiator, facts.responder))
    if doubt := contradiction(scenario, predicted, facts.engine, emulated=emulated):
        return inconclusive(f"the prediction in case.json contradicts itself or its scenario: {doubt}")
    judged = judge(scenario, predicted, evidence, requirements)
    if not predicted.echo and judged.verdict is not _with_echo(scenario, predicted, evidence, requirements).verdict:
        return inconclusive("that nothing behind the peer answers echo requests is said in case.json alone")
    return judged


def _by_the_sheets(
    scenario: Scenario, recorded: Expectation, evidence: CaseEvidence | PairEvidence, requirements: Requirements
) -> Judgement:
    """By the prediction as it is made once more; the recorded one is to be the same."""
    facts = evidence.facts
    try:
        again = predicted_again(scenario, facts.engine, facts.sheets)
    except RecordError as error:
        return inconclusive(str(error))
    if doubt := recorded.skipped or difference(recorded, again):
        return inconclusive(f"the prediction in case.json contradicts itself or its scenario: {doubt}")
    return judge(scenario, again, evidence, requirements)


def _with_echo(
    scenario: Scenario, predicted: Expectation, evidence: CaseEvidence | PairEvidence, requirements: Requirements
) -> Judgement:
    return judge(scenario, replace(predicted, echo=True), evidence, requirements)


def judge(
    scenario: Scenario,
    expectation: Expectation,
    evidence: CaseEvidence | PairEvidence,
    requirements: Requirements,
) -> Judgement:
    """The verdict on one attempt, by what is known of it. ``requirements`` is the catalogue, for levels of findings."""
    if isinstance(evidence, PairEvidence):
        if evidence.death is not None:
            seen = evidence.wire and evidence.report and make_pair_view(scenario, expectation, evidence)
            return of_a_death(evidence.death, seen or None, requirements)
        if evidence.report is not None and evidence.report.overrun is not None:
            return of_an_overrun(evidence.report.overrun, evidence.facts, requirements)
        found = with_reports.judge_pair(scenario, expectation, evidence, requirements)
        return unless_disturbed(found, evidence.disturbances, by_silence=False)
    if evidence.death is not None:
        whole = not with_keys.absent(evidence)
        return of_a_death(evidence.death, make_view(scenario, expectation, evidence) if whole else None, requirements)
    if evidence.report is not None and evidence.report.overrun is not None:
        return of_an_overrun(evidence.report.overrun, evidence.facts, requirements)
    found = with_keys.judge(scenario, expectation, evidence, requirements)
    by_silence = expectation.reaction is not None and not expectation.establishes
    return unless_disturbed(found, evidence.disturbances, by_silence=by_silence)

"""Stored evidence with a single change: no PASS is kept where it matters, nobody is named for it, nothing is raised.

Evidence of a standard run, and of cases as they are recorded today. The changes are drawn, with a fixed seed.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from case_builder import good
from changes import Change, changes_of, differing
from corpus import ROOT, stored, unpack
from fake_lab import attempt
from stored_case import written

from harness.evidence.model import CaseEvidence, PairEvidence
from harness.evidence.store import EvidenceFolder
from harness.oracle.expectation import from_record
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.results.model import CaseRecord, Run, RunHeader, Severity, Verdict
from harness.run.inputs import Inputs, load_inputs
from harness.run.rejudge import Rejudged, recorded_scenario, rejudge
from harness.verify.judge import judge_folder

CHANGES = 12
"""Of each case."""

HEADER = RunHeader("id", "2026-11-28T00:00:00+00:00", "0.1.0", 0, "standard", "", "", {}, "")
PLAYED = [case for case in stored() if case.verdict != "SKIPPED"]
TODAY = [
    (scenario, role)
    for scenario in (
        "hybrid/x25519-mlkem768", "classical/modp3072", "multiple-ke/two-with-a-gap", "esp/esn-with-hmac",
        "fragmentation/mlkem1024-at-576", "authentication/wrong-psk", "denial-of-service/cookie",
    )
    for role in Role
    if not (scenario.startswith("denial") and role is Role.RESPONDER)
]  # fmt: skip

Evidence = CaseEvidence | PairEvidence
NO_POLICY = PartyPolicy((), ())
CONCLUDED = ("outcome", "grade", "findings", "checks", "reason")

NOT_JUDGED = {
    "version": "words for the reader",
    "image": "words for the reader",
    "kernel": "words for the reader",
    "raw": "what the product said in its own words, beside what was read of it",
    "inner": "the host behind a side; what crosses in clear is named by it",
    "at": "when, not what",
    "frame": "where, not what",
    "echo": "our counts are a lower bound: the packets themselves are counted",
    "identity": "a name that is not on record is compared with nothing",
    "hygiene": "what is left behind is a note beside the verdict",
    "trace": "what is not compared with the capture says nothing of it",
    "ikev2_tables": "what a table calls an algorithm is Wireshark's business",
    "esp_table": "what a table calls an algorithm is Wireshark's business",
    "sheets": "what a product can do, as long as it gives the same prediction",
    "expectation": "the policy of the party under test, as long as it gives the same prediction",
}
"""Parts of the evidence, by a name on the way to them, on which no verdict rests, and why."""


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return load_inputs(ROOT)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("corpus")
    unpack(target)
    return target


def tried(folder: Path, inputs: Inputs, seed: int, count: int) -> Iterator[tuple[Change, Rejudged, Path]]:
    """Each change, drawn by ``seed``, with what ``verify`` makes of a run whose evidence has it."""
    case = EvidenceFolder(folder).facts().case
    before = judge_folder(folder, recorded_scenario(folder, inputs), inputs.requirements)
    first = replace(attempt(before.verdict, "changed"), **{name: getattr(before, name) for name in CONCLUDED})
    record = CaseRecord(case, case.split("@")[0], "a peer", "initiator", (first,), expected=True)
    run = Run(HEADER, (record,))
    changed, rng = folder.parent / f"changed-{folder.name}" / "changed", Random(seed)
    pool = list(changes_of(folder, rng))
    for change in rng.sample(pool, min(count, len(pool))):
        shutil.copytree(folder, changed)
        change.apply(changed)
        yield change, next(rejudge(changed.parent, run, inputs)), changed
        shutil.rmtree(changed)


def named(judged: Rejudged) -> set[str]:
    """Who is at fault now and was not before."""
    mine, before = (
        {each.party for each in findings if each.severity is Severity.FAIL}
        for findings in (judged.judgement.findings, judged.record.first.findings)
    )
    return mine - before


def mattering(whole: Evidence, changed: Evidence) -> Iterator[str]:
    """Where two pieces of evidence differ in what a verdict rests on."""
    for way in differing(whole, changed):
        if not NOT_JUDGED.keys() & set(re.split(r"[.\[\]]+", way)):
            yield way
    before, now = (
        replace(from_record(each.facts.expectation, each.facts.engine), initiator=NO_POLICY, responder=NO_POLICY)
        for each in (whole, changed)
    )
    if before != now:
        yield "prediction"


def check(folder: Path, inputs: Inputs, seed: int, count: int = CHANGES) -> None:
    whole = EvidenceFolder(folder).evidence()
    for change, judged, changed in tried(folder, inputs, seed, count):
        assert not named(judged), (change, judged.judgement.findings)
        if judged.judgement.verdict is Verdict.PASS and judged.same and judged.record.first.verdict is Verdict.PASS:
            assert not set(mattering(whole, EvidenceFolder(changed).evidence())), change


@pytest.mark.parametrize("number", range(len(stored())), ids=[each.case for each in stored()])
def test_of_a_standard_run(number: int, corpus: Path, inputs: Inputs):
    if stored()[number].verdict == "SKIPPED":
        return
    check(corpus / f"{number:03}", inputs, number)


@pytest.mark.parametrize(("scenario", "role"), TODAY)
def test_of_today(scenario: str, role: Role, tmp_path: Path, inputs: Inputs):
    case = good(scenario, "strongswan-6.1-kernel-esp" if scenario.startswith("esp") else "strongswan-6.1", role)
    written(case, scenario, role, tmp_path / "case")
    check(tmp_path / "case", inputs, 1000, 4 * CHANGES)


def test_there_are_enough():
    assert CHANGES * len(PLAYED) + 4 * CHANGES * len(TODAY) >= 1500

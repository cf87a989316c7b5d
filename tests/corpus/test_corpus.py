"""Moves of the house change no verdict: the corpus is judged as it was, and the full plan predicts what it did."""

from __future__ import annotations

from pathlib import Path

import pytest
from corpus import EVIDENCE, PLAN, ROOT, Stored, plan_lines, stored, unpack

from harness.run.inputs import Inputs, load_inputs
from harness.run.plan import Selection, make_plan
from harness.run.rejudge import recorded_scenario
from harness.verify.judge import judge_folder

CASES = stored()
_MOST_CASES, _MOST_OCTETS = 210, 5_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("corpus")
    unpack(target)
    return target


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    return load_inputs(ROOT)


@pytest.mark.parametrize(("number", "before"), list(enumerate(CASES)), ids=[each.case for each in CASES])
def test_the_case_is_judged_as_it_was(number: int, before: Stored, folder: Path, inputs: Inputs):
    evidence = folder / f"{number:03}"
    now = judge_folder(evidence, recorded_scenario(evidence, inputs), inputs.requirements)
    assert Stored.judged(before.case, now) == before


def test_the_full_plan_has_every_case_with_its_prediction():
    """New cases may have come; none is gone, and none is predicted otherwise."""
    gone = set(PLAN.read_text().splitlines()) - set(plan_lines())
    assert not gone, f"{len(gone)} differ, the first {sorted(gone)[:3]}"


def test_the_corpus_is_small_and_has_all_kinds(inputs: Inputs):
    assert len(CASES) <= _MOST_CASES
    assert EVIDENCE.stat().st_size <= _MOST_OCTETS
    assert {each.verdict for each in CASES} >= {"PASS", "FAIL", "UNSUPPORTED"}
    planned = make_plan(inputs, Selection(suite="standard"), {})
    played = [case for case in planned if not case.expectation.skipped]
    scenarios = {each.case.partition("@")[0] for each in CASES}
    assert {case.scenario.id for case in played} <= scenarios
    peers = {name for each in CASES for name in each.case.split("@")[1].split("+")}
    assert {peer.name for case in played for peer in case.peers} <= peers
    assert any(each.case.endswith("@pair") for each in CASES)

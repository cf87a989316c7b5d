"""Seeded defects of two products: verdict, party and sentence are those that were written down before."""

from __future__ import annotations

import pytest
from case_builder import requirements
from pair_builder import HYBRID_REKEY, SEVEN, good_pair
from pair_defect_rows import PLAYED, ROWS, play

from harness.results.model import Severity, Verdict

UNDETERMINED = "undetermined"


@pytest.mark.parametrize("scenario", [HYBRID_REKEY, SEVEN])
def test_what_no_scenario_has_yet_passes_unaltered(scenario):
    judged = good_pair(scenario).judge()
    assert (judged.verdict, judged.findings) == (Verdict.PASS, ())


@pytest.mark.parametrize(("defect", "scenario"), PLAYED, ids=[f"{row.name}-{name}" for row, name in PLAYED])
def test_a_defect_of_a_pair_is_judged_as_it_must_be(defect, scenario):
    pair = play(defect, scenario)
    assert pair.evidence != good_pair(scenario).evidence
    judged = pair.judge()
    assert judged.verdict is defect.verdict, (judged.verdict, judged.reason, judged.findings)
    failing = [each for each in judged.findings if each.severity is Severity.FAIL]
    named = {each.party for each in failing} - {UNDETERMINED}
    assert named == defect.named, failing
    if defect.requirement:
        assert defect.requirement in {each.requirement for each in failing}
    if judged.verdict is Verdict.INCONCLUSIVE:
        assert judged.reason.startswith(("wire.pcapng lacks", "both report", "steps.json has"))


def test_every_requirement_of_a_row_of_a_pair_is_in_the_catalogue():
    assert {row.requirement for row in ROWS} - {""} <= set(requirements())

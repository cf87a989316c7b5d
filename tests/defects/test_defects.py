"""Every seeded defect is caught, the peer alone is named for it, and the sentence is the one that it breaks."""

from __future__ import annotations

import pytest
from all_defects import PLAYED, ROWS
from case_builder import requirements
from consequences import allowed

from harness.results.model import Severity, Verdict

PEER = "strongswan-6.1-kernel-esp"


@pytest.mark.parametrize(("defect", "scenario"), PLAYED, ids=[f"{row.name}-{name}" for row, name in PLAYED])
def test_a_defect_is_caught(defect, scenario):
    judged = defect.play(scenario).judge()
    failing = [each for each in judged.findings if each.severity is Severity.FAIL]
    assert judged.verdict is Verdict.FAIL, judged.reason
    assert {each.party for each in failing} == {PEER}, failing
    named = {each.requirement for each in failing}
    assert defect.requirement in named <= allowed(defect.requirement), failing


def test_every_requirement_of_a_row_is_in_the_catalogue():
    assert {row.requirement for row in ROWS} - {""} <= set(requirements())

"""Seeded defects of two products: verdict, party and sentence are those that were written down before."""

from __future__ import annotations

import pytest
from all_pair_defects import PLAYED, ROWS, play
from case_builder import requirements
from pair_builder import HYBRID_REKEY, HYBRID_REKEYS, SEVEN, good_pair
from pair_esp_rows import LEGITIMATE as OF_ESP
from pair_form_rows import LEGITIMATE as OF_FORM
from pair_legitimate_rows import LEGITIMATE as OF_THE_WIRE
from pair_place_rows import LEGITIMATE as OF_PLACES
from pair_rekey_rows import LEGITIMATE as OF_REKEYS
from pair_story_rows import LEGITIMATE as OF_THE_STORY

from harness.results.model import Severity, Verdict

UNDETERMINED = "undetermined"
LEGITIMATE = [*OF_THE_WIRE, *OF_FORM, *OF_ESP, *OF_THE_STORY, *OF_PLACES, *OF_REKEYS]


@pytest.mark.parametrize("scenario", [HYBRID_REKEY, HYBRID_REKEYS, SEVEN])
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
    if judged.verdict is Verdict.FAIL:
        assert {each.requirement for each in failing} == {defect.requirement, *defect.also}, failing
    if judged.verdict is Verdict.INCONCLUSIVE:
        begins = (
            "wire.pcapng lacks", "wire.pcapng has", "wire-responder.pcapng has", "both report", "steps.json has",
            "after ", "ESP with SPI", "strongswan-6.1 does not offer", "5 answers came",
            "strongswan-6.1-kernel-esp counts",
        )  # fmt: skip
        assert judged.reason.startswith(begins)


def test_every_requirement_of_a_row_of_a_pair_is_in_the_catalogue():
    assert {row.requirement for row in ROWS} - {""} <= set(requirements())


@pytest.mark.parametrize(("name", "scenario", "alter"), LEGITIMATE, ids=[f"{row[0]}-{row[1]}" for row in LEGITIMATE])
def test_what_two_conforming_products_may_do_costs_them_nothing(name, scenario, alter):
    pair = alter(good_pair(scenario))
    assert pair.evidence != good_pair(scenario).evidence, name
    judged = pair.judge()
    assert (judged.verdict, judged.findings) == (Verdict.PASS, ()), (judged.reason, judged.findings)

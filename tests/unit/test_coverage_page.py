"""docs/explanation/coverage.md is what the scenarios say."""

import importlib.util
from pathlib import Path

import pytest

from harness.results.model import Verdict
from harness.run.inputs import load_inputs
from harness.scenario.model import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def coverage():
    spec = importlib.util.spec_from_file_location("write_coverage", ROOT / "tools" / "write_coverage.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def requirement(identifier, level="MUST"):
    return Requirement(identifier, "RFC 7296", "2.7", level, f"text of {identifier}")


def row(page, identifier):
    (line,) = [line for line in page.splitlines() if line.startswith(f"| {identifier} |")]
    return line


def test_the_committed_page_is_what_would_be_generated(coverage):
    assert (ROOT / coverage.PAGE).read_text() == coverage.generated(), "run `make generated`"


def test_every_requirement_has_one_row_and_every_scenario_is_counted_somewhere(coverage):
    inputs, page = load_inputs(ROOT), coverage.generated()
    for identifier in inputs.requirements:
        row(page, identifier)
    named = coverage.named_by_scenarios(inputs.scenarios.values())
    assert {scenario for scenarios in named.values() for scenario in scenarios} == set(inputs.scenarios)


def test_a_requirement_is_in_exactly_one_state(coverage):
    requirements = [requirement("B01"), requirement("B02"), requirement("B03"), requirement("B04", "INFORMATION")]
    requirements += [requirement("B05"), requirement("B06")]
    named = {"B01": ["topic/one"], "B05": ["topic/one"]}
    passing = {"B01": ["check `x`"], "B02": ["check `x`"], "B06": ["check `x`"]}
    page = coverage.page(requirements, named, passing, {"B01": 2, "B02": 1}, {"B05": "nobody plays it"})
    assert row(page, "B01").endswith("| `topic/one`; 2 defects |")
    assert row(page, "B02").endswith("| check `x`; 1 defect |")
    assert row(page, "B03").endswith("| *not yet* |")
    assert row(page, "B04").endswith("| *nothing to test* |")
    assert row(page, "B05").endswith("| *no defect yet*: nobody plays it |")
    assert row(page, "B06").endswith("| *no defect yet*: no reason is given |")
    assert "| **all** | 6 | 1 | 1 | 2 | 1 | 1 |" in page


def test_every_requirement_that_is_tested_is_turned_red_by_a_defect_or_has_its_reason(coverage):
    """An own scenario without a defect that breaks what it is about may be one that cannot fail."""
    inputs, red = load_inputs(ROOT), coverage.seeded()
    tested = set(coverage.named_by_scenarios(inputs.scenarios.values())) | set(coverage.checked_in_passing())
    assert {identifier for identifier in tested if identifier and not red[identifier]} == set(coverage.reasons())
    musts = {each.id for each in inputs.requirements.values() if each.level == "MUST"}
    own = set(coverage.named_by_scenarios(inputs.scenarios.values()))
    assert own & musts <= set(red)


def test_a_defect_that_turns_a_case_red_is_one_that_fails_it(coverage):
    """Rows that end otherwise prove nothing here."""
    from all_pair_defects import ROWS

    assert all(row.requirement == "" for row in ROWS if row.verdict is not Verdict.FAIL)


def test_long_lists_of_scenarios_are_cut_with_their_number(coverage):
    page = coverage.page([requirement("B01")], {"B01": [f"topic/{n}" for n in range(9)]}, {}, {"B01": 4}, {})
    assert row(page, "B01").endswith("`topic/5` and 3 more; 4 defects |")


def test_ranges_in_the_words_of_a_check_are_read(coverage):
    assert coverage._ids_in("as section 2.5 asks (B14, F03-F05).") == ["B14", "F03", "F04", "F05"]


def test_what_checks_object_under_is_a_requirement(coverage):
    known = set(load_inputs(ROOT).requirements) | {""}
    assert set(coverage.checked_in_passing()) <= known

"""docs/reference/deviations.md is what the table, the predictions and the scenarios say."""

import importlib.util
from pathlib import Path

import pytest

from harness.policy.deviation import Deviation
from harness.run.inputs import load_inputs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("write_deviations", ROOT / "tools" / "write_deviations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_page_is_what_would_be_generated(tool):
    assert tool.PAGE.read_text() == tool.generated(), "run `make generated`"


def test_each_deviation_has_a_row_and_a_scenario(tool):
    page = tool.generated()
    for name in Deviation:
        rows = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert len(rows) == 2
    assert {scenario.deviation for scenario in load_inputs(ROOT).scenarios.values()} - {None} == set(Deviation)

"""docs/reference/checks.md and the schema of scenario files are what the declared checks say."""

import importlib.util
from pathlib import Path

import pytest

from harness.verify.checks.catalogue import CHECKS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("write_checks", ROOT / "tools" / "write_checks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_files_are_what_would_be_generated(tool):
    assert tool.PAGE.read_text() == tool.generated(), "run `make generated`"
    assert tool.SCHEMA.read_text() == tool.schema(), "run `make generated`"


def test_each_check_has_a_row(tool):
    page = tool.generated()
    assert all(f"| `{name}` | " in page for name in CHECKS)

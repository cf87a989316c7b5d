"""Each report format against its golden file; rewrite them with ``python tests/golden/report/sample_run.py``."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from harness.results.record import read_run

FOLDER = Path(__file__).parent
SAMPLE = runpy.run_path(str(FOLDER / "sample_run.py"))
RENDERED = SAMPLE["rendered"]()


@pytest.mark.parametrize("name", sorted(RENDERED))
def test_report_is_the_golden_one(name):
    assert RENDERED[name] == (FOLDER / name).read_text(encoding="utf-8")


def test_recorded_run_reads_as_the_sample():
    assert read_run(FOLDER / "run.jsonl") == SAMPLE["sample_run"]()

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.report import diff_report, markdown
from harness.results.diff import diff_runs
from harness.results.record import read_run

RUN = read_run(Path(__file__).parents[2] / "golden" / "report" / "run.jsonl")


def test_every_row_of_a_table_has_as_many_cells_as_its_head():
    width = 0
    for line in markdown.render(RUN).splitlines():
        bars = line.replace(r"\|", "").count("|")
        width = 0 if not line.startswith("|") else width or bars
        assert bars == width or not line.startswith("|")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a | b", r"a \| b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("two\nlines", "two lines"),
        ("*x* `y` [z]", r"\*x\* \`y\` \[z\]"),
    ],
)
def test_escape(text, escaped):
    assert markdown.escape(text) == escaped


def test_a_bar_in_code_does_not_end_the_cell():
    assert markdown.code("a|b") == "<code>a&#124;b</code>"


def test_a_run_as_expected_has_nothing_that_needs_attention():
    quiet = [r for r in RUN.cases if r.expected and not r.first.findings and not r.known_failure]
    assert "needs attention" not in markdown.render(replace(RUN, cases=tuple(quiet)))


def test_a_diff_of_equal_runs_says_so_and_nothing_else():
    text = diff_report.render(diff_runs(RUN, RUN))
    assert text.count("##") == 0
    assert "0 changed, 0 new, 0 gone, 40 as before; nothing got worse" in text

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
        ("hello @everyone, @octo-cat", "hello \uff20everyone, \uff20octo-cat"),
        ("x@everyone (@all)", "x\uff20everyone (\uff20all)"),
        ("\u00e9@octocat", "\u00e9\uff20octocat"),
        ("hybrid/x@strongswan-6.1@initiator", "hybrid/x@strongswan-6.1@initiator"),
        ("see https://evil.example/x, www.evil.example", r"see https\://evil.example/x, www\.evil.example"),
        ("![x](javascript:y)", r"!\[x\](javascript:y)"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("1.5 s", r"1\.5 s"),
        ("=====", r"\====="),
        ("$x$", r"\$x\$"),
    ],
)
def test_escape(text, escaped):
    assert markdown.escape(text) == escaped


def test_a_bar_in_code_does_not_end_the_cell():
    assert markdown.code("a|b") == "<code>a&#124;b</code>"


def test_code_that_needs_a_tag_holds_no_markup():
    assert markdown.code("`*b* [x](y) <script>@all&#64;") == (
        "<code>&#96;&#42;b&#42; &#91;x&#93;&#40;y&#41; &#60;script&#62;&#64;all&#38;&#35;64&#59;</code>"
    )
    assert markdown.code("a\nb") == "`a b`" and markdown.code(" ") == ""


def test_the_link_of_a_known_failure_is_one():
    record = replace(RUN.cases[0], known_failure="known (https://example.org/1)", expected=False)
    text = markdown.render(replace(RUN, cases=(record,)))
    assert "known failure: known (https://example.org/1)" in text


def test_a_run_as_expected_has_nothing_that_needs_attention():
    quiet = [r for r in RUN.cases if r.expected and not r.first.findings and not r.known_failure]
    assert "needs attention" not in markdown.render(replace(RUN, cases=tuple(quiet)))


def test_a_diff_of_equal_runs_says_so_and_nothing_else():
    text = diff_report.render(diff_runs(RUN, RUN))
    assert text.count("##") == 0
    assert "0 changed, 0 new, 0 gone, 40 as before; nothing got worse" in text

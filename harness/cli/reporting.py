"""``ipsec-interop report`` and ``diff``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from harness.border.files import PUBLIC, write_whole
from harness.cli.common import find_run
from harness.cli.output import out
from harness.report import diff_report, html, json_report, junit, markdown
from harness.results.diff import diff_runs
from harness.results.judgement import ExitStatus
from harness.results.model import Run
from harness.results.record import read_run

FORMATS: dict[str, tuple[str, Callable[[Run], str]]] = {
    "html": (html.MATRIX, html.render),
    "pairs": (html.PAIRS, html.render_pairs),
    "published": (html.PUBLISHED, html.render_published),
    "markdown": ("matrix.md", markdown.render),
    "json": ("matrix.json", json_report.render),
    "junit": ("junit.xml", junit.render),
}


def write_reports(folder: Path) -> Run:
    """Write every report of a run beside its record, each whole or not at all; the run comes back."""
    run = read_run(folder)
    for name, render in FORMATS.values():
        if text := render(run):
            write_whole(folder / name, text, PUBLIC)
    return run


@click.command()
@click.argument("run_name", metavar="RUN")
@click.option("--format", "kind", type=click.Choice(list(FORMATS)), default="markdown", show_default=True)
def report(run_name: str, kind: str) -> None:
    """Print the report of a recorded RUN: an id, a path or "latest"."""
    text = FORMATS[kind][1](read_run(find_run(run_name)))
    if not text:
        raise click.UsageError(f"run {run_name} has no cases for the page {kind!r}")
    out(text)


@click.command()
@click.argument("before", metavar="RUN")
@click.argument("after", metavar="RUN")
def diff(before: str, after: str) -> None:
    """Show what changed from one recorded RUN to another; exit status 1 if a case got worse or is gone."""
    changes = diff_runs(read_run(find_run(before)), read_run(find_run(after)))
    out(diff_report.render(changes))
    sys.exit(ExitStatus.NOT_AS_EXPECTED if changes.worse else ExitStatus.AS_EXPECTED)

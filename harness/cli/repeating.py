"""``ipsec-interop repro``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.common import ROOT, find_run, unavailable_methods
from harness.cli.running import Options, execute
from harness.results.record import read_run
from harness.run.events import PeerStarted, RunEvent
from harness.run.inputs import load_inputs
from harness.run.repeat import repetition


@click.command()
@click.argument("run_name", metavar="RUN")
@click.argument("case_id", metavar="CASE")
@click.option("--out", type=click.Path(path_type=Path), help="The new run's folder: new or empty.")
def repro(run_name: str, case_id: str, out: Path | None) -> None:
    """Play one CASE of a recorded RUN again, alone, and say where its evidence is.

    The scenario is the recorded one, an image brought with --image is brought again; what cannot be the same is told.
    """
    folder = find_run(run_name)
    recorded = read_run(folder)
    inputs = load_inputs(ROOT)
    again = repetition(folder, recorded, case_id, inputs, unavailable_methods())

    def watch(event: RunEvent) -> None:
        if isinstance(event, PeerStarted):
            _tell(again.other_image(event.peer))

    first = again.record.first
    _tell(f"recorded: {first.verdict} {first.outcome or ''}".rstrip())
    _tell(again.note)
    header = recorded.header
    execute(inputs, (again.case,), Options(header.suite, 1, header.seed, header.brought_images, out), watch)


def _tell(text: str) -> None:
    if text:
        print(text, file=sys.stderr)

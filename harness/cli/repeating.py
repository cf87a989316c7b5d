"""``ipsec-interop repro``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.common import ROOT, find_run, peers_option, recorded_folders, unavailable_methods
from harness.cli.output import err
from harness.cli.running import execute
from harness.results.record import read_run
from harness.run.campaign import recorded_options
from harness.run.events import PeerStarted, RunEvent
from harness.run.inputs import load_inputs
from harness.run.repeat import repetition


@click.command()
@click.argument("run_name", metavar="RUN")
@click.argument("case_id", metavar="CASE")
@peers_option
@click.option("--out", "to", type=click.Path(path_type=Path), help="The new run's folder: new or empty.")
def repro(run_name: str, case_id: str, folders: tuple[Path, ...], to: Path | None) -> None:
    """Play one CASE of a recorded RUN again, alone, and say where its evidence is.

    The scenario, --runtime and --kernel are the recorded ones, an image brought with --image is brought again, peers
    of your own are taken from the recorded folders unless --peers says where they are now; what cannot be the same is
    told.
    """
    folder = find_run(run_name)
    recorded = read_run(folder)
    folders = folders or recorded_folders(recorded.header.brought_peers)
    inputs = load_inputs(ROOT, folders)
    again = repetition(folder, recorded, case_id, inputs, unavailable_methods())

    def watch(event: RunEvent) -> None:
        if isinstance(event, PeerStarted):
            _tell(again.other_image(event.peer))

    first = again.record.first
    _tell(f"recorded: {first.verdict} {first.outcome or ''}".rstrip())
    _tell(again.note)
    execute(inputs, (again.case,), recorded_options(recorded.header, 1, folders), to, (watch,))


def _tell(text: str) -> None:
    if text:
        err(text)

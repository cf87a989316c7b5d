"""``ipsec-interop repro``."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from harness.cli.common import ROOT, find_run, peers_option, unavailable_methods
from harness.cli.running import Options, execute
from harness.results.record import read_run
from harness.run.events import PeerStarted, RunEvent
from harness.run.inputs import load_inputs
from harness.run.repeat import repetition


@click.command()
@click.argument("run_name", metavar="RUN")
@click.argument("case_id", metavar="CASE")
@peers_option
@click.option("--out", type=click.Path(path_type=Path), help="The new run's folder: new or empty.")
def repro(run_name: str, case_id: str, folders: tuple[Path, ...], out: Path | None) -> None:
    """Play one CASE of a recorded RUN again, alone, and say where its evidence is.

    The scenario is the recorded one, an image brought with --image is brought again, peers of your own are taken from
    the recorded folders unless --peers says where they are now; what cannot be the same is told.
    """
    folder = find_run(run_name)
    recorded = read_run(folder)
    folders = folders or _recorded_folders(recorded.header.brought_peers)
    inputs = load_inputs(ROOT, folders)
    again = repetition(folder, recorded, case_id, inputs, unavailable_methods())

    def watch(event: RunEvent) -> None:
        if isinstance(event, PeerStarted):
            _tell(again.other_image(event.peer))

    first = again.record.first
    _tell(f"recorded: {first.verdict} {first.outcome or ''}".rstrip())
    _tell(again.note)
    header = recorded.header
    options = Options(header.suite, 1, header.seed, header.brought_images, folders, out)
    execute(inputs, (again.case,), options, watch)


def _recorded_folders(names: Sequence[str]) -> tuple[Path, ...]:
    """The folders of the run's own peers.

    Raises:
        NotADirectoryError: one is not there, as on another machine than the run's.
    """
    for name in names:
        if not Path(name).is_dir():
            words = "the run had --peers with this folder, which is not here; say with --peers where it is now"
            raise NotADirectoryError(errno.ENOTDIR, words, name)
    return tuple(Path(name) for name in names)


def _tell(text: str) -> None:
    if text:
        print(text, file=sys.stderr)

"""``ipsec-interop run``."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click
from click.core import ParameterSource

from harness.border.files import PRIVATE_FOLDER
from harness.cli.common import ROOT, RUNS, find_run, recorded_folders, selection, selection_options, unavailable_methods
from harness.cli.output import err, of_system, out
from harness.cli.progress import Bar
from harness.cli.reporting import write_reports
from harness.json_codec import RecordError
from harness.lab.errors import LabError
from harness.results.judgement import exit_status, summarise
from harness.results.model import KernelChoice, Run, Runtime
from harness.results.record import FILE_NAME, read_run, require_ended
from harness.run.campaign import Options, carry_out, finish, new_run_id
from harness.run.case import Case
from harness.run.events import Listener
from harness.run.inputs import Inputs, load_inputs
from harness.run.plan import make_plan
from harness.run.resume import resumption
from harness.scenario.selection import NothingSelected, select


@click.command()
@selection_options
@click.option(
    "--runtime",
    type=click.Choice([each.value for each in Runtime]),
    default=Runtime.DOCKER.value,
    show_default=True,
    help="Where peers run. local: on loopback, without Docker; what is part of the harness alone.",
)
@click.option("--jobs", type=click.IntRange(1, 64), default=min(8, 4 * (os.cpu_count() or 1)), show_default=True,
              help="Cases at a time.")  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Fixes the order of the cases.")
@click.option(
    "--shard",
    callback=lambda _c, _p, value: _shard(value),
    metavar="I/N",
    help="Only the I-th of N equal parts of the plan, I from 1.",
)
@click.option("--image", "images", multiple=True, metavar="PEER=IMAGE", help="An image of your own for a peer.")
@click.option("--out", "to", type=click.Path(path_type=Path), help="The run's folder: new or empty.")
@click.option("--resume", "broken", metavar="RUN", help="Finish a run that broke off: all else is as it was recorded.")
@click.pass_context
def run(
    context: click.Context,
    folders: tuple[Path, ...],
    peers: tuple[str, ...],
    scenarios: tuple[str, ...],
    roles: tuple[str, ...],
    cases: tuple[str, ...],
    suite: str,
    kernel: str,
    runtime: str,
    jobs: int,
    seed: int,
    shard: tuple[int, int],
    images: tuple[str, ...],
    to: Path | None,
    broken: str | None,
) -> None:
    """Run the selected cases and write the matrix."""
    if broken is not None:
        _resume(context, broken, folders, jobs)
    where = Runtime(runtime)
    inputs = load_inputs(ROOT, folders)
    index, parts = shard
    chosen = replace(selection(peers, scenarios, roles, cases, suite, kernel), docker=where is Runtime.DOCKER)
    plan = make_plan(inputs, chosen, unavailable_methods())
    part = plan[index - 1 :: parts]
    if not part:
        raise NothingSelected(f"--shard {index}/{parts} holds no case: the plan has {len(plan)}")
    brought = _images(images, inputs)
    execute(inputs, part, Options(suite, jobs, seed, brought, folders, KernelChoice(kernel), where), to)


_BESIDE_RESUME = ("broken", "jobs", "folders")
"""Parameters that a resumed run may be given; all others are recorded."""


def _resume(context: click.Context, name: str, folders: tuple[Path, ...], jobs: int) -> NoReturn:
    """Finish a run that broke off, in its own folder."""
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in _BESIDE_RESUME
        and context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"--resume takes the rest from the record: {', '.join(given)} cannot be given")
    folder = find_run(name)
    require_ended(folder / FILE_NAME)
    recorded = read_run(folder)
    folders = folders or recorded_folders(recorded.header.brought_peers)
    inputs = load_inputs(ROOT, folders)
    left = resumption(folder, recorded, inputs, unavailable_methods())
    to = None if folder.parent == RUNS.resolve() else folder
    _conclude_at_exit(folder, to, lambda bar: finish(inputs, left, jobs, folders, (bar.listen,), bar))


class BrokenRun(LabError):
    """What a run needs of this machine broke in its midst: a full disk, its folder taken away. No bad input."""


def execute(
    inputs: Inputs, cases: Sequence[Case], options: Options, to: Path | None, watch: Sequence[Listener] = ()
) -> NoReturn:
    """Carry out a campaign, write its reports, and end the process with its exit status.

    ``to`` is the run's folder, None for a new one among the runs; ``watch`` is told every event.
    """
    run_id = new_run_id()
    folder = _folder(to, run_id)
    options = replace(options, command=shlex.join(["ipsec-interop", *sys.argv[1:]]))
    _conclude_at_exit(
        folder, to, lambda bar: carry_out(inputs, cases, options, run_id, folder, (bar.listen, *watch), bar)
    )


def _conclude_at_exit(folder: Path, to: Path | None, play: Callable[[Bar], None]) -> NoReturn:
    """Have cases played, write the reports, and end the process with the run's exit status."""
    try:
        with Bar() as bar:
            play(bar)
    except BaseException as error:
        _leave(folder, to)
        if isinstance(error, OSError):
            raise BrokenRun(of_system(error)) from error
        raise
    try:
        recorded = _conclude(folder, to)
    except OSError as error:
        raise BrokenRun(of_system(error)) from error
    out(summarise(recorded).sentence)
    out(f"report: {folder / 'matrix.html'}")
    sys.exit(exit_status(recorded))


def _folder(out: Path | None, run_id: str) -> Path:
    folder = out or RUNS / run_id
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError(f"--out {folder}: not an empty folder")
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return folder.resolve()


def _shard(value: str | None) -> tuple[int, int]:
    """``2/3`` as (2, 3); (1, 1) for the whole plan."""
    if value is None:
        return 1, 1
    index, _, parts = value.partition("/")
    if not (index.isdigit() and parts.isdigit() and 1 <= int(index) <= int(parts)):
        raise click.BadParameter(f"{value!r} is not I/N with 1 <= I <= N")
    return int(index), int(parts)


def _images(pairs: tuple[str, ...], inputs: Inputs) -> dict[str, str]:
    brought = {}
    for pair in pairs:
        peer, separator, image = pair.partition("=")
        if not separator or not image:
            raise click.UsageError(f"--image {pair}: it is PEER=IMAGE")
        for name in select(inputs.peers, (peer,), f"--image {pair}: peer"):
            brought[name] = image
    return brought


def _conclude(folder: Path, out: Path | None) -> Run:
    """Write the reports and point ``latest`` at the run; the run comes back."""
    recorded = write_reports(folder)
    if out is None:
        fresh = RUNS / f".latest-{folder.name}"  # a name of its own: another run may end at the same moment
        fresh.symlink_to(folder.name)
        fresh.replace(RUNS / "latest")
    return recorded


def _leave(folder: Path, out: Path | None) -> None:
    """A run that broke off has its reports, too, with a cell for every case; one that never began leaves no folder."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # pressed again, it must not cost the reports, a matter of a moment
    try:
        if (folder / FILE_NAME).exists():
            _conclude(folder, out)
            err(f"report of what there is: {folder / 'matrix.html'}")
        elif out is None and not any(folder.iterdir()):
            folder.rmdir()
    except (OSError, RecordError) as error:  # why the run broke off is what is to be told
        err(f"no report: {of_system(error)}")

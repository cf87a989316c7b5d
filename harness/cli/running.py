"""``ipsec-interop run``."""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import click

from harness.cli.common import ROOT, RUNS, selection, selection_options, unavailable_methods
from harness.cli.progress import Bar
from harness.cli.reporting import write_reports
from harness.lab.docker_runtime import Lab
from harness.lab.host_kernel import KernelChoice
from harness.results.judgement import exit_status, summarise
from harness.results.model import Run, RunHeader
from harness.results.record import FILE_NAME, RunWriter
from harness.run.compliance import probe_scenario
from harness.run.entries import run_header
from harness.run.events import CaseFinished, PeerStarted, RunEvent, RunStarted
from harness.run.inputs import Inputs, load_inputs
from harness.run.plan import AnyCase, make_plan
from harness.run.preflight import try_templates
from harness.run.runner import Runner
from harness.scenario.selection import NothingSelected, select


@click.command()
@selection_options
@click.option("--runtime", type=click.Choice(["auto", "docker"]), default="auto", show_default=True)
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
@click.option("--out", type=click.Path(path_type=Path), help="The run's folder: new or empty.")
def run(
    folders: tuple[Path, ...],
    peers: tuple[str, ...],
    scenarios: tuple[str, ...],
    roles: tuple[str, ...],
    suite: str,
    kernel: str,
    runtime: str,
    jobs: int,
    seed: int,
    shard: tuple[int, int],
    images: tuple[str, ...],
    out: Path | None,
) -> None:
    """Run the selected cases and write the matrix."""
    del runtime  # "auto" is "docker" as long as it is the only one
    inputs = load_inputs(ROOT, folders)
    index, parts = shard
    plan = make_plan(inputs, selection(peers, scenarios, roles, suite, kernel), unavailable_methods())
    cases = plan[index - 1 :: parts]
    if not cases:
        raise NothingSelected(f"--shard {index}/{parts} holds no case: the plan has {len(plan)}")
    brought = _images(images, inputs)
    execute(inputs, cases, Options(suite, jobs, seed, brought, folders, out, KernelChoice(kernel)))


@dataclass(frozen=True, slots=True)
class Options:
    """How a run is to be carried out."""

    suite: str
    jobs: int
    seed: int
    images: dict[str, str]
    folders: tuple[Path, ...]  # of peers from outside of this repository
    out: Path | None
    kernel: KernelChoice = KernelChoice.AUTO


def execute(
    inputs: Inputs, cases: Sequence[AnyCase], options: Options, watch: Callable[[RunEvent], None] | None = None
) -> NoReturn:
    """Carry out a run, write its reports, and end the process with its exit status. ``watch`` is told every event."""
    run_id = datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    try_templates(cases)
    folder = _folder(options.out, run_id)
    try:
        _in_lab(inputs, cases, options, run_id, folder, watch)
    except BaseException:
        _leave(folder, options.out)
        raise
    recorded = _conclude(folder, options.out)
    print(summarise(recorded).sentence)
    print(f"report: {folder / 'matrix.html'}")
    sys.exit(exit_status(recorded))


def _in_lab(
    inputs: Inputs,
    cases: Sequence[AnyCase],
    options: Options,
    run_id: str,
    folder: Path,
    watch: Callable[[RunEvent], None] | None,
) -> None:
    with Bar() as bar, Lab(run_id, images=options.images, progress=bar, kernel=options.kernel) as lab:
        sent = {peer.name: peer for case in cases for peer in case.peers if not case.expectation.skipped}
        lab.prepare(sent.values())
        facts = {"kernel": lab.kernel, "docker engine": lab.engine_version}
        command = shlex.join(["ipsec-interop", *sys.argv[1:]])
        started = datetime.now(UTC).isoformat(timespec="seconds")
        header = run_header(run_id, started, cases, seed=options.seed, suite=options.suite, command=command, lab=facts)
        brought = tuple(str(folder) for folder in options.folders)
        header = replace(header, brought_images=dict(options.images), brought_peers=brought)
        listeners = (bar.listen, watch) if watch else (bar.listen,)
        _play(lab, listeners, inputs, cases, header, folder, options.jobs)


def _play(
    lab: Lab,
    listeners: Sequence[Callable[[RunEvent], None]],
    inputs: Inputs,
    cases: Sequence[AnyCase],
    header: RunHeader,
    folder: Path,
    jobs: int,
) -> None:
    began = time.monotonic()
    with RunWriter(folder / FILE_NAME, header) as writer:

        def listen(event: RunEvent) -> None:
            if isinstance(event, PeerStarted):
                writer.peer(event.peer)
            elif isinstance(event, CaseFinished):
                writer.case(event.record)
            for each in listeners:
                each(event)

        listen(RunStarted(header, sum(not case.expectation.skipped for case in cases)))
        complete = False
        try:
            Runner(lab, inputs.requirements, folder, listen, jobs, header.seed, probe_scenario(inputs)).run(cases)
            complete = True
        finally:
            writer.end(round((time.monotonic() - began) * 1000), complete=complete)


def _folder(out: Path | None, run_id: str) -> Path:
    folder = out or RUNS / run_id
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError(f"--out {folder}: not an empty folder")
    folder.mkdir(parents=True, exist_ok=True)
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
    if (folder / FILE_NAME).exists():
        _conclude(folder, out)
        print(f"report of what there is: {folder / 'matrix.html'}", file=sys.stderr)
    elif out is None and not any(folder.iterdir()):
        folder.rmdir()

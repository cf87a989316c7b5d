"""A campaign: cases played in a lab, each told as an event and recorded. It neither prints nor exits.

``ipsec-interop run`` and ``repro`` call it; so may anything that wants cases played: a search, a plugin, a sweep.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.lab.laboratory import Lab
from harness.lab.local.laboratory import LocalLab
from harness.lab.progress import Progress, Silent
from harness.lab.runtime import Laboratory
from harness.results.model import KernelChoice, RunHeader, Runtime
from harness.results.record import FILE_NAME, RunWriter
from harness.run.case import Case
from harness.run.compliance import probe_scenarios
from harness.run.events import CaseFinished, Listener, PeerStarted, RunEvent, RunStarted
from harness.run.header import run_header
from harness.run.inputs import Inputs
from harness.run.preflight import try_templates
from harness.run.resume import Resumption
from harness.run.runner import Runner


@dataclass(frozen=True, slots=True)
class Options:
    """How a campaign is to be carried out, and what its record says of it."""

    suite: str
    jobs: int
    seed: int
    images: dict[str, str] = field(default_factory=dict)  # of a user's own, by peer
    folders: tuple[Path, ...] = ()  # of peers from outside of this repository
    kernel: KernelChoice = KernelChoice.AUTO
    runtime: Runtime = Runtime.DOCKER
    command: str = ""  # as typed, for the record


def recorded_options(header: RunHeader, jobs: int, folders: tuple[Path, ...]) -> Options:
    """The options of a recorded run, but for how many cases at a time, and where the peers of its user are now."""
    images = dict(header.brought_images)
    return Options(header.suite, jobs, header.seed, images, folders, header.kernel_choice, header.runtime)


def new_run_id() -> str:
    """A name for a run that no other has: ``20261121-095544-94fd``."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)


def carry_out(
    inputs: Inputs,
    cases: Sequence[Case],
    options: Options,
    run_id: str,
    folder: Path,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> None:
    """Play the cases and record them in ``folder``; whatever happens, the record says how far it came.

    Raises:
        TemplateError, ConfigurationSyntax: a template is wrong; nothing was started.
        LabError: the lab could not be made, or broke.
    """
    try_templates(cases)
    with _laboratory(run_id, options, progress or Silent()) as lab:
        sent = {peer.name: peer for case in cases for peer in case.peers if not case.expectation.skipped}
        lab.prepare(sent.values())
        started = datetime.now(UTC).isoformat(timespec="seconds")
        told = (run_id, started, cases)
        header = run_header(
            *told, seed=options.seed, suite=options.suite, command=options.command, lab=_facts(lab),
            requirements=inputs.requirements.values(),
        )  # fmt: skip
        brought = tuple(str(each) for each in options.folders)
        header = replace(
            header, brought_images=dict(options.images), brought_peers=brought, kernel_choice=options.kernel,
            runtime=options.runtime,
        )  # fmt: skip
        with RunWriter(folder / FILE_NAME, header) as writer:
            _play(lab, inputs, cases, options, _telling(writer, listeners), header, folder, writer)


def finish(
    inputs: Inputs,
    left: Resumption,
    jobs: int,
    folders: tuple[Path, ...],
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> None:
    """Play what is left of a run that broke off, and record it behind what there is. ``folders``: as in Options.

    Raises:
        NotResumable: the lab or an image is another by now; nothing was played.
        StillPlayed: the run goes on.
        TemplateError, ConfigurationSyntax, LabError: as ``carry_out``.
    """
    header = left.run.header
    options = recorded_options(header, jobs, folders)
    try_templates(left.cases)
    # A name of its own: what the first part has left in Docker may not be gone yet.
    with _laboratory(f"{header.id}-{secrets.token_hex(2)}", options, progress or Silent()) as lab:
        sent = {peer.name: peer for case in left.cases for peer in case.peers if not case.expectation.skipped}
        lab.prepare(sent.values())
        left.check_lab(_facts(lab), {name: lab.image_id(peer) for name, peer in sent.items()})
        with RunWriter.resumed(left.folder / FILE_NAME) as writer:
            left.clear()
            listen = _telling(writer, listeners)
            _play(lab, inputs, left.cases, options, listen, header, left.folder, writer, left.run.duration_ms)


def _facts(lab: Laboratory) -> dict[str, str]:
    """What only the lab knows."""
    return {"kernel": lab.kernel, "docker engine": lab.engine_version or "none: on loopback"}


def _laboratory(run_id: str, options: Options, progress: Progress) -> AbstractContextManager[Laboratory]:
    if options.runtime is Runtime.LOCAL:
        return LocalLab(run_id)
    return Lab(run_id, images=options.images, progress=progress, kernel=options.kernel)


def _telling(writer: RunWriter, listeners: Sequence[Listener]) -> Listener:
    """The record is the first to hear of everything."""

    def listen(event: RunEvent) -> None:
        if isinstance(event, PeerStarted):
            writer.peer(event.peer)
        elif isinstance(event, CaseFinished):
            writer.case(event.record)
        for each in listeners:
            each(event)

    return listen


def _play(
    lab: Laboratory,
    inputs: Inputs,
    cases: Sequence[Case],
    options: Options,
    listen: Listener,
    header: RunHeader,
    folder: Path,
    writer: RunWriter,
    before_ms: int | None = None,
) -> None:
    """``before_ms``: how long a part of the run took that broke off, as far as that is known; None without one."""
    began, complete = time.monotonic(), False
    listen(RunStarted(header, sum(not case.expectation.skipped for case in cases)))
    probes = probe_scenarios(inputs)
    try:
        Runner(lab, inputs.requirements, folder, listen, options.jobs, options.seed, probes).run(cases)
        complete = True
    finally:
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        notes = () if before_ms is None else (f"the run broke off; its rest was played until {finished}",)
        duration_ms = (before_ms or 0) + round((time.monotonic() - began) * 1000)
        writer.end(duration_ms, complete=complete, notes=notes)

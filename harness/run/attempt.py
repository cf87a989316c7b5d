"""One attempt at one case: load the peer, let worker and peer talk, store what was seen, judge it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.evidence.store import CONFIGURATION_REFUSED, CaseFacts, EvidenceFolder
from harness.json_codec import to_json
from harness.lab.docker_runtime import Lab
from harness.lab.driver import Connection, PeerDriver
from harness.lab.drivers import driver_family
from harness.lab.errors import ConfigurationRefused, LabError, NotReady, PeerUnreachable
from harness.lab.fault_lines import fault_lines
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import settled, wait_until
from harness.results.model import Attempt, Verdict
from harness.run.dialogue import Dialogue
from harness.run.hygiene import note_hygiene
from harness.run.judging import judge_folder
from harness.run.parties import connection, job, make_secrets
from harness.run.plan import Case
from harness.run.workers import Workers
from harness.scenario.model import Requirement, Scenario
from harness.transport.job import Job

_SETTLE = 1.0  # seconds for the peer to let go of an SA after the last message
_LOOK_AGAIN = 0.1
_END = 2.0  # seconds for a container to end once its daemon has


@dataclass(frozen=True, slots=True)
class Stage:
    """What attempts share."""

    lab: Lab
    workers: Workers
    helpers: Executor  # for commands to the peer that wait for the peer
    requirements: dict[str, Requirement]
    run_folder: Path


def play(stage: Stage, case: Case, number: int, folder: Path, running: RunningPeer) -> Attempt:
    """Play a case against a running peer and judge it. ``number`` is unique in the run.

    Raises:
        LabError: the lab or the worker broke; never raised for what the peer says on the wire.
    """
    began = time.monotonic()
    store = EvidenceFolder(folder)
    keys = make_secrets(case)
    with stage.lab.case_address() as address, naming_the_dead(running):
        half = connection(case, number, address, running.address, keys)
        task = job(case, number, address, running.address, keys)
        _write_givens(store, case, task, running)
        dialogue = Dialogue(stage.workers.channel(), stage.helpers, task, half, running, store)
        try:
            store.write_files("peer", running.driver.load(half))
            store.write_conversation(dialogue.converse(), store.facts())
            _look_after(running.driver, half, store)
        except ConfigurationRefused as refusal:
            if not (case.scenario.settings.as_written and case.expectation.unsupported):
                raise
            store.write_text(CONFIGURATION_REFUSED, f"{refusal}\n")
            store.write_files("peer", driver_family(case.peer.driver).connection_files(case.peer, half))
        finally:
            unload(running, half.name)
            dialogue.finish()
            log = running.driver.log(half.name)
            store.write_text("peer/log.txt", log)
        if not note_hygiene(store, "peer", running, half, log):
            check_alive(running)
    if dialogue.trouble is not None:
        raise dialogue.trouble
    return judged(stage, case.scenario, folder, running.kernel, began)


@contextmanager
def naming_the_dead(*running: RunningPeer) -> Iterator[None]:
    """Where a peer cannot be reached because its daemon has ended, that is what the error says.

    Raises:
        LabError: in place of PeerUnreachable.
    """
    try:
        yield
    except PeerUnreachable:
        for each in running:
            check_alive(each)
        raise


def unload(running: RunningPeer, name: str) -> None:
    """Unload a connection; where the daemon has ended there is none left.

    Raises:
        PeerUnreachable: the daemon lives, and does not let go.
    """
    try:
        running.driver.unload(name)
    except PeerUnreachable:
        if running.driver.alive():
            raise


def check_alive(running: RunningPeer) -> None:
    """Raises LabError, with what is left of the peer, when its daemon does not answer any more."""
    container = running.container
    if running.driver.alive():
        return
    with suppress(NotReady):  # a guest that has lost its daemon powers off
        wait_until(
            container.name, lambda: None if container.is_running() else True, deadline_s=_END, pattern="its end",
            state=str,
        )  # fmt: skip
    words = [f"its daemon ended during the case; {container.name} is {container.state()}"]
    words += fault_lines(container.log())[-1:]
    raise LabError(f"{running.peer.name}: {': '.join(words)}")


def judged(stage: Stage, scenario: Scenario, folder: Path, kernel: str, began: float) -> Attempt:
    """The verdict on the evidence in a folder, stored there. ``began``: by the monotonic clock, in seconds."""
    judgement = judge_folder(folder, scenario, stage.requirements)
    EvidenceFolder(folder).write_json("verdict.json", judgement)
    return Attempt(
        verdict=judgement.verdict,
        outcome=judgement.outcome,
        grade=judgement.grade,
        findings=judgement.findings,
        checks=judgement.checks,
        reason=judgement.reason,
        duration_ms=round((time.monotonic() - began) * 1000),
        evidence=str(folder.relative_to(stage.run_folder)),
        ladder=judgement.ladder,
        files=evidence_files(folder),
        kernel=kernel,
    )


def evidence_files(folder: Path) -> tuple[str, ...]:
    """Every file of an evidence folder, relative to it."""
    if not folder.is_dir():
        return ()
    inside = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return tuple(str(path) for path in inside if not path.parts[0].startswith("attempt-"))


def failed_attempt(stage: Stage, folder: Path, reason: str, duration_ms: int) -> Attempt:
    """The lab broke: an ERROR, which says nothing about the peer."""
    relative = str(folder.relative_to(stage.run_folder)) if folder.is_dir() else ""
    files = evidence_files(folder)
    return Attempt(Verdict.ERROR, None, None, (), (), reason, duration_ms, relative, files=files)


def _write_givens(store: EvidenceFolder, case: Case, task: Job, running: RunningPeer) -> None:
    facts = CaseFacts(
        case=case.id,
        scenario=case.scenario.id,
        peer=case.peer.name,
        role=case.role.value,
        engine_address=task.address,
        peer_address=task.peer_address,
        peer_version=running.version,
        image=running.image_id,
        kernel=running.kernel,
        expectation=to_json(case.expectation),  # type: ignore[arg-type]  # a dataclass becomes an object
    )
    store.write_facts(facts)
    store.write_text("scenario.toml", case.scenario.path.read_text())
    store.write_json("engine/configuration.json", task)
    store.write_files("peer", {Path(path).name: text for path, text in running.files.items()})


def _look_after(driver: PeerDriver, half: Connection, store: EvidenceFolder) -> None:
    """What the peer still holds once it had a moment to let go."""

    report = settled(
        lambda: driver.status(half.name), lambda seen: not seen.sas, deadline_s=_SETTLE, interval_s=_LOOK_AGAIN
    )
    store.write_peer_report(report, after=True)

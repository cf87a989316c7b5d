"""One attempt at one case: load the peer, let worker and peer talk, store what was seen, judge it."""

from __future__ import annotations

import json
import time
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.evidence.model import Conversation
from harness.evidence.store import CaseFacts, EvidenceFolder
from harness.json_codec import from_json, to_json
from harness.lab.docker_runtime import Lab
from harness.lab.driver import Connection, PeerDriver
from harness.lab.errors import LabError, NotReady
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import wait_until
from harness.lab.worker_channel import CaseInbox, WorkerChannel
from harness.results.model import Attempt, Verdict
from harness.run.judging import judge_folder
from harness.run.parties import connection, job, make_secrets
from harness.run.plan import Case
from harness.scenario.model import Requirement
from harness.transport.job import Job, Wish

_GRACE = 10.0  # seconds beyond the job's deadline before the worker counts as stuck
_SETTLE = 1.0  # seconds for the peer to let go of an SA after the last message


@dataclass(frozen=True, slots=True)
class Stage:
    """What attempts share."""

    lab: Lab
    channel: WorkerChannel
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
    with stage.lab.case_address() as address:
        half = connection(case, number, address, running.address, keys)
        task = job(case, number, address, running.address, keys)
        _write_givens(store, case, task, running)
        try:
            store.write_files("peer", running.driver.load(half))
            conversation = _converse(stage, task, half, running.driver, store)
            store.write_conversation(conversation, store.facts())
            _look_after(running.driver, half, store)
        finally:
            if running.driver.alive():
                running.driver.unload(half.name)
            store.write_text("peer/log.txt", running.driver.log(half.name))
    if not running.driver.alive():
        raise LabError(f"{case.peer.name}: its daemon or container ended during the case")
    return _judged(stage, case, folder, began)


def _judged(stage: Stage, case: Case, folder: Path, began: float) -> Attempt:
    judgement = judge_folder(folder, case.scenario, stage.requirements)
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
    )


def evidence_files(folder: Path) -> tuple[str, ...]:
    """Every file of an evidence folder, relative to it."""
    if not folder.is_dir():
        return ()
    inside = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return tuple(str(path) for path in inside if not path.parts[0].startswith("attempt-"))


def failed_attempt(stage: Stage, folder: Path, error: LabError, duration_ms: int) -> Attempt:
    """The lab broke: an ERROR, which says nothing about the peer."""
    relative = str(folder.relative_to(stage.run_folder)) if folder.is_dir() else ""
    files = evidence_files(folder)
    return Attempt(Verdict.ERROR, None, None, (), (), str(error), duration_ms, relative, files=files)


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
        expectation=to_json(case.expectation),  # type: ignore[arg-type]  # a dataclass becomes an object
    )
    store.write_facts(facts)
    store.write_text("scenario.toml", case.scenario.path.read_text())
    store.write_json("engine/configuration.json", task)
    store.write_files("peer", {Path(path).name: text for path, text in running.files.items()})


def _converse(stage: Stage, task: Job, half: Connection, driver: PeerDriver, store: EvidenceFolder) -> Conversation:
    """Grant the worker's wishes until it brings back the conversation."""
    inbox = stage.channel.open_case(task.case)
    commands: list[Future[object]] = []
    try:
        stage.channel.send({"case": task.case, "do": "start", "job": to_json(task)})
        while True:
            message = _next(inbox, task.deadline + _GRACE)
            if "conversation" in message:
                return from_json(Conversation, message["conversation"])
            if "error" in message:
                raise LabError(f"worker: {message['error']}")
            _grant(stage, Wish(str(message["want"])), half, driver, store, commands)
    finally:
        stage.channel.close_case(task.case)
        for command in commands:
            command.cancel()


def _next(inbox: CaseInbox, timeout: float) -> dict[str, object]:
    message = inbox.get(timeout)
    if message is None:
        raise LabError(f"the worker said nothing for {timeout:.0f} s")
    return dict(message)


def _grant(
    stage: Stage,
    wish: Wish,
    half: Connection,
    driver: PeerDriver,
    store: EvidenceFolder,
    commands: list[Future[object]],
) -> None:
    if wish is Wish.INITIATE:
        commands.append(stage.helpers.submit(_initiate, stage, driver, half, store))
    elif wish is Wish.TERMINATE:
        commands.append(stage.helpers.submit(driver.terminate, half.name))
    else:
        store.write_peer_report(driver.status(half.name), after=False)
        _granted(stage, half.name, wish)


def _granted(stage: Stage, case: str, wish: Wish) -> None:
    stage.channel.send({"case": case, "do": "continue", "wish": wish.value})


def _initiate(stage: Stage, driver: PeerDriver, half: Connection, store: EvidenceFolder) -> None:
    """The product's own words on how its initiation went are evidence of grade C: kept, never judged."""
    said = driver.initiate(half.name, 15.0)
    store.write_text("peer/initiate.json", json.dumps({"error": said}) + "\n")
    _granted(stage, half.name, Wish.INITIATE)


def _look_after(driver: PeerDriver, half: Connection, store: EvidenceFolder) -> None:
    """What the peer still holds once it had a moment to let go."""

    def gone() -> bool | None:
        return None if driver.status(half.name).sas else True

    with suppress(NotReady):  # the report below then shows what is left, and a check names it
        wait_until(half.name, gone, deadline_s=_SETTLE, pattern="no SA left", state=lambda: "an SA is left")
    store.write_peer_report(driver.status(half.name), after=True)

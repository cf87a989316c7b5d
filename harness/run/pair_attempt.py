"""One attempt at a case of two products: watch the wire between them, have them talk, store it all, judge it."""

from __future__ import annotations

import time
from pathlib import Path

from harness.crypto.certificates import EndCertificate
from harness.evidence.capture import write_pcapng
from harness.evidence.pair import PairFacts, PairReport, PairSide
from harness.evidence.store import EvidenceFolder
from harness.json_codec import to_json
from harness.lab.running_peer import RunningPeer
from harness.lab.watcher import Watch
from harness.results.model import Attempt
from harness.run.attempt import Stage, check_alive, judged, naming_the_dead, unload
from harness.run.hygiene import note_hygiene
from harness.run.pair_parties import Halves, halves
from harness.run.pair_plan import PairCase
from harness.run.pair_steps import PairSteps

FOLDERS = ("initiator", "responder")


def play_pair(
    stage: Stage, case: PairCase, number: int, folder: Path, running: tuple[RunningPeer, RunningPeer]
) -> Attempt:
    """Play a case between two running products and judge it. ``number`` is unique in the run.

    Raises:
        LabError: the lab broke; never raised for what the two say on the wire.
    """
    began = time.monotonic()
    store = EvidenceFolder(folder)
    version = case.scenario.settings.ip_version
    both = halves(case, number, (running[0].address_of(version), running[1].address_of(version)))
    _write_givens(store, case, both, running)
    steps = PairSteps(case, both, running)
    watcher = stage.lab.watcher(running[0])
    watched = (both[0].remote_address, both[0].local_inner, both[0].remote_inner)
    seen = Watch()
    try:
        with naming_the_dead(*running), watcher.watch(both[0].name, watched) as seen:
            for index in (1, 0):
                store.write_files(FOLDERS[index], running[index].driver.load(both[index]))
            steps.play()
    finally:
        write_pcapng(folder / "wire.pcapng", seen.frames)
        store.write_json("steps.json", PairReport(tuple(steps.reports), seen.drops))
        logs = _unload(store, both, running)
    with naming_the_dead(*running):
        for folder_name, half, each, log in zip(FOLDERS, both, running, logs, strict=True):
            if not note_hygiene(store, folder_name, each, half, log):
                check_alive(each)
    return judged(stage, case.scenario, folder, _kernel(running), began)


def _unload(store: EvidenceFolder, both: Halves, running: tuple[RunningPeer, RunningPeer]) -> list[str]:
    """Unload both connections; what each product's log says of its own."""
    logs = []
    for folder, half, each in zip(FOLDERS, both, running, strict=True):
        unload(each, half.name)
        logs.append(each.driver.log(half.name))
        store.write_text(f"{folder}/log.txt", logs[-1])
    return logs


def _write_givens(
    store: EvidenceFolder, case: PairCase, both: Halves, running: tuple[RunningPeer, RunningPeer]
) -> None:
    sides = [
        PairSide(
            peer.name,
            each.version,
            each.image_id,
            each.kernel,
            half.local_address,
            half.local_inner,
            half.authentication.octets if isinstance(half.authentication, EndCertificate) else 0,
        )
        for peer, half, each in zip(case.peers, both, running, strict=True)
    ]
    expectation = to_json(case.expectation)
    facts = PairFacts(case.id, case.scenario.id, sides[0], sides[1], expectation)  # type: ignore[arg-type]  # a dataclass becomes an object
    store.write_json("pair.json", facts)
    store.write_text("scenario.toml", case.scenario.path.read_text())
    for folder, each in zip(FOLDERS, running, strict=True):
        store.write_files(folder, {Path(path).name: text for path, text in each.files.items()})


def _kernel(running: tuple[RunningPeer, RunningPeer]) -> str:
    return " + ".join(each.kernel or "none" for each in running) if any(each.kernel for each in running) else ""

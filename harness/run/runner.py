"""A run: the cases of a plan side by side against warm peers; failures once more against fresh ones."""

from __future__ import annotations

import itertools
import random
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.evidence.store import EvidenceFolder, folder_name
from harness.lab.docker_runtime import Lab
from harness.lab.errors import LabError
from harness.lab.running_peer import RunningPeer
from harness.results.judgement import is_expected
from harness.results.model import Attempt, CaseRecord, Verdict
from harness.run.attempt import Stage, failed_attempt, play
from harness.run.entries import peer_entry
from harness.run.events import CaseFinished, CaseStarted, Listener, PeerStarted, RunEvent
from harness.run.parties import daemon_settings
from harness.run.plan import Case
from harness.run.workers import Workers
from harness.scenario.model import Requirement


@dataclass(slots=True)
class Runner:
    """Plays cases. ``jobs`` cases run at a time; ``seed`` fixes their order."""

    lab: Lab
    requirements: dict[str, Requirement]
    folder: Path
    listener: Listener
    jobs: int
    seed: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told: set[str] = field(default_factory=set)
    _stopped: bool = False

    def run(self, cases: Sequence[Case]) -> None:
        """Play every case that is not planned SKIPPED; each ends in a CaseFinished.

        Raises:
            LabError: the worker could not be started.
        """
        for case in cases:
            if case.expectation.skipped:
                self._tell(CaseFinished(self._skipped(case)))
        order = [case for case in cases if not case.expectation.skipped]
        random.Random(self.seed).shuffle(order)  # noqa: S311  # an order, no secret
        with self._stage() as stage, _pool(self.jobs, "case") as pool:
            futures: set[Future[None]] = {pool.submit(self._play_case, stage, case) for case in order}
            while futures:
                done, futures = wait(futures, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()

    @contextmanager
    def _stage(self) -> Iterator[Stage]:
        workers = Workers(self.lab.tester.open_worker)
        workers.channel()
        with _pool(2 * self.jobs, "peer") as helpers:
            try:
                yield Stage(self.lab, workers, helpers, self.requirements, self.folder)
            except BaseException:
                self._stop()
                raise

    def _stop(self) -> None:
        """Nothing more is told: what a case in flight meets once the lab is being taken down says nothing."""
        with self._lock:
            self._stopped = True

    def _play_case(self, stage: Stage, case: Case) -> None:
        folder = self.folder / "cases" / folder_name(case.id)
        attempts = [self._attempt(stage, case, folder, 1)]
        if attempts[0].verdict in (Verdict.FAIL, Verdict.ERROR) and not self._stopped:
            attempts.append(self._attempt(stage, case, folder / "attempt-2", 2))
        self._tell(CaseFinished(self._record(case, tuple(attempts))))

    def _attempt(self, stage: Stage, case: Case, folder: Path, attempt: int) -> Attempt:
        """Play the case once. A peer that saw a FAIL or an ERROR takes no further case."""
        self._tell(CaseStarted(case.id, attempt))
        began = time.monotonic()
        try:
            stage.workers.channel()  # without one, no peer need be taken, nor given up as suspect
            return self._on_leased_peer(stage, case, folder)
        except LabError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  # an error of ours in one case is that case's ERROR, not the run's end
            reason = _in_words(error)
            EvidenceFolder(folder).write_text("harness-error.txt", "".join(traceback.format_exception(error)))
        return failed_attempt(stage, folder, reason, round((time.monotonic() - began) * 1000))

    def _on_leased_peer(self, stage: Stage, case: Case, folder: Path) -> Attempt:
        with self.lab.lease(case.peer, daemon_settings(case)) as running:
            self._tell_peer(case, running)
            try:
                result = play(stage, case, next(self._numbers), folder, running)
            except Exception:
                self.lab.recycle(running)
                raise
            if result.verdict in (Verdict.FAIL, Verdict.ERROR):
                self.lab.recycle(running)
            return result

    def _tell(self, event: RunEvent) -> None:
        with self._lock:
            if not self._stopped:
                self.listener(event)

    def _tell_peer(self, case: Case, running: RunningPeer) -> None:
        with self._lock:
            told = case.peer.name in self._told
            self._told.add(case.peer.name)
        if not told:
            self._tell(PeerStarted(peer_entry(case.peer, running.version, running.image_id)))

    @staticmethod
    def _record(case: Case, attempts: tuple[Attempt, ...]) -> CaseRecord:
        known = case.known_failure
        expected = is_expected(attempts[0].verdict, known_failure=known is not None)
        words = f"{known.reason} ({known.link})" if known else ""
        return CaseRecord(case.id, case.scenario.id, case.peer.name, case.role.value, attempts, expected, words)

    @staticmethod
    def _skipped(case: Case) -> CaseRecord:
        attempt = Attempt(Verdict.SKIPPED, None, None, (), (), case.expectation.skipped, 0, "")
        return CaseRecord(case.id, case.scenario.id, case.peer.name, case.role.value, (attempt,), expected=True)


def _in_words(error: Exception) -> str:
    """An error that nobody foresaw, in one line: what, and where in our code."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"harness: {type(error).__name__}: {error} ({Path(frame.filename).name}:{frame.lineno})"


@contextmanager
def _pool(workers: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """A pool that is left at once when an exception passes: what has not begun is called off."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix=name)
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown(wait=True)

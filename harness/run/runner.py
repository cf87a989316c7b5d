"""A run: the cases of a plan side by side against warm peers; failures once more against fresh ones."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from harness.evidence.store import folder_name
from harness.lab.docker_runtime import Lab
from harness.lab.errors import LabError
from harness.lab.running_peer import RunningPeer
from harness.results.judgement import is_expected
from harness.results.model import Attempt, CaseRecord, PeerEntry, Verdict
from harness.run.attempt import Stage, failed_attempt, play
from harness.run.entries import peer_entry
from harness.run.events import CaseFinished, CaseStarted, Listener, PeerStarted
from harness.run.parties import daemon_settings
from harness.run.plan import Case
from harness.scenario.model import Requirement

_READY = 15.0  # seconds for the worker to say that it is there


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

    def run(self, cases: Sequence[Case]) -> None:
        """Play every case that is not planned SKIPPED; each ends in a CaseFinished.

        Raises:
            LabError: the worker could not be started.
        """
        for case in cases:
            if case.expectation.skipped:
                self._tell(self._skipped(case))
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
        channel = self.lab.tester.open_worker()
        if channel.own.get(_READY) is None:
            raise LabError(f"the worker did not start within {_READY:.0f} s: {channel.stderr()}")
        with _pool(2 * self.jobs, "peer") as helpers:
            yield Stage(self.lab, channel, helpers, self.requirements, self.folder)

    def _play_case(self, stage: Stage, case: Case) -> None:
        folder = self.folder / "cases" / folder_name(case.id)
        attempts = [self._attempt(stage, case, folder, 1)]
        if attempts[0].verdict in (Verdict.FAIL, Verdict.ERROR):
            attempts.append(self._attempt(stage, case, folder / "attempt-2", 2))
        self._tell(self._record(case, tuple(attempts)))

    def _attempt(self, stage: Stage, case: Case, folder: Path, attempt: int) -> Attempt:
        """Play the case once. A peer that saw a FAIL or an ERROR takes no further case."""
        self.listener(CaseStarted(case.id, attempt))
        began = time.monotonic()
        try:
            with self.lab.lease(case.peer, daemon_settings(case)) as running:
                self._tell_peer(case, running)
                try:
                    result = play(stage, case, next(self._numbers), folder, running)
                except LabError:
                    self.lab.recycle(running)
                    raise
                if result.verdict in (Verdict.FAIL, Verdict.ERROR):
                    self.lab.recycle(running)
                return result
        except LabError as error:
            return failed_attempt(stage, folder, error, round((time.monotonic() - began) * 1000))

    def _tell(self, record: CaseRecord) -> None:
        with self._lock:
            self.listener(CaseFinished(record))

    def _tell_peer(self, case: Case, running: RunningPeer) -> None:
        with self._lock:
            if case.peer.name not in self._told:
                self._told.add(case.peer.name)
                entry: PeerEntry = peer_entry(case.peer, running.version, running.image_id)
                self.listener(PeerStarted(entry))

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

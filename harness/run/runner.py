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
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.evidence.store import EvidenceFolder, folder_name
from harness.lab.docker_runtime import Lab
from harness.lab.errors import LabError
from harness.lab.running_peer import RunningPeer
from harness.results.judgement import is_expected
from harness.results.model import Attempt, CaseRecord, Verdict
from harness.run.attempt import Stage, failed_attempt, play
from harness.run.compliance import FAILED, Compliance
from harness.run.entries import peer_entry
from harness.run.events import CaseFinished, CaseStarted, Listener, PeerStarted, RunEvent
from harness.run.pair_attempt import FOLDERS as PAIR_FOLDERS
from harness.run.pair_attempt import play_pair
from harness.run.pair_parties import pair_daemon_settings
from harness.run.pair_plan import PairCase
from harness.run.parties import daemon_settings
from harness.run.plan import AnyCase
from harness.run.schedule import Schedule
from harness.run.workers import Workers
from harness.scenario.model import Requirement, Scenario
from harness.scenario.peer import Peer


@dataclass(slots=True)
class Runner:
    """Plays cases. ``jobs`` cases run at a time; ``seed`` fixes their order."""

    lab: Lab
    requirements: dict[str, Requirement]
    folder: Path
    listener: Listener
    jobs: int
    seed: int
    probe: Scenario | None = None  # the exchange of the compliance probe; None leaves the probe out
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _told: set[str] = field(default_factory=set)
    _stopped: bool = False
    _compliance: Compliance | None = None

    def __post_init__(self) -> None:
        if self.probe is not None:
            self._compliance = Compliance(self.probe, self._numbers)

    def run(self, cases: Sequence[AnyCase]) -> None:
        """Play every case that is not planned SKIPPED; each ends in a CaseFinished.

        Raises:
            LabError: the worker could not be started.
        """
        for case in cases:
            if case.expectation.skipped:
                self._tell(CaseFinished(self._skipped(case)))
        order = [case for case in cases if not case.expectation.skipped]
        random.Random(self.seed).shuffle(order)  # noqa: S311  # an order, no secret
        schedule = Schedule(order)
        with self._stage(schedule) as stage, _pool(self.jobs, "case") as pool:
            futures: set[Future[None]] = {pool.submit(self._play_cases, stage, schedule) for _ in range(self.jobs)}
            while futures:
                done, futures = wait(futures, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()

    def _play_cases(self, stage: Stage, schedule: Schedule) -> None:
        while (case := schedule.take()) is not None:
            try:
                self._play_case(stage, case)
            finally:
                schedule.done(case)

    @contextmanager
    def _stage(self, schedule: Schedule) -> Iterator[Stage]:
        workers = Workers(self.lab.tester.open_worker)
        workers.channel()
        with _pool(2 * self.jobs, "peer") as helpers:
            try:
                yield Stage(self.lab, workers, helpers, self.requirements, self.folder)
            except BaseException:
                schedule.call_off()
                self._stop()
                raise

    def _stop(self) -> None:
        """Nothing more is told: what a case in flight meets once the lab is being taken down says nothing."""
        with self._lock:
            self._stopped = True

    def _play_case(self, stage: Stage, case: AnyCase) -> None:
        folder = self.folder / "cases" / folder_name(case.id)
        if unfit := self._unfit(stage, case, folder):
            self._tell(CaseFinished(self._record(case, (unfit,))))
            return
        attempts = [self._attempt(stage, case, folder, 1)]
        if self._calls_for_another(case, attempts[0]) and not self._stopped:
            attempts.append(self._attempt(stage, case, folder / "attempt-2", 2))
        self._tell(CaseFinished(self._record(case, tuple(attempts))))

    def _unfit(self, stage: Stage, case: AnyCase, folder: Path) -> Attempt | None:
        """An ERROR in place of a case whose peer did not pass the compliance probe; None where it may be played."""
        if self._compliance is None or self._stopped:
            return None
        try:
            stage.workers.channel()
            found = [(peer, self._compliance.probed(stage, peer)) for peer in case.peers]
        except LabError as error:
            return failed_attempt(stage, folder, str(error), 0)
        except Exception as error:  # noqa: BLE001  # as in an attempt: it is this case's ERROR, not the run's end
            return failed_attempt(stage, folder, _told(error, folder), 0)
        for peer, probed in found:
            self._tell_peer(peer, probed.running, probed.words)
        unfit = [f"{peer.name}: {probed.failure}" for peer, probed in found if probed.failure]
        return failed_attempt(stage, folder, FAILED + unfit[0], 0) if unfit else None

    def _attempt(self, stage: Stage, case: AnyCase, folder: Path, attempt: int) -> Attempt:
        """Play the case once. A peer that saw an ERROR, or a FAIL that is not a harmless one, takes no further case."""
        self._tell(CaseStarted(case.id, attempt))
        began = time.monotonic()
        try:
            stage.workers.channel()  # without one, no peer need be taken, nor given up as suspect
            return self._on_leased_peers(stage, case, folder)
        except LabError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  # an error of ours in one case is that case's ERROR, not the run's end
            reason = _told(error, folder)
        return failed_attempt(stage, folder, reason, round((time.monotonic() - began) * 1000))

    def _on_leased_peers(self, stage: Stage, case: AnyCase, folder: Path) -> Attempt:
        with self._leased(case) as running:
            for peer, each in zip(case.peers, running, strict=True):
                self._tell_peer(peer, each)
            try:
                result = self._played(stage, case, folder, running)
            except Exception:
                self._give_up(running)
                raise
            harmless = _is_as_listed(case, result) and _left_nothing(case, folder)
            if result.verdict in (Verdict.FAIL, Verdict.ERROR) and not harmless:
                self._give_up(running)
            return result

    @contextmanager
    def _leased(self, case: AnyCase) -> Iterator[tuple[RunningPeer, ...]]:
        if isinstance(case, PairCase):
            with self.lab.lease_pair(case.peers, pair_daemon_settings(case)) as pair:
                yield pair
        else:
            with self.lab.lease(case.peer, daemon_settings(case)) as running:
                yield (running,)

    def _played(self, stage: Stage, case: AnyCase, folder: Path, running: tuple[RunningPeer, ...]) -> Attempt:
        number = next(self._numbers)
        if isinstance(case, PairCase):
            return play_pair(stage, case, number, folder, (running[0], running[1]))
        return play(stage, case, number, folder, running[0])

    def _give_up(self, running: tuple[RunningPeer, ...]) -> None:
        for each in running:
            self.lab.recycle(each)

    def _tell(self, event: RunEvent) -> None:
        with self._lock:
            if not self._stopped:
                self.listener(event)

    def _tell_peer(self, peer: Peer, running: RunningPeer | None, probe: str = "") -> None:
        with self._lock:
            told = peer.name in self._told
            self._told.add(peer.name)
        if not told:
            facts = (running.version, running.image_id, running.kernel) if running else ()
            self._tell(PeerStarted(replace(peer_entry(peer, *facts), probe=probe)))

    @staticmethod
    def _calls_for_another(case: AnyCase, attempt: Attempt) -> bool:
        """Whether a second attempt would tell something: a FAIL that is on record has been repeated often enough."""
        return attempt.verdict in (Verdict.FAIL, Verdict.ERROR) and not _is_as_listed(case, attempt)

    @staticmethod
    def _record(case: AnyCase, attempts: tuple[Attempt, ...]) -> CaseRecord:
        known = case.known_failure
        first = attempts[0]
        listed = known is not None and (first.verdict is not Verdict.FAIL or _is_as_listed(case, first))
        expected = is_expected(first.verdict, known_failure=listed)
        return case.record(attempts, expected=expected, known_failure=f"{known.reason} ({known.link})" if known else "")

    @staticmethod
    def _skipped(case: AnyCase) -> CaseRecord:
        attempt = Attempt(Verdict.SKIPPED, None, None, (), (), case.expectation.skipped, 0, "")
        return case.record((attempt,), expected=True)


def _is_as_listed(case: AnyCase, attempt: Attempt) -> bool:
    """Whether it is the FAIL on record: by the requirement that the entry names. Another FAIL of the case is news."""
    broken = {finding.requirement for finding in attempt.findings if finding.severity == "fail"}
    return (
        attempt.verdict is Verdict.FAIL and case.known_failure is not None and case.known_failure.requirement in broken
    )


def _left_nothing(case: AnyCase, folder: Path) -> bool:
    """Whether every product of the case was asked afterwards, had nothing left of it, and told of no fault."""
    sides = PAIR_FOLDERS if isinstance(case, PairCase) else ("peer",)
    noted = [EvidenceFolder(folder).hygiene(side) for side in sides]
    return all(hygiene is not None and hygiene.clean for hygiene in noted)


def _told(error: Exception, folder: Path) -> str:
    """An error that nobody foresaw, in one line: what, and where in our code. All of it goes to the evidence."""
    EvidenceFolder(folder).write_text("harness-error.txt", "".join(traceback.format_exception(error)))
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

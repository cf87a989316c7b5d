"""A run: the cases of a plan side by side against warm peers; failures once more against fresh ones."""

from __future__ import annotations

import itertools
import random
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.evidence.interruption import Cause, Death
from harness.evidence.store import EvidenceFolder, folder_name
from harness.lab.errors import LabError, PeerDied
from harness.lab.running_peer import RunningPeer
from harness.lab.runtime import Laboratory
from harness.policy.role import Role
from harness.results.judgement import is_expected
from harness.results.model import Attempt, CaseRecord, Severity, Verdict
from harness.run.attempt import TESTED, failed_attempt, judged_death, play
from harness.run.case import Case
from harness.run.company import Company
from harness.run.compliance import FAILED, Compliance, ProbeScenarios
from harness.run.configure import daemon_settings
from harness.run.events import CaseFinished, CaseStarted, Listener, PeerStarted, RunEvent
from harness.run.header import peer_entry
from harness.run.schedule import Schedule
from harness.run.stage import Stage
from harness.run.workers import Workers
from harness.scenario.model import Requirement
from harness.scenario.peer import Peer


@dataclass(frozen=True, slots=True)
class Died:
    """An attempt in which a daemon ended; it is judged once it is known whether that comes again."""

    death: Death
    began: float  # by the monotonic clock, in seconds
    ended: float

    @property
    def by_itself(self) -> bool:
        """Whether nobody else ended it."""
        return self.death.cause is Cause.ITSELF

    def repeated_by(self, other: Died) -> bool:
        """Whether the same daemon ended by itself both times."""
        same = (self.death.peer, self.death.side) == (other.death.peer, other.death.side)
        return same and self.by_itself and other.by_itself

    def judged(self, stage: Stage, case: Case, folder: Path, *, repeated: bool) -> Attempt:
        """The attempt with its verdict; its duration ends with the daemon."""
        attempt = judged_death(stage, case, folder, replace(self.death, again=repeated), self.began)
        return replace(attempt, duration_ms=round((self.ended - self.began) * 1000))


@dataclass(slots=True)
class Runner:
    """Plays cases. ``jobs`` cases run at a time; ``seed`` fixes their order."""

    lab: Laboratory
    requirements: dict[str, Requirement]
    folder: Path
    listener: Listener
    jobs: int
    seed: int
    probe: ProbeScenarios | None = None  # of the compliance probe; None leaves it out
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _company: Company = field(default_factory=Company)
    _told: set[str] = field(default_factory=set)
    _stopped: bool = False
    _compliance: Compliance | None = None

    def __post_init__(self) -> None:
        if self.probe is not None:
            self._compliance = Compliance(self.probe, self._numbers)

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
        with _pool(2 * self.jobs, "peer") as helpers, workers.beating():
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

    def _play_case(self, stage: Stage, case: Case) -> None:
        folder = self.folder / "cases" / folder_name(case.id)
        if unfit := self._unfit(stage, case, folder):
            self._tell(CaseFinished(self._record(case, (unfit,))))
            return
        self._tell(CaseFinished(self._record(case, self._attempts(stage, case, folder))))

    def _attempts(self, stage: Stage, case: Case, folder: Path) -> tuple[Attempt, ...]:
        """The first attempt, and a second one where it calls for it.

        Where a daemon ended by itself any case that was on it may be the reason: each is played again alone, on a peer
        that nobody else has. What ends it then, too, is what it dies of; nothing is said of the others. So the first
        attempt is judged after the second.
        """
        first = self._attempt(stage, case, folder, 1)
        again = folder / "attempt-2"
        if isinstance(first, Attempt):
            if self._stopped or not self._calls_for_another(case, first):
                return (first,)
            second = self._attempt(stage, case, again, 2)
            return first, second if isinstance(second, Attempt) else second.judged(stage, case, again, repeated=False)
        if self._stopped:
            return (first.judged(stage, case, folder, repeated=False),)
        second = self._attempt(stage, case, again, 2, alone=first.by_itself)
        repeated = not isinstance(second, Attempt) and first.repeated_by(second)
        return (
            first.judged(stage, case, folder, repeated=repeated),
            second if isinstance(second, Attempt) else second.judged(stage, case, again, repeated=repeated),
        )

    def _unfit(self, stage: Stage, case: Case, folder: Path) -> Attempt | None:
        """An ERROR in place of a case whose peer did not pass the compliance probe; None where it may be played."""
        if self._compliance is None or self._stopped:
            return None
        began = time.monotonic()
        try:
            stage.workers.channel()
            found = [(peer, self._compliance.probed(stage, peer)) for peer in case.peers]
        except LabError as error:
            return failed_attempt(stage, folder, str(error), began)
        except Exception as error:  # noqa: BLE001  # as in an attempt: it is this case's ERROR, not the run's end
            return failed_attempt(stage, folder, _in_words(error, folder), began)
        for peer, probed in found:
            self._tell_peer(peer, probed.running, probed.words)
        unfit = [f"{peer.name}: {probed.failure}" for peer, probed in found if probed.failure]
        return failed_attempt(stage, folder, FAILED + unfit[0], began) if unfit else None

    def _attempt(self, stage: Stage, case: Case, folder: Path, attempt: int, *, alone: bool = False) -> Attempt | Died:
        """Play the case once. A peer that saw an ERROR, or a FAIL that is not a harmless one, takes no further case."""
        self._tell(CaseStarted(case.id, attempt))
        began = time.monotonic()
        try:
            stage.workers.channel()  # without one, no peer need be taken, nor given up as suspect
            return self._on_leased_peers(stage, case, folder, alone)
        except PeerDied as error:
            return Died(error.death, began, time.monotonic())
        except LabError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  # an error of ours in one case is that case's ERROR, not the run's end
            reason = _in_words(error, folder)
        return failed_attempt(stage, folder, reason, began)

    def _on_leased_peers(self, stage: Stage, case: Case, folder: Path, alone: bool) -> Attempt:
        with self._leased(case, alone) as running, self._company.of(case.id, running) as beside:
            for peer, each in zip(case.peers, running, strict=True):
                self._tell_peer(peer, each)
            try:
                result = play(stage, case, next(self._numbers), folder, running)
            except PeerDied as error:
                self._give_up(running)
                raise PeerDied(replace(error.death, beside=tuple(sorted(beside)))) from error
            except Exception:
                self._give_up(running)
                raise
            harmless = _is_as_listed(case, result) and _left_nothing(case, folder)
            if result.verdict in (Verdict.FAIL, Verdict.ERROR) and not harmless:
                self._give_up(running)
            return result

    @contextmanager
    def _leased(self, case: Case, alone: bool) -> Iterator[tuple[RunningPeer, ...]]:
        settings = [daemon_settings(case, peer) for peer in case.peers]
        if alone:
            with ExitStack() as stack:
                pairs = zip(case.peers, settings, strict=True)
                yield tuple(stack.enter_context(self.lab.lease_alone(peer, daemon)) for peer, daemon in pairs)
        elif len(case.peers) == 2:
            with self.lab.lease_pair((case.peers[0], case.peers[1]), (settings[0], settings[1])) as pair:
                yield pair
        else:
            with self.lab.lease(case.peers[0], settings[0]) as running:
                yield (running,)

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
    def _calls_for_another(case: Case, attempt: Attempt) -> bool:
        """Whether a second attempt would tell something: a FAIL that is on record has been repeated often enough."""
        return attempt.verdict in (Verdict.FAIL, Verdict.ERROR) and not _is_as_listed(case, attempt)

    @staticmethod
    def _record(case: Case, attempts: tuple[Attempt, ...]) -> CaseRecord:
        known = case.known_failure
        first = attempts[0]
        listed = known is not None and (first.verdict is not Verdict.FAIL or _is_as_listed(case, first))
        expected = is_expected(first.verdict, known_failure=listed)
        return case.record(attempts, expected=expected, known_failure=f"{known.reason} ({known.link})" if known else "")

    @staticmethod
    def _skipped(case: Case) -> CaseRecord:
        attempt = Attempt(Verdict.SKIPPED, None, None, (), (), case.expectation.skipped, 0, "")
        return case.record((attempt,), expected=True)


def _is_as_listed(case: Case, attempt: Attempt) -> bool:
    """Whether it is the FAIL on record: by the requirement that the entry names. Another FAIL of the case is news."""
    broken = {finding.requirement for finding in attempt.findings if finding.severity is Severity.FAIL}
    return (
        attempt.verdict is Verdict.FAIL and case.known_failure is not None and case.known_failure.requirement in broken
    )


def _left_nothing(case: Case, folder: Path) -> bool:
    """Whether every product of the case was asked afterwards, had nothing left of it, and told of no fault."""
    sides = (TESTED,) if case.engine else tuple(role.value for role in Role)
    noted = [EvidenceFolder(folder).hygiene(side) for side in sides]
    return all(hygiene is not None and hygiene.clean for hygiene in noted)


def _in_words(error: Exception, folder: Path) -> str:
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

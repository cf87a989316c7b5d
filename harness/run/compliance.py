"""The compliance probe: before any case of a peer, once in a run, whether it is a peer that can be judged at all.

It must start and report its version, load a configuration, refuse a wrong pre-shared key, and come back after a
restart.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.evidence.store import folder_name
from harness.lab.errors import LabError, WorkerLost
from harness.lab.running_peer import RunningPeer
from harness.oracle.expectation import expect
from harness.results.model import Attempt, Outcome, Verdict
from harness.run.attempt import Stage, play
from harness.run.inputs import Inputs
from harness.run.parties import daemon_settings
from harness.run.plan import Case
from harness.scenario.model import Role, Scenario
from harness.scenario.peer import Peer
from harness.scenario.selection import NothingSelected

SCENARIO = "authentication/wrong-psk"
FOLDER = "probes"
FAILED = "compliance probe: "

_TRIES = 2  # a busy machine may make a peer miss a deadline once
_UP = (Outcome.HYBRID, Outcome.PQ_ONLY, Outcome.CLASSICAL)
_UNAUTHENTICATED = "K03"  # the requirement that an IKE SA without a verified AUTH breaks


@dataclass(frozen=True, slots=True)
class Probed:
    """How a peer did. ``failure`` is "" where it passed; ``running`` is None where it never started."""

    failure: str
    passed: str = ""
    running: RunningPeer | None = None

    @property
    def words(self) -> str:
        """As the peer's entry in the report has it."""
        return f"failed: {self.failure}" if self.failure else f"passed: {self.passed}"


class NotCompliant(LabError):
    """The peer does not do what has to be taken for granted before it is judged by anything finer."""


def probe_scenario(inputs: Inputs) -> Scenario:
    """The exchange with a wrong pre-shared key, from the scenarios.

    Raises:
        NothingSelected: the checkout does not have it.
    """
    if SCENARIO not in inputs.scenarios:
        raise NothingSelected(f"the compliance probe needs the scenario {SCENARIO}, which is not there")
    return inputs.scenarios[SCENARIO]


@dataclass(slots=True)
class Compliance:
    """The probes of a run, one a peer: whoever comes first with a case of it plays the probe, the others wait."""

    scenario: Scenario
    numbers: Iterator[int]
    _found: dict[str, Probed] = field(default_factory=dict)
    _locks: dict[str, threading.Lock] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def probed(self, stage: Stage, peer: Peer) -> Probed:
        """The result for this peer, played now if it has not been.

        Raises:
            WorkerLost: the worker ended meanwhile; whoever comes next plays the probe again.
        """
        with self._lock:
            lock = self._locks.setdefault(peer.name, threading.Lock())
        with lock:
            if peer.name not in self._found:
                self._found[peer.name] = self._probe(stage, peer)
            return self._found[peer.name]

    def _probe(self, stage: Stage, peer: Peer) -> Probed:
        folder = stage.run_folder / FOLDER / folder_name(peer.name)
        for number in range(1, _TRIES + 1):
            found = self._try(stage, peer, folder if number == 1 else folder / f"attempt-{number}")
            if not found.failure:
                break
        return found

    def _try(self, stage: Stage, peer: Peer, folder: Path) -> Probed:
        case = _case(self.scenario, peer)
        started: RunningPeer | None = None
        try:
            with stage.lab.lease(peer, daemon_settings(case)) as running:
                started = running
                try:
                    return self._steps(stage, case, folder, running)
                except BaseException:
                    stage.lab.recycle(running)
                    raise
        except WorkerLost:
            raise  # it says nothing about the peer
        except LabError as error:
            return Probed(str(error), running=started)

    def _steps(self, stage: Stage, case: Case, folder: Path, running: RunningPeer) -> Probed:
        if case.expectation.skipped:
            refusal = "a wrong pre-shared key could not be tried"
        else:
            refusal = refused(play(stage, case, next(self.numbers), folder, running))
        seconds = running.restart()
        words = f"reports version {running.version}; {refusal}; back {seconds:.1f} s after a restart"
        return Probed("", words, running)


def refused(attempt: Attempt) -> str:
    """In words, how the wrong pre-shared key was refused.

    Raises:
        NotCompliant: it was not: by the wire the IKE SA stood, or by our engine.
        LabError: nothing can be said of it.
    """
    if attempt.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        raise LabError(attempt.reason)
    if attempt.outcome in _UP or any(finding.requirement == _UNAUTHENTICATED for finding in attempt.findings):
        raise NotCompliant("it accepts a wrong pre-shared key (RFC 7296 section 2.15)")
    if attempt.outcome is Outcome.BROKEN:
        return "with a wrong pre-shared key nothing comes up, without an answer"
    if attempt.verdict is Verdict.UNSUPPORTED:
        return "refuses before the wrong pre-shared key matters"
    return "refuses a wrong pre-shared key"


def _case(scenario: Scenario, peer: Peer) -> Case:
    """The exchange as the probe plays it: our engine is the initiator, so that the peer is the first who may refuse."""
    return Case(scenario, peer, Role.INITIATOR, expect(scenario, peer, Role.INITIATOR))

"""The compliance probe: before any case of a peer, once in a run, whether it is a peer that can be judged at all.

It must start and report its version, load a configuration, refuse a wrong pre-shared key, show in its status a tunnel
that stands by the wire, and come back after a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.evidence.interruption import DEATH_FILE, Cause
from harness.evidence.peer_report import PeerReport
from harness.evidence.store import PEER_STATUS, EvidenceFolder, folder_name
from harness.lab.errors import LabError, PeerDied, WorkerLost
from harness.lab.running_peer import RunningPeer
from harness.results.model import Attempt, Outcome, Verdict
from harness.run.attempt import play
from harness.run.case import Case
from harness.run.configure import daemon_settings
from harness.run.inputs import Inputs
from harness.run.plan import planned
from harness.run.stage import Stage
from harness.scenario.model import Parties, Scenario, Step
from harness.scenario.party import ENGINE
from harness.scenario.peer import Peer
from harness.scenario.selection import NothingSelected

SCENARIO = "authentication/wrong-psk"
TUNNELS = ("lifecycle/liveness-and-delete", "classical/ecp256")
"""Of these, then of all others, the first by which a tunnel comes up with the peer is played to be read back."""

FOLDER, TUNNEL_FOLDER = "probes", "tunnel"
FAILED = "compliance probe: "

_TRIES = 2  # a busy machine may make a peer miss a deadline once
_UP = (Outcome.HYBRID, Outcome.PQ_ONLY, Outcome.CLASSICAL)
_STATUS_CHECK = "peer-agrees"
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


@dataclass(frozen=True, slots=True)
class ProbeScenarios:
    """What the probe plays."""

    refusal: Scenario  # with a wrong pre-shared key
    tunnels: tuple[Scenario, ...]  # of which the first is played that comes up with the peer


def probe_scenarios(inputs: Inputs) -> ProbeScenarios:
    """The exchanges of the probe, from the scenarios.

    Raises:
        NothingSelected: the checkout does not have the one with a wrong pre-shared key.
    """
    if SCENARIO not in inputs.scenarios:
        raise NothingSelected(f"the compliance probe needs the scenario {SCENARIO}, which is not there")
    names = dict.fromkeys((*(name for name in TUNNELS if name in inputs.scenarios), *inputs.scenarios))
    plain = (s for s in map(inputs.scenarios.__getitem__, names) if s.parties is Parties.ENGINE and not s.deviation)
    return ProbeScenarios(inputs.scenarios[SCENARIO], tuple(s for s in plain if Step.TRAFFIC in s.steps))


@dataclass(slots=True)
class Compliance:
    """The probes of a run, one a peer: whoever comes first with a case of it plays the probe, the others wait."""

    scenarios: ProbeScenarios
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
        case = _case(self.scenarios.refusal, peer)
        started: RunningPeer | None = None
        try:
            with stage.lab.lease(peer, daemon_settings(case, peer)) as running:
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
            refusal = self._played(stage, case, folder, running, refused)
        tunnel = self._tunnel(stage, case, folder / TUNNEL_FOLDER, running)
        seconds = running.restart()
        words = f"reports version {running.version}; {refusal}; {tunnel}; back {seconds:.1f} s after a restart"
        return Probed("", words, running)

    def _tunnel(self, stage: Stage, refusal: Case, folder: Path, running: RunningPeer) -> str:
        """In words, how the status told of a tunnel."""
        [peer] = refusal.peers
        as_started = daemon_settings(refusal, peer)
        cases = (_case(scenario, peer) for scenario in self.scenarios.tunnels)
        usable = (c for c in cases if c.expectation.establishes and daemon_settings(c, peer) == as_started)
        case = next(usable, None)
        if case is None:
            return "no tunnel could be tried"
        return self._played(stage, case, folder, running, lambda attempt: read_back(attempt, folder))

    def _played(
        self, stage: Stage, case: Case, folder: Path, running: RunningPeer, told: Callable[[Attempt], str]
    ) -> str:
        """In words, what came of an exchange. An end of the daemon by itself is for the exchange's own case to judge.

        The daemon is started again after it, for what else there is to probe.
        """
        try:
            attempt = play(stage, case, next(self.numbers), folder, (running,))
        except PeerDied as error:
            if error.death.cause is not Cause.ITSELF:
                raise
            EvidenceFolder(folder).write_json(DEATH_FILE, error.death)
            running.restart()
            return f"its daemon ended by itself in {case.scenario.id}, which is for that case to judge"
        return told(attempt)


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


def read_back(attempt: Attempt, folder: Path) -> str:
    """In words, whether the product's status shows the tunnel that stood. ``folder`` holds the attempt's evidence.

    Where none came up, it is for the peer's cases to say what is wrong.

    Raises:
        NotCompliant: it shows none, or another one, or none of its packets.
        LabError: nothing can be said of it: the driver cannot read the status, for one.
    """
    differing = [check.detail for check in attempt.checks if check.check == _STATUS_CHECK and not check.passed]
    if attempt.outcome in _UP and differing:  # INCONCLUSIVE in a case; here it is what is asked for
        raise NotCompliant(f"its status is not of the tunnel that the wire shows: {differing[0]}")
    if attempt.verdict in (Verdict.ERROR, Verdict.INCONCLUSIVE):
        raise LabError(attempt.reason)
    if attempt.outcome not in _UP:
        return "no tunnel came up to be read back"
    report = EvidenceFolder(folder).read(PEER_STATUS, PeerReport)
    if report is not None and report.silent:
        return "it has no status interface to be read back"
    children = [child for sa in report.sas for child in sa.children] if report else []
    if not children:
        raise NotCompliant("its status shows no Child SA of a tunnel that carried packets")
    if any(0 in (child.packets_in, child.packets_out) for child in children):
        raise NotCompliant("its status counts no packets of a tunnel that carried some")
    counted = children[0].packets_in is not None
    return f"its status shows a tunnel{' and its packets' if counted else ', and counts no packets'}"


def _case(scenario: Scenario, peer: Peer) -> Case:
    """The exchange as the probe plays it: our engine is the initiator, so that the peer is the first who may refuse."""
    return planned(scenario, ENGINE, peer)

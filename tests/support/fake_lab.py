"""A lab without containers: peers that are names, attempts that go as a test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

from harness.evidence.model import CaseFacts, Side
from harness.evidence.store import EvidenceFolder
from harness.lab.errors import LabError, PeerDied
from harness.oracle.expectation import to_record
from harness.policy.role import Role
from harness.results.model import Attempt, Finding, Grade, Outcome, Verdict
from harness.transport.messages import Ready


class FakeChannel:
    """A channel to a worker that is there, until a test says otherwise."""

    def __init__(self) -> None:
        self.lost = False
        self.own = SimpleNamespace(get=lambda _timeout: Ready())
        self.sent: list[object] = []
        self.refuses: Exception | None = None
        self.refused = 0
        self.on_beat: Callable[[], object] = bool

    def send(self, case: str, request: object) -> None:
        assert case == ""
        if self.refuses is not None:
            self.refused += 1
            raise self.refuses
        self.sent.append(request)

    def stderr(self) -> str:
        return "its last words"


@dataclass
class FakeLab:
    """Hands out peers by name; ``log`` says what became of them."""

    log: list[str] = field(default_factory=list)
    workers: list[FakeChannel] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0
    refuse: str = ""
    _alone: int = 0
    _fresh: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def tester(self):
        return SimpleNamespace(open_worker=self.open_worker)

    def open_worker(self) -> FakeChannel:
        if self.refuse:
            raise LabError(self.refuse)
        self.workers.append(FakeChannel())
        return self.workers[-1]

    @contextmanager
    def lease(self, peer, settings):
        with self._lock:
            name = f"{peer.name}#{self._fresh.setdefault(peer.name, 1)}"
            self.busy += 1
            self.busiest = max(self.busiest, self.busy)
        try:
            yield SimpleNamespace(
                name=name, peer=peer, version="6.1.0", image_id="sha256:1", kernel="", settings=settings
            )
        finally:
            with self._lock:
                self.busy -= 1

    @contextmanager
    def lease_alone(self, peer, settings):
        with self._lock:
            self._alone += 1
            name = f"{peer.name} alone {self._alone}"
        yield SimpleNamespace(name=name, peer=peer, version="6.1.0", image_id="sha256:1", kernel="", settings=settings)

    def recycle(self, running) -> None:
        with self._lock:
            self.log.append(f"recycled {running.name}")
            if " alone " not in running.name:
                self._fresh[running.peer.name] += 1


BROKEN = "A06"
"""The requirement that every scripted FAIL breaks."""


def attempt(verdict: Verdict, evidence: str = "somewhere", reason: str = "") -> Attempt:
    grade = Grade.A if verdict in (Verdict.PASS, Verdict.FAIL) else None
    outcome = None if verdict in (Verdict.ERROR, Verdict.SKIPPED) else Outcome.HYBRID
    failing = Finding("authenticated", BROKEN, "MUST", "strongswan-6.1", "AUTH is another", "wire.pcapng#7")
    findings = (failing,) if verdict is Verdict.FAIL else ()
    return Attempt(verdict, outcome, grade, findings, (), reason, 1, evidence)


def _facts(case) -> CaseFacts:
    initiator, responder = (Side("engine" if role is case.engine else case.peers[0].name) for role in Role)
    return CaseFacts(
        case.id, case.scenario.id, initiator, responder, to_record(case.expectation, case.engine), case.engine
    )


@dataclass
class Script:
    """What ``play`` does: for each case a list of verdicts or exceptions; PASS without one."""

    by_case: dict[str, list] = field(default_factory=dict)
    played: list[tuple[str, str, str]] = field(default_factory=list)  # case, peer, folder
    before: Callable[..., object] | None = None

    def play(self, stage, case, number, folder: Path, running) -> Attempt:
        [leased] = running
        self.played.append((case.id, leased.name, str(folder.relative_to(stage.run_folder))))
        if self.before is not None:
            self.before(stage, case)
        what = self.by_case[case.id].pop(0) if self.by_case.get(case.id) else Verdict.PASS
        if isinstance(what, PeerDied):
            EvidenceFolder(folder).write_facts(_facts(case))
        if isinstance(what, BaseException):
            raise what
        return attempt(what)

"""What was concluded: outcome, verdict, grade, findings, and the record of one case (DESIGN: two axes, never mixed)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """What a user gets. HYBRID only if a classical and a post-quantum exchange both took place and entered the keys."""

    HYBRID = "HYBRID"
    PQ_ONLY = "PQ_ONLY"
    CLASSICAL = "CLASSICAL"
    REFUSED = "REFUSED"
    BROKEN = "BROKEN"


class Verdict(StrEnum):
    """Whether it was right. Each value is explained in reports/README.md."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    UNSUPPORTED = "UNSUPPORTED"
    INCONCLUSIVE = "INCONCLUSIVE"
    ERROR = "ERROR"
    SKIPPED = "SKIPPED"


class Grade(StrEnum):
    """Strength of the evidence: A decrypted on the wire, B the peer's status interface, C log text."""

    A = "A"
    B = "B"
    C = "C"


class Severity(StrEnum):
    """What a finding does to the verdict."""

    FAIL = "fail"
    SHOULD = "should"  # advice that is not followed: a pass carries it
    INCONCLUSIVE = "inconclusive"
    NOTE = "note"


class Runtime(StrEnum):
    """Where the peers of a run stand."""

    DOCKER = "docker"
    LOCAL = "local"  # on loopback, without Docker and without any right: what is part of the harness alone


class KernelChoice(StrEnum):
    """Which kernel does ESP for peers that need one."""

    AUTO = "auto"  # the host's where it has ESP, else the peer's own
    HOST = "host"
    OWN = "own"
    USERSPACE = "userspace"  # none: no peer that needs a kernel is started


class Pointer(str):
    """A place in the evidence: a file of it, and after ``#`` the frame of the capture: "wire.pcapng#7"."""

    __slots__ = ()

    @classmethod
    def to_frame(cls, number: int) -> Pointer:
        """To a frame of the capture, from 1."""
        return cls(f"{CAPTURE}#{number}")

    @property
    def file(self) -> str:
        """The file alone."""
        return self.partition("#")[0]

    @property
    def frame(self) -> int | None:
        """The frame of the capture, None where it is no such place."""
        number = self.partition("#")[2]
        return int(number) if number else None


CAPTURE, SECRETS, STEPS = Pointer("wire.pcapng"), Pointer("secrets.json"), Pointer("steps.json")
ENGINE_REPORT = Pointer("engine/sas.json")
PEER_STATUS, PEER_STATUS_AFTER = Pointer("peer/sas.json"), Pointer("peer/sas-after.json")


@dataclass(frozen=True, slots=True)
class Finding:
    """One conclusion of one check."""

    check: str
    requirement: str  # id in the catalogue, "" for harness-level findings
    level: str  # MUST, SHOULD, MAY; "" where no requirement is concerned
    party: str  # peer name, or "engine"
    sentence: str  # what was expected, what was seen
    pointer: Pointer
    severity: Severity = Severity.FAIL


@dataclass(frozen=True, slots=True)
class CheckResult:
    """That a check ran, and how it ended: a green cell lists what proved it."""

    check: str
    requirement: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One message of the exchange, as the ladder diagram of a report draws it."""

    direction: str  # ">" sent by the engine (of a pair: by the initiator), "<" sent to it
    label: str  # exchange type and message id: "IKE_INTERMEDIATE request 1"
    detail: str  # payload names, and what a reader wants to know: "SK{KEi(ml-kem-768)}, 2 fragments"
    octets: int  # of the UDP payload, all fragments together; of the packet for plain ESP
    at_ms: float  # milliseconds since the first message


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a case. The first attempt counts; a second one only tells whether a failure repeats."""

    verdict: Verdict
    outcome: Outcome | None
    grade: Grade | None
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    reason: str
    duration_ms: int
    evidence: str  # the attempt's folder, relative to the run's folder; "" when nothing was sent
    ladder: tuple[LadderStep, ...] = ()
    files: tuple[str, ...] = ()  # what the evidence folder holds, relative to it: reports link only what exists
    kernel: str = ""  # whose kernel did the peer's ESP, "own Linux 6.12.101"; "" where the peer's daemon did
    sha256: Mapping[str, str] = field(default_factory=dict)  # of each of these files, in hexadecimal


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """One planned case and everything that was concluded of it. Every planned case has one."""

    case: str  # "<scenario>@<peer>@<role>"
    scenario: str
    peer: str
    role: str  # of the engine: "initiator", "responder"; else "pair"
    attempts: tuple[Attempt, ...]
    expected: bool  # whether this verdict counts as expected for the exit status
    known_failure: str = ""  # reason and link, where one is listed
    initiator: str = ""  # names the peers of a pair
    responder: str = ""
    deviation: str | None = None

    @property
    def first(self) -> Attempt:
        """The attempt that counts."""
        return self.attempts[0]

    @property
    def grade(self) -> Grade | None:
        """The grade that reports show: only a PASS or a FAIL has one."""
        return self.first.grade if self.first.verdict in (Verdict.PASS, Verdict.FAIL) else None

    @property
    def flaky(self) -> bool:
        """Whether a verdict did not repeat."""
        return len({attempt.verdict for attempt in self.attempts}) > 1


_FAILED = "failed: "


@dataclass(frozen=True, slots=True)
class PeerEntry:
    """One peer as the reports show it."""

    name: str
    title: str
    emulated: bool
    version: str  # as the daemon reported it in this run; "" when it never started
    image: str  # image id
    esp: str  # "userspace", "kernel"
    behaviours: tuple[tuple[str, str, str], ...] = ()  # emulated only: (what, value, source or "assumed")
    kernel: str = ""  # whose kernel does its ESP in this run: "own Linux 6.12.101", "the host's"; "" without one
    published: tuple[tuple[str, str, str], ...] = ()  # a product's own defaults: (what, value, source)
    probe: str = ""  # the compliance probe: "passed: ...", "failed: ..."; "" where it was not played

    @property
    def unfit(self) -> str:
        """Why the peer did not pass the compliance probe; "" where it did, or was not probed."""
        return self.probe.removeprefix(_FAILED) if self.probe.startswith(_FAILED) else ""


@dataclass(frozen=True, slots=True)
class ScenarioEntry:
    """One scenario as the reports show it."""

    id: str
    title: str
    requirements: tuple[tuple[str, str, str, str, str], ...]  # (id, source, section, level, text)
    published: bool = False  # whether two peers meet in it, each with its own published policy


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run was: enough to compare two runs honestly."""

    id: str
    started: str  # RFC 3339, UTC
    harness_version: str
    seed: int
    suite: str
    plan_hash: str  # SHA-256 over the planned cases and their inputs, hexadecimal
    kernel: str
    versions: dict[str, str]  # python, cryptography, openssl, liboqs, docker engine
    command: str
    peers: tuple[PeerEntry, ...] = ()
    scenarios: tuple[ScenarioEntry, ...] = ()
    brought_images: dict[str, str] = field(
        default_factory=dict
    )  # the user's own, by peer name: repro brings them again
    brought_peers: tuple[str, ...] = ()  # folders of the user's own peers, by whole path: repro takes them again
    planned: tuple[str, ...] = ()  # every case of the plan, in its order: an interrupted run still has a cell for each
    planned_hashes: tuple[str, ...] = ()  # of each of these cases: what is asked, predicted and checked
    kernel_choice: KernelChoice = KernelChoice.AUTO
    runtime: Runtime = Runtime.DOCKER
    requirements: tuple[tuple[str, str, str, str, str], ...] = ()  # (id, source, section, level, text): the catalogue


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run, as the reports read it."""

    header: RunHeader
    cases: tuple[CaseRecord, ...]
    duration_ms: int = 0
    complete: bool = True  # False when it was interrupted
    notes: tuple[str, ...] = field(default=())
    unplayed: tuple[str, ...] = ()  # planned cases without a record, be it that they are planned SKIPPED

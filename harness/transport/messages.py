"""What the runner and its helper processes say to each other: one JSON object a line, each of a type from here.

======= ================================ ================================================================
helper  is told                          answers
======= ================================ ================================================================
worker  Start, Continue, Abort           Want, each followed by a Continue; at the end Conversation or Failure
watcher Watch, Collect                   Watching, Collected
daemon  Listen, Load, Unload, Terminate  Done
daemon  Initiate, Status                 Initiated, SaReports
======= ================================ ================================================================

The worker plays our engine (``transport/worker.py``), a watcher captures between two products
(``transport/watcher.py``), and the daemon is our engine as the party under test (``transport/daemon.py``). Each says
Ready once it listens, and Failure where it cannot do what it is told. Runner and worker beat, both ways
(``transport/pulse.py``).

A line is ``{"case": ..., "kind": ..., "body": {...}}``: the case that the message belongs to, "" where it belongs to
none; the name of the message's type; and its fields, as ``json_codec`` writes them. The daemon knows no cases: there
``case`` is the name of one request, which its answer repeats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

from harness.evidence.interruption import Overrun
from harness.evidence.model import Conversation, Frame
from harness.evidence.peer_report import SaReport
from harness.json_codec import RecordError, from_json, parse_json, to_json
from harness.transport.job import Job, PeerAction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Beat:
    """The sender does not stand still."""


@dataclass(frozen=True, slots=True)
class Start:
    """Play the case."""

    job: Job


@dataclass(frozen=True, slots=True)
class Continue:
    """The action has been done."""

    action: PeerAction


@dataclass(frozen=True, slots=True)
class Abort:
    """End the case at once: the conversation comes as usual, with what there is."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Keep the frames that pass between the addresses of the two sides."""

    ours: tuple[str, ...]
    theirs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collect:
    """Hand over the frames of the case, and watch it no more."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Open the sockets of the engine at this address."""

    address: str


@dataclass(frozen=True, slots=True)
class Load:
    """Take a connection, whose name is the job's case; the job's role is the engine's."""

    job: Job


@dataclass(frozen=True, slots=True)
class Unload:
    """Forget a connection and its SAs, without a word to the other side. One that is not loaded is fine."""

    name: str


@dataclass(frozen=True, slots=True)
class Initiate:
    """Bring up the IKE SA of a connection with its Child SA."""

    name: str
    deadline_s: float


@dataclass(frozen=True, slots=True)
class Terminate:
    """Delete the IKE SAs of a connection (RFC 7296 section 1.4.1)."""

    name: str


@dataclass(frozen=True, slots=True)
class Status:
    """Tell of the SAs of a connection."""

    name: str


@dataclass(frozen=True, slots=True)
class Ready:
    """The helper process listens."""


@dataclass(frozen=True, slots=True)
class Want:
    """It is the runner's turn to act on the peer."""

    action: PeerAction


@dataclass(frozen=True, slots=True)
class Failure:
    """What was asked for could not be done."""

    reason: str


@dataclass(frozen=True, slots=True)
class Watching:
    """From now on frames of the case are kept."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What the watcher has kept of a case."""

    frames: tuple[Frame, ...]
    drops: int  # frames that the kernel dropped from the capture meanwhile
    overrun: Overrun | None  # where the capture ended early


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for is done: the sockets are open, the connection is taken or forgotten, the Delete has left."""


@dataclass(frozen=True, slots=True)
class Initiated:
    """How the initiation went."""

    said: str  # "" once the Child SA stands, else why it does not


@dataclass(frozen=True, slots=True)
class SaReports:
    """The IKE SAs of a connection that are not gone."""

    sas: tuple[SaReport, ...]


Request = Beat | Start | Continue | Abort | Watch | Collect | Listen | Load | Unload | Initiate | Terminate | Status
"""From the runner to a helper process."""

Answer = Beat | Ready | Want | Conversation | Failure | Watching | Collected | Done | Initiated | SaReports
"""From a helper process to the runner."""

_REQUESTS: dict[str, type[Request]] = {kind.__name__: kind for kind in get_args(Request)}
_ANSWERS: dict[str, type[Answer]] = {kind.__name__: kind for kind in get_args(Answer)}
_KIND_SHOWN = 40  # characters


@dataclass(frozen=True, slots=True)
class Line:
    """One line as it came in: for whom it is, and what is not decoded yet."""

    case: str
    kind: str
    body: Any

    @classmethod
    def parse(cls, octets: bytes) -> Line:
        """Raises RecordError: it is not JSON, or no object with these fields."""
        return from_json(cls, parse_json(octets))

    def request(self) -> Request:
        """Raises RecordError: it is no request, or its body is not that of its kind."""
        return from_json(self._among(_REQUESTS, "request"), self.body, self.kind)

    def answer(self) -> Answer:
        """Raises RecordError: it is no answer, or its body is not that of its kind."""
        return from_json(self._among(_ANSWERS, "answer"), self.body, self.kind)

    def _among(self, kinds: Mapping[str, T], what: str) -> T:
        if self.kind not in kinds:
            raise RecordError(f"{self.kind[:_KIND_SHOWN]!r} is no {what}")
        return kinds[self.kind]


def encoded(case: str, message: Request | Answer) -> bytes:
    """The line that carries ``message``, with its line feed."""
    line = {"case": case, "kind": type(message).__name__, "body": to_json(message)}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"

"""What cut a case short, or kept us from seeing it: a stall of our own, the end of a daemon, an overrun budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DISTURBANCES_FILE = "disturbances.json"


class OwnProcess(StrEnum):
    """Which of our processes."""

    RUNNER = "runner"  # the command that a user started, and Docker between it and the worker
    WORKER = "worker"  # the process in the tester that plays the engine, and Docker between it and the runner


@dataclass(frozen=True, slots=True)
class Disturbance:
    """One of ours stood still, or did not do what the other one waited for."""

    side: OwnProcess
    at: float  # seconds since the epoch
    seconds: float
    awaited: str = ""  # what the other one waited for in vain; "" where the side stood still

    @property
    def sentence(self) -> str:
        """In words."""
        if self.awaited:
            return f"our {self.side} did not do its part for {self.seconds:.1f} s: {self.awaited}"
        return f"our {self.side} stood still for {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Disturbances:
    """``disturbances.json``; the file is only there where there was one."""

    all: tuple[Disturbance, ...]


DEATH_FILE = "death.json"


class Cause(StrEnum):
    """Whose doing the end of a daemon was, as far as can be told."""

    ITSELF = "itself"  # it crashed, gave up, or returned
    OUTSIDE = "outside"  # somebody stopped or killed it: a signal that no program sends itself, a command of Docker's
    LIMIT = "limit"  # it came to the end of the memory that it was given
    LAB = "lab"  # the guest that it ran in ended without a word of the daemon
    UNKNOWN = "unknown"  # it may be there still, and only does not answer


@dataclass(frozen=True, slots=True)
class Death:
    """``death.json``; the file is only there where a daemon ended."""

    peer: str
    side: str  # "peer"; of two products "initiator" or "responder"
    cause: Cause
    words: str  # how it ended: "container x is exited (139)"
    beside: tuple[
        str, ...
    ] = ()  # other cases that ran on the same daemon meanwhile: any of them may be what it died of
    again: bool = False  # whether it ended by itself both times: beside others, and with this case alone

    @property
    def sentence(self) -> str:
        """In words."""
        ended = "does not answer any more" if self.cause is Cause.UNKNOWN else "its daemon ended during the case"
        others = f"; beside it ran {', '.join(self.beside)}" if self.beside else ""
        return f"{self.peer}: {ended}; {self.words}{others}"


FLOOD_FRAMES = 250
"""From so many frames on a sender floods: no case of a product that behaves has had 100."""


class Resource(StrEnum):
    """What a case has a budget of."""

    FRAMES = "frames"
    FRAME_OCTETS = "octets of frames"
    TRACE_ENTRIES = "entries of the trace"
    TRACE_OCTETS = "octets of the trace"


@dataclass(frozen=True, slots=True)
class Overrun:
    """The case ended there: what came after is not in the evidence."""

    resource: Resource
    limit: int
    after: float  # seconds since the case began
    frames: Mapping[str, int] = field(default_factory=dict)  # until then, by the IP address that they came from

    @property
    def busiest(self) -> str:
        """The address that most frames came from; "" where there was none."""
        return max(self.frames, key=lambda address: self.frames[address], default="")

    @property
    def flooder(self) -> str:
        """The address that flooded: many frames, and far more than from all others; "" where nobody did.

        Our own trace can run over, too, and where each side answers the other nobody can tell who began.
        """
        most = self.frames.get(self.busiest, 0)
        others = sum(self.frames.values()) - most
        many = most >= FLOOD_FRAMES or self.resource is Resource.FRAME_OCTETS  # which are no trace of ours
        return self.busiest if many and most >= 2 * others else ""

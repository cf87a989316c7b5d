"""What happens in a run, as it happens. The progress bar, the record and the reports consume these."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.results.model import CaseRecord, PeerEntry, RunHeader


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The lab stands; ``to_send`` cases will be played, the others are planned SKIPPED."""

    header: RunHeader
    to_send: int


@dataclass(frozen=True, slots=True)
class PeerStarted:
    """A peer runs and has told its version."""

    peer: PeerEntry


@dataclass(frozen=True, slots=True)
class CaseStarted:
    """A case is being played, for the first or the second time."""

    case: str
    attempt: int


@dataclass(frozen=True, slots=True)
class CaseFinished:
    """A case has its verdict."""

    record: CaseRecord


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The run is over; ``complete`` is False when it was interrupted."""

    duration_ms: int
    complete: bool


RunEvent = RunStarted | PeerStarted | CaseStarted | CaseFinished | RunFinished
Listener = Callable[[RunEvent], None]

"""The heartbeat between runner and worker: each notices that itself, or the other one, stood still.

Both beat four times a second. Who finds that much more time has passed since its own last beat than should have, has
itself stood still: stopped, swapped out, or on a machine that was. Who has not heard of the other one meanwhile, while
it was awake, knows that the other one stood still, or what is between the two.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from harness.evidence.interruption import Disturbance, OwnProcess

INTERVAL_S = 0.25
OWN_LIMIT_S = 2.0
"""A gap of one's own from which on it counts. What a case waits for on its way is longer, or is waited for anew."""

SILENCE_LIMIT_S = 4.0
"""A silence of the other one from which on it counts: messages between the two take their time on a busy machine."""


@dataclass(frozen=True, slots=True)
class _Gap:
    side: OwnProcess
    began: float  # by the monotonic clock
    ended: float


class Pulse:
    """One side's view. Its methods may be called from any thread; ``now`` is by the monotonic clock, in seconds."""

    def __init__(self, me: OwnProcess, now: float) -> None:
        self._me, self._other = me, OwnProcess.WORKER if me is OwnProcess.RUNNER else OwnProcess.RUNNER
        self._ticked = self._heard = now
        self._gaps: list[_Gap] = []
        self._lock = threading.Lock()

    def tick(self, now: float) -> None:
        """A beat of one's own is due."""
        with self._lock:
            self._look(now)
            self._ticked = now

    def begin(self, now: float) -> None:
        """The other one has just been started: what it did not say before was no silence."""
        with self._lock:
            self._look(now)
            self._heard = now

    def heard(self, now: float) -> None:
        """The other one beats."""
        with self._lock:
            self._look(now)
            if now - self._heard > SILENCE_LIMIT_S:
                self._gaps.append(_Gap(self._other, self._heard, now))
            self._heard = now

    def since(self, began: float, now: float) -> tuple[Disturbance, ...]:
        """What there was since ``began``, also what still lasts."""
        with self._lock:
            self._look(now)
            found = [gap for gap in self._gaps if gap.ended > began]
            if now - self._heard > SILENCE_LIMIT_S:
                found.append(_Gap(self._other, self._heard, now))
        epoch = time.time() - now
        return tuple(Disturbance(gap.side, epoch + gap.began, gap.ended - gap.began) for gap in found)

    def _look(self, now: float) -> None:
        """Take note of a gap of one's own; of the other one nothing can have been heard in it."""
        if now - self._ticked > INTERVAL_S + OWN_LIMIT_S:
            self._gaps.append(_Gap(self._me, self._ticked, now))
            self._ticked = self._heard = now

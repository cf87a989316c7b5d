"""The time that a case leaves its peer. It stands still while it is our turn, or nobody's."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_FOR_EVER = float("inf")


class PeerTime:
    """Counts down from a number of seconds, but not while anything of ours is under way."""

    def __init__(self, seconds: float) -> None:
        self._looked = time.monotonic()
        self._end = self._looked + seconds
        self._holds: dict[object, float] = {}  # until when, by the monotonic clock

    def hold(self, key: object, at_most: float = _FOR_EVER) -> None:
        """Something of ours begins; it may hold the time up for ``at_most`` so many seconds."""
        self._count()
        self._holds[key] = self._looked + at_most

    def release(self, key: object) -> None:
        """It has ended; what was never begun is fine."""
        self._count()
        self._holds.pop(key, None)

    @contextmanager
    def held(self, key: object) -> Iterator[None]:
        """The time stands still for the length of the block."""
        self.hold(key)
        try:
            yield
        finally:
            self.release(key)

    def give(self, seconds: float) -> None:
        """The peer gets so many seconds more: we were not there to hear it."""
        self._end += seconds

    def end(self) -> float:
        """When it is over by the monotonic clock, as things stand."""
        self._count()
        return self._end

    def remaining(self) -> float:
        """Seconds, at least 0."""
        return max(self.end() - self._looked, 0.0)

    def _count(self) -> None:
        now = time.monotonic()
        held_until = max(self._holds.values(), default=self._looked)
        self._end += max(0.0, min(now, held_until) - self._looked)
        self._looked = now

"""What one case may cost the process that plays it: a flood ends its own case, and takes nothing from the others."""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Callable

from harness.border import limits
from harness.evidence.interruption import Overrun, Resource

_LIMITS = {
    Resource.FRAMES: limits.CASE_FRAMES,
    Resource.FRAME_OCTETS: limits.CASE_FRAME_OCTETS,
    Resource.TRACE_ENTRIES: limits.CASE_TRACE_ENTRIES,
    Resource.TRACE_OCTETS: limits.CASE_TRACE_OCTETS,
}


class Budget:
    """The budget of one case. ``on_overrun`` is called once, when it is spent."""

    def __init__(self, on_overrun: Callable[[], None] = bool) -> None:  # type: ignore[assignment]  # it returns False
        self.overrun: Overrun | None = None
        self._on_overrun = on_overrun
        self._began = time.monotonic()
        self._spent: Counter[Resource] = Counter()
        self._frames: Counter[bytes] = Counter()

    def frame(self, octets: int, source: bytes) -> bool:
        """A frame from this IP address; whether it may be kept."""
        if self.overrun is None:
            self._frames[source] += 1
        return self._spend(Resource.FRAMES, 1) and self._spend(Resource.FRAME_OCTETS, octets)

    def entry(self, octets: int) -> bool:
        """An entry of the trace; whether it may be kept."""
        return self._spend(Resource.TRACE_ENTRIES, 1) and self._spend(Resource.TRACE_OCTETS, octets)

    def _spend(self, resource: Resource, amount: int) -> bool:
        if self.overrun is not None:
            return False
        self._spent[resource] += amount
        if self._spent[resource] <= _LIMITS[resource]:
            return True
        frames = {str(ipaddress.ip_address(source)): count for source, count in self._frames.items()}
        after = round(time.monotonic() - self._began, 3)
        self.overrun = Overrun(resource, _LIMITS[resource], after, frames)
        self._on_overrun()
        return False

"""What foreign octets may cost: 50 ms of CPU and 16 MB for each begun 16 kB, key exchange excluded."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable

SHARE_OCTETS = 16 << 10
SHARE_SECONDS = 0.050
SHARE_MEMORY = 16 << 20
_TRIES = 4  # a machine at work shows a higher time now and then, never a lower one
_HOPELESS = 10  # times what is allowed: another try would only take long


def shares(octets: int) -> int:
    """How many begun 16 kB there are in so many octets; one at least."""
    return max(1, -(-octets // SHARE_OCTETS))


def assert_within_budget(octets: int, action: Callable[[], object]) -> None:
    """``action``, which reads ``octets`` octets, stays within their share of CPU and of memory, above what was there.

    The best of a few times counts, and the peak of the memory that Python allocated, by tracemalloc.
    """
    assert_prepared_within_budget(octets, lambda: action)


def assert_prepared_within_budget(octets: int, prepare: Callable[[], Callable[[], object]]) -> None:
    """The same of what can be done but once: ``prepare`` makes it ready each time, and is not measured."""
    seconds = shares(octets) * SHARE_SECONDS
    best = _seconds(prepare())
    for _ in range(_TRIES - 1):
        if seconds < best < _HOPELESS * seconds:
            best = min(best, _seconds(prepare()))
    assert best <= seconds, f"{1000 * best:.1f} ms of CPU for {octets} octets, {1000 * seconds:.0f} are allowed"
    peak, memory = _peak(prepare()), shares(octets) * SHARE_MEMORY
    assert peak <= memory, f"{peak / 2**20:.1f} MB for {octets} octets, {memory / 2**20:.0f} are allowed"


def _seconds(action: Callable[[], object]) -> float:
    began = time.thread_time()
    action()
    return time.thread_time() - began


def _peak(action: Callable[[], object]) -> int:
    gc.collect()
    tracemalloc.start()
    try:
        held = action()
        del held
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

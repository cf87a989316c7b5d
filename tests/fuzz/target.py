"""A reader of foreign octets as the fuzzer sees it, and what each input may cost."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import mutation
from budget import SHARE_MEMORY, SHARE_SECONDS, shares

Prepared = tuple[int, Callable[[], object]]
"""How many octets are read, and the reading: it raises nothing but what is a finding.

It may give back what is done with what was read. That is to raise nothing either, but is no part of the cost.
"""


@dataclass(frozen=True)
class Target:
    """``prepare`` makes of an input what is to be measured; what it does itself (a handshake, say) is not."""

    name: str
    reads: str
    seeds: Callable[[], list[bytes]]
    prepare: Callable[[bytes], Prepared]
    mutate: Callable[[bytes, Random], bytes] = mutation.octets


class TooCostly(AssertionError):
    """An input took more CPU or memory than its octets are worth."""


def seconds_of(target: Target, data: bytes) -> tuple[float, float]:
    """Read one input: the CPU that it took, and how much its octets are worth."""
    octets, action = target.prepare(data)
    began = time.thread_time()
    after = action()
    took = time.thread_time() - began
    if callable(after):
        after()
    return took, shares(octets) * SHARE_SECONDS


def check_memory(target: Target, data: bytes) -> None:
    """Read one input with every allocation of Python's counted.

    Raises:
        TooCostly: the peak is above what its octets are worth.
    """
    octets, action = target.prepare(data)
    tracemalloc.start()
    try:
        action()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    if peak > shares(octets) * SHARE_MEMORY:
        raise TooCostly(f"{target.name}: {peak / 2**20:.1f} MB for {octets} octets")


def check_seconds(target: Target, data: bytes, tries: int = 4) -> None:
    """Read one input, again where it took too long: a machine at work shows a higher time now and then.

    Raises:
        TooCostly: it takes more CPU than its octets are worth each time.
    """
    for left in reversed(range(tries)):
        took, worth = seconds_of(target, data)
        if took <= worth:
            return
        if not left:
            raise TooCostly(f"{target.name}: {1000 * took:.0f} ms of CPU, {1000 * worth:.0f} are allowed")

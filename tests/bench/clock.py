"""Processor time of short calls, on a machine that does other things as well."""

from __future__ import annotations

import cProfile
import io
import pstats
from collections.abc import Callable
from time import process_time


def in_turns(calls: dict[str, tuple[Callable[[], object], int]], rounds: int = 9) -> dict[str, float]:
    """Microseconds of one call each, the best of some rounds; the calls take turns so that load meets all alike.

    ``calls`` gives with each call how often it is repeated within a round.
    """
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, (call, repeat) in calls.items():
            begin = process_time()
            for _ in range(repeat):
                call()
            best[name] = min(best[name], (process_time() - begin) / repeat)
    return {name: seconds * 1e6 for name, seconds in best.items()}


def profile_of(call: Callable[[], object], repeat: int, lines: int = 20) -> str:
    """Where the time of a call goes, function by function."""
    profile = cProfile.Profile()
    profile.enable()
    for _ in range(repeat):
        call()
    profile.disable()
    text = io.StringIO()
    pstats.Stats(profile, stream=text).sort_stats("tottime").print_stats(lines)
    return text.getvalue()

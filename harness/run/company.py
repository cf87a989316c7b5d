"""Which cases were on a daemon at the same time: where it ends, each of them may be what it died of."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Company:
    """Who is on which peer now. Any method may be called from any thread."""

    def __init__(self) -> None:
        self._on: dict[int, dict[str, set[str]]] = {}  # by peer: each case on it, with those that it met
        self._lock = threading.Lock()

    @contextmanager
    def of(self, case: str, peers: Sequence[object]) -> Iterator[set[str]]:
        """``case`` is on these peers for the length of the block; the set that it fills is of those that it meets."""
        met: set[str] = set()
        with self._lock:
            for peer in peers:
                others = self._on.setdefault(id(peer), {})
                met.update(others)
                for seen in others.values():
                    seen.add(case)
                others[case] = met
        try:
            yield met
        finally:
            with self._lock:
                for peer in peers:
                    del self._on[id(peer)][case]

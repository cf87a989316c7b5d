"""Which case is next: one whose peers are free, so that no thread stands waiting for a peer that is taken."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Hashable, Sequence

from harness.lab.warm_peers import EXCLUSIVE_COPIES
from harness.run.case import Case

ONE_AT_A_TIME = 1


class Schedule:
    """Hands out cases in their order, as far as their peers are free; those of scarce peers come first.

    A peer whose daemon takes one case at a time is scarce: there are few containers of it, and what is left for it at
    the end of a run would be played with everybody else done. Any method may be called from any thread.
    """

    def __init__(self, cases: Sequence[Case]) -> None:
        self._waiting = sorted(cases, key=lambda case: all(peer.concurrent for peer in case.peers))
        self._taken: Counter[Hashable] = Counter()
        self._changed = threading.Condition()

    def take(self) -> Case | None:
        """The next case, once there is one that can be played; None when all are taken."""
        with self._changed:
            while self._waiting:
                for case in self._waiting:
                    if self._free(case):
                        self._waiting.remove(case)
                        self._taken.update(_needs(case))
                        return case
                self._changed.wait()
            return None

    def done(self, case: Case) -> None:
        """A case that was taken has been played."""
        with self._changed:
            self._taken.subtract(_needs(case))
            self._changed.notify_all()

    def call_off(self) -> None:
        """Hand out no further case."""
        with self._changed:
            self._waiting.clear()
            self._changed.notify_all()

    def _free(self, case: Case) -> bool:
        needs = _needs(case)
        return all(self._taken[key] + count <= _there_are(key) for key, count in needs.items())


def _needs(case: Case) -> Counter[Hashable]:
    """What a case has for itself: copies of exclusive peers, by name, and two peers of a pair with each other."""
    needs: Counter[Hashable] = Counter(peer.name for peer in case.peers if not peer.concurrent)
    if len(case.peers) > 1:
        needs[frozenset(peer.name for peer in case.peers)] = 1
    return needs


def _there_are(key: Hashable) -> int:
    return EXCLUSIVE_COPIES if isinstance(key, str) else ONE_AT_A_TIME

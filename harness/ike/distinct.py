"""One of each of several lists, none twice: the rule of RFC 9370 section 2.2.1 for key exchange methods.

This is a bipartite matching, found by augmenting paths. To try combinations would take time exponential in an offer
that a stranger sends.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


def can_be_distinct(lists: Sequence[Collection[T]], free: Collection[T] = ()) -> bool:
    """Whether each list can give a value, those of ``free`` any number of times, all others at most once."""
    return _Matching(lists, free).complete()


def first_distinct(lists: Sequence[Collection[T]], free: Collection[T] = ()) -> list[T] | None:
    """Such values, one of each list; None if there are none.

    Of all choices it is the first in the lists' own order, the first list counting most.
    """
    matching = _Matching(lists, free)
    if not matching.complete():
        return None
    settled: list[T] = []
    for index, values in enumerate(lists):
        kept = {value for value in settled if value not in free}
        settled.append(next(value for value in values if matching.gives(index, value, kept)))
    return settled


class _Matching(Generic[T]):
    """Which list holds which value. A list that has a free value need not hold any."""

    def __init__(self, lists: Sequence[Collection[T]], free: Collection[T]) -> None:
        self._lists, self._free = lists, free
        self._holder: dict[T, int] = {}

    def complete(self) -> bool:
        """Give every list a value; False if one is left without."""
        return all(self._takes(index, set()) for index in range(len(self._lists)))

    def gives(self, index: int, value: T, kept: set[T]) -> bool:
        """Give a list this very value, if all others can have one then; nobody is to have one of those ``kept``."""
        if value in kept:
            return False
        before = dict(self._holder)
        self._holder = {each: holder for each, holder in before.items() if holder != index}
        if value in self._free:
            return True
        loser = self._holder.pop(value, None)
        if loser is None or self._takes(loser, {value, *kept}):
            self._holder[value] = index
            return True
        self._holder = before
        return False

    def _takes(self, index: int, tried: set[T]) -> bool:
        """Give a list a value, and whoever held it another one; ``tried`` are not to be asked for again."""
        values = self._lists[index]
        if any(value in values for value in self._free):
            return True
        for value in values:
            if value not in tried:
                tried.add(value)
                holder = self._holder.get(value)
                if holder is None or self._takes(holder, tried):
                    self._holder[value] = index
                    return True
        return False

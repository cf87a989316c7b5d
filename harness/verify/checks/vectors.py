"""Initialization vectors that come again, or, where nobody is to foresee them, follow from what was sent before."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

_STEP = 1 << 16
"""A vector that is no further from the one before counts on: of 2^46 drawn at random, with 8 octets, one is so near."""


@dataclass(slots=True)
class Vectors:
    """The vectors that were sent under each key, in the order of the capture."""

    _sealed: dict[tuple[Hashable, bytes], bytes] = field(default_factory=dict)  # what was sent with a vector
    _before: dict[Hashable, bytes] = field(default_factory=dict)
    _ends: dict[Hashable, set[bytes]] = field(default_factory=dict)  # the last blocks of the ciphertexts

    def fault(self, key: Hashable, vector: bytes, ciphertext: bytes, octets: bytes, *, may_count: bool) -> str:
        """What is wrong with the next vector, in words; "" for nothing.

        ``octets`` are the whole packet: one that comes again is the same. ``may_count`` is that of the cipher, which
        asks no more of its vectors then than that each is another one.
        """
        before = self._sealed.get((key, vector))
        if before is not None:
            return "" if before == octets else "has the initialization vector of an earlier one"
        self._sealed[key, vector] = octets
        if may_count:
            return ""
        last, ends = self._before.get(key), self._ends.setdefault(key, set())
        chained, counted = vector in ends, last is not None and _counts(last, vector)
        self._before[key] = vector
        ends.add(ciphertext[-len(vector) :])
        if chained:
            return "has the last block of an earlier ciphertext for initialization vector, which anybody can foresee"
        return "has an initialization vector that counts on, which anybody can foresee" if counted else ""


def _counts(before: bytes, vector: bytes) -> bool:
    """Whether one is the other and a little more or less, read from either end."""
    ways = ((before, vector), (before[::-1], vector[::-1]))
    return any(abs(int.from_bytes(new) - int.from_bytes(old)) <= _STEP for old, new in ways)

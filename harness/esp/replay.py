"""Anti-replay (RFC 4303 section 3.4.3) and the inference of extended sequence numbers (appendix A)."""

from __future__ import annotations

from harness.esp.errors import ReplayedPacket

DEFAULT_WINDOW = 128
LEAST_WINDOW = 64  # RFC 4303 section 3.4.3: 32 MUST, 64 preferred


class ReplayWindow:
    """The highest sequence number received, T, and which of the ``size`` numbers up to it were received.

    ``check`` comes before the ICV, ``accept`` after it: a forged packet never moves the window.
    """

    def __init__(self, size: int = DEFAULT_WINDOW) -> None:
        if size < LEAST_WINDOW:
            raise ValueError(f"a replay window has at least {LEAST_WINDOW} packets, not {size}")
        self._size = size
        self._top = 0
        self._seen = 0  # bit n: T - n was received

    @property
    def top(self) -> int:
        """The highest sequence number accepted so far; 0 before the first."""
        return self._top

    def infer(self, low: int) -> int:
        """The 64-bit sequence number whose low half is ``low`` (RFC 4303 appendix A2.2).

        Of all the numbers with this low half it is the one in the window or, if none is, the next above it.

        Raises:
            ReplayedPacket: it would be left of the first packet ever sent.
        """
        top_high, top_low = self._top >> 32, self._top & 0xFFFFFFFF
        left = top_low - self._size + 1
        if left >= 0:  # case A: the window lies in one block of 2^32
            high = top_high if low >= left else top_high + 1
        else:  # case B: it spans two
            high = top_high - 1 if low >= left + (1 << 32) else top_high
        if high < 0:
            raise ReplayedPacket(f"sequence number {low} lies before the first packet of this SA")
        return high << 32 | low

    def check(self, sequence: int) -> None:
        """Refuse what was seen before or is too old to tell.

        Raises:
            ReplayedPacket: with the reason.
        """
        if sequence == 0:
            raise ReplayedPacket("sequence number 0 is never sent: the first packet has 1")
        behind = self._top - sequence
        if behind >= self._size:
            raise ReplayedPacket(f"sequence number {sequence} is left of the window, which ends at {self._top}")
        if behind >= 0 and self._seen >> behind & 1:
            raise ReplayedPacket(f"sequence number {sequence} was received before")

    def accept(self, sequence: int) -> None:
        """Mark ``sequence`` as received, moving the window if it is the highest so far. Only after the ICV verified."""
        ahead = sequence - self._top
        if ahead > 0:
            kept = self._seen << ahead if ahead < self._size else 0
            self._seen = (kept | 1) & ((1 << self._size) - 1)
            self._top = sequence
        else:
            self._seen |= 1 << -ahead

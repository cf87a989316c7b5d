"""Message IDs, retransmission and the answer that is kept for a repeated request (RFC 7296 sections 2.1 to 2.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.ike.configuration import Path, Retransmission
from harness.registry.messages import ExchangeType


@dataclass(slots=True)
class OutstandingRequest:
    """Our one unanswered request; the window is 1 (section 2.3). ``messages`` are kept to be repeated bit for bit."""

    exchange: ExchangeType
    message_id: int
    messages: tuple[bytes, ...] = field(repr=False)
    path: Path
    attempt: int
    repeat_at: float


@dataclass(slots=True)
class Window:
    """Both directions' counters. Each end numbers its own requests from 0 (section 2.2)."""

    next_own: int = 0
    next_peer: int = 0
    outstanding: OutstandingRequest | None = None
    answered: tuple[bytes, ...] = ()  # our response to request next_peer - 1, each datagram
    answered_path: Path | None = None

    def sent(
        self, exchange: ExchangeType, messages: tuple[bytes, ...], path: Path, now: float, timing: Retransmission
    ) -> None:
        """Remember a request that takes the next Message ID."""
        repeat_at = now + timing.delay(0)
        self.outstanding = OutstandingRequest(exchange, self.next_own, messages, path, 0, repeat_at)
        self.next_own += 1

    def resent_init(self, messages: tuple[bytes, ...], path: Path, now: float, timing: Retransmission) -> None:
        """Remember another IKE_SA_INIT request: with a cookie or another key exchange its Message ID stays 0."""
        self.next_own = 0
        self.sent(ExchangeType.IKE_SA_INIT, messages, path, now, timing)

    def response_arrived(self) -> None:
        """The outstanding request is answered; nothing is left to repeat."""
        self.outstanding = None

    def answer(self, messages: tuple[bytes, ...], path: Path) -> None:
        """Remember the response to the peer's request ``next_peer`` and expect the one after it."""
        self.answered, self.answered_path = messages, path
        self.next_peer += 1

"""A payload that nobody knows, with and without the critical bit (RFC 7296 sections 2.5 and 3.2)."""

from __future__ import annotations

from harness.ike.deviations.outgoing import Alteration, OutgoingMessage
from harness.registry.messages import ExchangeType, PayloadType
from harness.wire.payload import CRITICAL, Payload
from harness.wire.payloads import Unknown

NUMBER = PayloadType(200)
"""Of the private use range, 128 to 255: no registry will ever name it."""

_CONTENT = b"nobody knows this payload"


def critical_in(exchange: ExchangeType) -> Alteration:
    """A critical one at the end of our requests of one exchange type."""

    def alter(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
        header = outgoing.header
        if header.exchange_type != exchange or header.is_response:
            return outgoing.payloads
        return (*outgoing.payloads, Unknown(NUMBER, _CONTENT, flags=CRITICAL))

    return alter


def everywhere(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
    """One without the critical bit at the end of every message, requests and responses alike."""
    return (*outgoing.payloads, Unknown(NUMBER, _CONTENT))

"""A payload that nobody knows, with and without the critical bit (RFC 7296 sections 2.5 and 3.2)."""

from __future__ import annotations

from harness.ike.deviations.leaving import Alteration, Leaving
from harness.registry.messages import ExchangeType, PayloadType
from harness.wire.payload import CRITICAL, Payload
from harness.wire.payloads import Unknown

NUMBER = PayloadType(200)
"""Of the private use range, 128 to 255: no registry will ever name it."""

_CONTENT = b"nobody knows this payload"


def critical_in(exchange: ExchangeType) -> Alteration:
    """A critical one at the end of our requests of one exchange type."""

    def alter(leaving: Leaving) -> tuple[Payload, ...]:
        header = leaving.header
        if header.exchange_type != exchange or header.is_response:
            return leaving.payloads
        return (*leaving.payloads, Unknown(NUMBER, _CONTENT, flags=CRITICAL))

    return alter


def everywhere(leaving: Leaving) -> tuple[Payload, ...]:
    """One without the critical bit at the end of every message, requests and responses alike."""
    return (*leaving.payloads, Unknown(NUMBER, _CONTENT))

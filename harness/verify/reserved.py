"""Reserved octets and bits inside of payloads: sent as zero, ignored on receipt (RFC 7296 section 2.5)."""

from __future__ import annotations

from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Configuration,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)

_THREE_RESERVED_OCTETS = (
    Authentication,
    Configuration,
    IdentificationInitiator,
    IdentificationResponder,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
_ATTRIBUTE_RESERVED_BIT = 0x8000  # of a configuration attribute (section 3.15.1)


def has_reserved_bits(payload: Payload) -> bool:
    """Whether a payload's body has anything but zero where RFC 7296 sections 3.3 to 3.15 say RESERVED."""
    if isinstance(payload, SecurityAssociation):
        return any(
            proposal.reserved or any(any(transform.reserved) for transform in proposal.transforms)
            for proposal in payload.proposals
        )
    if isinstance(payload, KeyExchange):
        return payload.reserved != 0
    if isinstance(payload, Configuration) and any(a.number & _ATTRIBUTE_RESERVED_BIT for a in payload.attributes):
        return True
    return isinstance(payload, _THREE_RESERVED_OCTETS) and any(payload.reserved)

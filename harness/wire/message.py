"""IKE header and message (RFC 7296 section 3.1).

::

                         1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                       IKE SA Initiator's SPI                  |
    |                                                               |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                       IKE SA Responder's SPI                  |
    |                                                               |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |  Next Payload | MjVer | MnVer | Exchange Type |     Flags     |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                          Message ID                           |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    |                            Length                             |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TypeVar

from harness.registry.messages import ExchangeType
from harness.registry.open_enum import by_number
from harness.wire.chain import first_type, parse_chain, write_chain
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

HEADER = struct.Struct(">8s8sBBBBII")
HEADER_OCTETS = 28
_EXCHANGE_TYPES = by_number(ExchangeType)
VERSION_2_0 = 0x20
INITIATOR, VERSION_BIT, RESPONSE = 0x08, 0x10, 0x20
"""Flag bits: sent by the IKE SA's original initiator; a higher major version is spoken; a response."""

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Header:
    """The fixed 28 octets. SPIs are 8 octets each; ``flags`` and ``version`` are kept whole, reserved bits included."""

    initiator_spi: bytes
    responder_spi: bytes
    exchange_type: ExchangeType
    flags: int
    message_id: int
    version: int = VERSION_2_0

    @property
    def is_response(self) -> bool:
        """Whether the R flag is set."""
        return bool(self.flags & RESPONSE)

    @property
    def from_initiator(self) -> bool:
        """Whether the I flag is set: the sender is the original initiator of the IKE SA."""
        return bool(self.flags & INITIATOR)

    def to_bytes(self, next_payload: int, length: int) -> bytes:
        """The header in front of ``length - 28`` octets whose first payload has the type ``next_payload``."""
        return HEADER.pack(
            self.initiator_spi,
            self.responder_spi,
            next_payload,
            self.version,
            self.exchange_type,
            self.flags,
            self.message_id,
            length,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message. What was parsed is written back octet for octet."""

    header: Header
    payloads: tuple[Payload, ...]

    @classmethod
    def parse(cls, octets: bytes) -> Message:
        """Read one message, without the non-ESP marker of port 4500.

        Raises:
            MalformedMessage: shorter or longer than its Length field, or a payload that does not parse.
        """
        header, next_payload = parse_header(octets)
        return cls(header, parse_chain(next_payload, octets[HEADER_OCTETS:]))

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, without the non-ESP marker."""
        chain = write_chain(self.payloads)
        return self.header.to_bytes(first_type(self.payloads), HEADER_OCTETS + len(chain)) + chain

    def all(self, kind: type[P]) -> tuple[P, ...]:
        """Every payload of one class, in order."""
        return tuple([payload for payload in self.payloads if isinstance(payload, kind)])

    def first(self, kind: type[P]) -> P | None:
        """The first payload of one class, None where there is none."""
        for payload in self.payloads:
            if isinstance(payload, kind):
                return payload
        return None


def parse_header(octets: bytes) -> tuple[Header, int]:
    """The header of a message and its Next Payload field; the Length field must be the number of octets given.

    Raises:
        MalformedMessage: fewer than 28 octets, or another Length.
    """
    if len(octets) < HEADER_OCTETS:
        raise MalformedMessage("IKE header", "28 octets", len(octets))
    spi_i, spi_r, next_payload, version, exchange, flags, message_id, length = HEADER.unpack_from(octets)
    if length != len(octets):
        raise MalformedMessage("IKE header", f"Length {len(octets)}, the octets received", length)
    return Header(spi_i, spi_r, _EXCHANGE_TYPES[exchange], flags, message_id, version), next_payload

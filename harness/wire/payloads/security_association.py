"""Security Association payload: proposals of transforms with attributes (RFC 7296 section 3.3)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

from harness.registry.messages import PayloadType, Protocol
from harness.registry.open_enum import by_number
from harness.registry.transforms import AttributeType, TransformType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_PROPOSAL = struct.Struct(">BBHBBBB")
_TRANSFORM = struct.Struct(">BBHBBH")
_TRANSFORM_REST = struct.Struct(">BHBBH")  # without Last Substruc
_ATTRIBUTE = struct.Struct(">HH")
_LAST, _MORE_PROPOSALS, _MORE_TRANSFORMS = 0, 2, 3
_FORMAT_TV = 0x8000
_PROTOCOLS, _TRANSFORM_TYPES = by_number(Protocol), by_number(TransformType)
_ATTRIBUTE_TYPES = by_number(AttributeType)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A transform attribute (section 3.3.5): an ``int`` value has the short TV format, ``bytes`` the long TLV one."""

    type: AttributeType
    value: int | bytes

    def to_bytes(self) -> bytes:
        """The attribute as it goes on the wire."""
        if isinstance(self.value, int):
            return _ATTRIBUTE.pack(_FORMAT_TV | self.type, self.value)
        return _ATTRIBUTE.pack(self.type, len(self.value)) + self.value


@dataclass(frozen=True, slots=True)
class Transform:
    """One transform (section 3.3.2).

    ::

        | Last Substruc |   RESERVED    |        Transform Length       |
        |Transform Type |   RESERVED    |          Transform ID         |
        ~                      Transform Attributes                     ~
    """

    type: TransformType
    identifier: int
    attributes: tuple[Attribute, ...] = ()
    reserved: tuple[int, int] = (0, 0)

    @property
    def key_length(self) -> int | None:
        """The Key Length attribute in bits, None where there is none."""
        for attribute in self.attributes:
            if attribute.type == AttributeType.KEY_LENGTH and isinstance(attribute.value, int):
                return attribute.value
        return None

    def to_bytes(self, last: bool) -> bytes:
        """The transform as it goes on the wire; ``last`` is whether none follows."""
        attributes = b"".join([a.to_bytes() for a in self.attributes])
        more = _LAST if last else _MORE_TRANSFORMS
        reserved_1, reserved_2 = self.reserved
        fixed = _TRANSFORM.pack(more, reserved_1, 8 + len(attributes), self.type, reserved_2, self.identifier)
        return fixed + attributes


@dataclass(frozen=True, slots=True)
class Proposal:
    """One proposal (section 3.3.1).

    ::

        | Last Substruc |   RESERVED    |         Proposal Length       |
        | Proposal Num  |  Protocol ID  |    SPI Size   |Num  Transforms|
        ~                        SPI (variable)                         ~
        ~                        <Transforms>                           ~
    """

    number: int
    protocol: Protocol
    transforms: tuple[Transform, ...]
    spi: bytes = b""
    reserved: int = 0

    def to_bytes(self, last: bool) -> bytes:
        """The proposal as it goes on the wire; ``last`` is whether none follows."""
        final = len(self.transforms) - 1
        rest = self.spi + b"".join([t.to_bytes(i == final) for i, t in enumerate(self.transforms)])
        more, count = (_LAST if last else _MORE_PROPOSALS), len(self.transforms)
        numbers = (more, self.reserved, 8 + len(rest), self.number, self.protocol, len(self.spi), count)
        return _PROPOSAL.pack(*numbers) + rest


@dataclass(frozen=True, slots=True)
class SecurityAssociation(Payload):
    """SA payload, 33: one or more proposals, in order of preference."""

    proposals: tuple[Proposal, ...]

    @property
    def type(self) -> PayloadType:
        return PayloadType.SA

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least one proposal, filled exactly. Raises MalformedMessage."""
        proposals, offset, more = [], 0, _MORE_PROPOSALS
        while more == _MORE_PROPOSALS:
            if len(body) < offset + 8:
                raise MalformedMessage("SA payload", "a proposal of at least 8 octets", len(body) - offset)
            more, length = body[offset], int.from_bytes(body[offset + 2 : offset + 4])
            if more not in (_LAST, _MORE_PROPOSALS):
                raise MalformedMessage("proposal", "Last Substruc 0 or 2", more)
            if not 8 <= length <= len(body) - offset:
                raise MalformedMessage("proposal", "its Proposal Length to fit", length)
            proposals.append(_parse_proposal(body[offset : offset + length]))
            offset += length
        if offset != len(body):
            raise MalformedMessage("SA payload", "to end with its last proposal", f"{len(body) - offset} more octets")
        return cls(tuple(proposals), flags=flags)

    def body(self) -> bytes:
        final = len(self.proposals) - 1
        return b"".join([p.to_bytes(i == final) for i, p in enumerate(self.proposals)])


def _parse_proposal(octets: bytes) -> Proposal:
    _, reserved, _, number, protocol, spi_size, count = _PROPOSAL.unpack_from(octets)
    if len(octets) < 8 + spi_size:
        raise MalformedMessage("proposal", f"an SPI of {spi_size} octets", len(octets) - 8)
    transforms: list[Transform] = []
    offset = 8 + spi_size
    for remaining in range(count - 1, -1, -1):
        if len(octets) < offset + 8:
            raise MalformedMessage("proposal", f"{count} transforms", len(transforms))
        more, length = octets[offset], octets[offset + 2] << 8 | octets[offset + 3]
        if more != (_MORE_TRANSFORMS if remaining else _LAST):
            raise MalformedMessage("transform", f"Last Substruc {_MORE_TRANSFORMS if remaining else _LAST}", more)
        if not 8 <= length <= len(octets) - offset:
            raise MalformedMessage("transform", "its Transform Length to fit", length)
        transforms.append(_parse_transform(octets[offset + 1 : offset + length]))
        offset += length
    if offset != len(octets):
        raise MalformedMessage("proposal", "to end with its last transform", f"{len(octets) - offset} more octets")
    return Proposal(number, _PROTOCOLS[protocol], tuple(transforms), octets[8 : 8 + spi_size], reserved)


@lru_cache(maxsize=256)
def _parse_transform(octets: bytes) -> Transform:
    """One transform without its first octet. Every offer is made of the same few: they are kept."""
    reserved_1, _, kind, reserved_2, identifier = _TRANSFORM_REST.unpack_from(octets)
    attributes = _parse_attributes(octets[7:]) if len(octets) > 7 else ()
    return Transform(_TRANSFORM_TYPES[kind], identifier, attributes, (reserved_1, reserved_2))


def _parse_attributes(octets: bytes) -> tuple[Attribute, ...]:
    attributes: list[Attribute] = []
    offset = 0
    while offset < len(octets):
        if len(octets) < offset + 4:
            raise MalformedMessage("transform attribute", "4 octets", len(octets) - offset)
        kind, value = _ATTRIBUTE.unpack_from(octets, offset)
        offset += 4
        if kind & _FORMAT_TV:
            attributes.append(Attribute(_ATTRIBUTE_TYPES[kind & 0x7FFF], value))
            continue
        if len(octets) < offset + value:
            raise MalformedMessage("transform attribute", f"{value} octets", len(octets) - offset)
        attributes.append(Attribute(_ATTRIBUTE_TYPES[kind], octets[offset : offset + value]))
        offset += value
    return tuple(attributes)

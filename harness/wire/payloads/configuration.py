"""Configuration payload (RFC 7296 section 3.15)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.identities import ConfigurationType
from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_ATTRIBUTE = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class ConfigurationAttribute:
    """One attribute; ``number`` holds all 16 bits, the reserved top bit included."""

    number: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Configuration(Payload):
    """CP payload, 47.

    ::

        |   CFG Type    |                    RESERVED                   |
        |R|         Attribute Type      |            Length             |
        ~                             Value                             ~
    """

    cfg_type: ConfigurationType
    attributes: tuple[ConfigurationAttribute, ...]
    reserved: bytes = b"\0\0\0"

    @property
    def type(self) -> PayloadType:
        return PayloadType.CP

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body whose attributes fill it exactly. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("CP payload", "at least 4 octets", len(body))
        attributes, offset = [], 4
        while offset < len(body):
            if len(body) < offset + 4:
                raise MalformedMessage("CP attribute", "4 octets", len(body) - offset)
            number, length = _ATTRIBUTE.unpack_from(body, offset)
            value = body[offset + 4 : offset + 4 + length]
            if len(value) != length:
                raise MalformedMessage("CP attribute", f"{length} octets", len(value))
            attributes.append(ConfigurationAttribute(number, value))
            offset += 4 + length
        return cls(ConfigurationType(body[0]), tuple(attributes), body[1:4], flags=flags)

    def body(self) -> bytes:
        attributes = b"".join(_ATTRIBUTE.pack(a.number, len(a.value)) + a.value for a in self.attributes)
        return bytes((self.cfg_type,)) + self.reserved + attributes

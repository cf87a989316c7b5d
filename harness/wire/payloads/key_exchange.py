"""Key Exchange payload (RFC 7296 section 3.4, RFC 9370 section 2.2.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType
from harness.registry.open_enum import by_number
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_FIXED = struct.Struct(">HH")
_METHODS = by_number(KeyExchangeMethod)


@dataclass(frozen=True, slots=True)
class KeyExchange(Payload):
    """Key Exchange payload, 34.

    ::

        |   Key Exchange Method Num     |           RESERVED            |
        ~                       Key Exchange Data                       ~
    """

    method: KeyExchangeMethod
    data: bytes
    reserved: int = 0

    @property
    def type(self) -> PayloadType:
        return PayloadType.KE

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least 4 octets. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("KE payload", "at least 4 octets", len(body))
        method, reserved = _FIXED.unpack_from(body)
        return cls(_METHODS[method], body[4:], reserved, flags=flags)

    def body(self) -> bytes:
        return _FIXED.pack(self.method, self.reserved) + self.data

"""Notify payload (RFC 7296 section 3.10)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.open_enum import by_number
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_FIXED = struct.Struct(">BBH")
_TYPES, _PROTOCOLS = by_number(NotifyType), by_number(Protocol)


@dataclass(frozen=True, slots=True)
class Notify(Payload):
    """Notify payload, 41.

    ::

        |  Protocol ID  |   SPI Size    |      Notify Message Type      |
        ~                Security Parameter Index (SPI)                 ~
        ~                       Notification Data                       ~
    """

    notify_type: NotifyType
    data: bytes = b""
    protocol: Protocol = Protocol.NONE
    spi: bytes = b""

    @property
    def type(self) -> PayloadType:
        return PayloadType.NOTIFY

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least 4 octets that holds the SPI it announces. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("N payload", "at least 4 octets", len(body))
        protocol, spi_size, number = _FIXED.unpack_from(body)
        data = 4 + spi_size
        if len(body) < data:
            raise MalformedMessage("N payload", f"an SPI of {spi_size} octets", len(body) - 4)
        return cls(_TYPES[number], body[data:], _PROTOCOLS[protocol], body[4:data], flags=flags)

    def body(self) -> bytes:
        return _FIXED.pack(self.protocol, len(self.spi), self.notify_type) + self.spi + self.data

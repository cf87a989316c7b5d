"""Notify payload (RFC 7296 section 3.10)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.wire.errors import need
from harness.wire.payload import Payload

_FIXED = struct.Struct(">BBH")


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
        need(len(body) >= 4, "N payload", "at least 4 octets", len(body))
        protocol, spi_size, number = _FIXED.unpack_from(body)
        need(len(body) >= 4 + spi_size, "N payload", f"an SPI of {spi_size} octets", len(body) - 4)
        spi = body[4 : 4 + spi_size]
        return cls(NotifyType(number), body[4 + spi_size :], Protocol(protocol), spi, flags=flags)

    def body(self) -> bytes:
        return _FIXED.pack(self.protocol, len(self.spi), self.notify_type) + self.spi + self.data

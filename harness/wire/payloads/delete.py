"""Delete payload (RFC 7296 section 3.11)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType, Protocol
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_FIXED = struct.Struct(">BBH")


@dataclass(frozen=True, slots=True)
class Delete(Payload):
    """Delete payload, 42. For the IKE SA itself ``spi_size`` is 0 and there are no SPIs.

    ::

        | Protocol ID   |   SPI Size    |          Num of SPIs          |
        ~               Security Parameter Index(es) (SPI)              ~
    """

    protocol: Protocol
    spi_size: int = 0
    spis: tuple[bytes, ...] = ()

    @property
    def type(self) -> PayloadType:
        return PayloadType.DELETE

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of exactly the announced SPIs. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("D payload", "at least 4 octets", len(body))
        protocol, spi_size, count = _FIXED.unpack_from(body)
        if len(body) != 4 + spi_size * count:
            raise MalformedMessage("D payload", f"{count} SPIs of {spi_size} octets", f"{len(body) - 4} octets")
        spis = tuple(body[4 + i * spi_size : 4 + (i + 1) * spi_size] for i in range(count))
        return cls(Protocol(protocol), spi_size, spis, flags=flags)

    def body(self) -> bytes:
        return _FIXED.pack(self.protocol, self.spi_size, len(self.spis)) + b"".join(self.spis)

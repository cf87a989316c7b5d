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

    SPIs of no octets are only counted, in ``empty_spis``: eight octets announce as many as 65,535.

    ::

        | Protocol ID   |   SPI Size    |          Num of SPIs          |
        ~               Security Parameter Index(es) (SPI)              ~
    """

    protocol: Protocol
    spi_size: int = 0
    spis: tuple[bytes, ...] = ()
    empty_spis: int = 0  # Num of SPIs where SPI Size is 0

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
        if not spi_size:
            return cls(Protocol(protocol), empty_spis=count, flags=flags)
        spis = tuple([body[start : start + spi_size] for start in range(4, len(body), spi_size)])
        return cls(Protocol(protocol), spi_size, spis, flags=flags)

    def body(self) -> bytes:
        return _FIXED.pack(self.protocol, self.spi_size, len(self.spis) + self.empty_spis) + b"".join(self.spis)

"""What every payload has: a type, the octet with the critical bit, and a body (RFC 7296 section 3.2).

::

                         1                   2                   3
     0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
    | Next Payload  |C|  RESERVED   |         Payload Length        |
    +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from harness.registry.messages import PayloadType

GENERIC_HEADER = struct.Struct(">BBH")
CRITICAL = 0x80


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Base of all payloads. ``flags`` is the second octet: the critical bit and seven RESERVED bits, as they came."""

    flags: int = 0

    @property
    def type(self) -> PayloadType:
        """The number that the preceding Next Payload field carries."""
        raise NotImplementedError(f"{type(self).__name__} has no payload type")

    @property
    def critical(self) -> bool:
        """Whether the critical bit is set (RFC 7296 section 2.5)."""
        return bool(self.flags & CRITICAL)

    def body(self) -> bytes:
        """The octets behind the generic header."""
        raise NotImplementedError(f"{type(self).__name__} has no body")

    @property
    def next_inside(self) -> int:
        """What Next Payload says in the last payload: 0, but in SK and SKF the first inner payload's type."""
        return 0

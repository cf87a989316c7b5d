"""Encrypted payload and Encrypted Fragment payload, still sealed (RFC 7296 section 3.14, RFC 7383 section 2.5)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_FRAGMENT = struct.Struct(">HH")


@dataclass(frozen=True, slots=True)
class Encrypted(Payload):
    """SK payload, 46: Initialization Vector, ciphertext and Integrity Checksum Data; always the last one.

    ``first_inner`` is the Next Payload field, which here names the first payload inside.
    """

    first_inner: PayloadType
    content: bytes

    @property
    def type(self) -> PayloadType:
        return PayloadType.SK

    @property
    def next_inside(self) -> int:
        return self.first_inner

    def body(self) -> bytes:
        return self.content


@dataclass(frozen=True, slots=True)
class EncryptedFragment(Payload):
    """SKF payload, 53; always the last one. Fragment numbers are judged by the receiver (RFC 7383 section 2.6).

    ::

        |        Fragment Number        |        Total Fragments        |
        ~                     Initialization Vector                     ~
        ~            ciphertext, Integrity Checksum Data                ~
    """

    first_inner: PayloadType
    fragment_number: int
    total_fragments: int
    content: bytes

    @property
    def type(self) -> PayloadType:
        return PayloadType.SKF

    @property
    def next_inside(self) -> int:
        return self.first_inner

    @classmethod
    def parse(cls, first_inner: PayloadType, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least 4 octets. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("SKF payload", "at least 4 octets", len(body))
        number, total = _FRAGMENT.unpack_from(body)
        return cls(first_inner, number, total, body[4:], flags=flags)

    def body(self) -> bytes:
        return _FRAGMENT.pack(self.fragment_number, self.total_fragments) + self.content

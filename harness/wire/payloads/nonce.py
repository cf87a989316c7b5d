"""Nonce payload (RFC 7296 section 3.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType
from harness.wire.payload import Payload


@dataclass(frozen=True, slots=True)
class Nonce(Payload):
    """Nonce payload, 40. RFC 7296 section 3.9: 16 to 256 octets; whether that holds is the receiver's question."""

    nonce: bytes

    @property
    def type(self) -> PayloadType:
        return PayloadType.NONCE

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Never fails: a nonce of a forbidden length is misbehaviour, not a malformed message."""
        return cls(body, flags=flags)

    def body(self) -> bytes:
        return self.nonce

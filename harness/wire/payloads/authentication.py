"""Authentication payload (RFC 7296 section 3.8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from harness.registry.identities import AuthenticationMethod
from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload


@dataclass(frozen=True, slots=True)
class Authentication(Payload):
    """AUTH payload, 39.

    ::

        | Auth Method   |                RESERVED                       |
        ~                      Authentication Data                      ~
    """

    method: AuthenticationMethod
    data: bytes
    reserved: bytes = b"\0\0\0"

    @property
    def type(self) -> PayloadType:
        return PayloadType.AUTH

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least 4 octets. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("AUTH payload", "at least 4 octets", len(body))
        return cls(AuthenticationMethod(body[0]), body[4:], body[1:4], flags=flags)

    def body(self) -> bytes:
        return bytes((self.method,)) + self.reserved + self.data

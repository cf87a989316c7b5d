"""Identification payloads (RFC 7296 section 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from harness.registry.identities import IdentificationType
from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload


@dataclass(frozen=True, slots=True)
class _Identification(Payload):
    """Both identification payloads.

    ::

        |   ID Type     |                 RESERVED                      |
        ~                   Identification Data                         ~
    """

    id_type: IdentificationType
    data: bytes
    reserved: bytes = b"\0\0\0"

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least 4 octets. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("ID payload", "at least 4 octets", len(body))
        return cls(IdentificationType(body[0]), body[4:], body[1:4], flags=flags)

    def body(self) -> bytes:
        return bytes((self.id_type,)) + self.reserved + self.data


@dataclass(frozen=True, slots=True)
class IdentificationInitiator(_Identification):
    """IDi payload, 35."""

    @property
    def type(self) -> PayloadType:
        return PayloadType.IDi


@dataclass(frozen=True, slots=True)
class IdentificationResponder(_Identification):
    """IDr payload, 36."""

    @property
    def type(self) -> PayloadType:
        return PayloadType.IDr

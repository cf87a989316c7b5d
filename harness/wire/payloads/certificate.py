"""Certificate and Certificate Request payloads (RFC 7296 sections 3.6 and 3.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload


@dataclass(frozen=True, slots=True)
class _CertificateData(Payload):
    """One octet of Certificate Encoding, then data."""

    encoding: int
    data: bytes

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of at least 1 octet. Raises MalformedMessage."""
        if len(body) < 1:
            raise MalformedMessage("CERT payload", "at least 1 octet", len(body))
        return cls(body[0], body[1:], flags=flags)

    def body(self) -> bytes:
        return bytes((self.encoding,)) + self.data


@dataclass(frozen=True, slots=True)
class Certificate(_CertificateData):
    """CERT payload, 37."""

    @property
    def type(self) -> PayloadType:
        return PayloadType.CERT


@dataclass(frozen=True, slots=True)
class CertificateRequest(_CertificateData):
    """CERTREQ payload, 38."""

    @property
    def type(self) -> PayloadType:
        return PayloadType.CERTREQ

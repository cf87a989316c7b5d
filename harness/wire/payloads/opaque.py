"""Payloads whose body this codec does not look into: Vendor ID, EAP, and every unknown type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from harness.registry.messages import PayloadType
from harness.wire.payload import Payload


@dataclass(frozen=True, slots=True)
class VendorId(Payload):
    """Vendor ID payload, 43: any octets (RFC 7296 section 3.12)."""

    vendor: bytes

    @property
    def type(self) -> PayloadType:
        return PayloadType.VENDOR_ID

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Never fails: any body is a vendor id."""
        return cls(body, flags=flags)

    def body(self) -> bytes:
        return self.vendor


@dataclass(frozen=True, slots=True)
class ExtensibleAuthentication(Payload):
    """Extensible Authentication payload, 48: one EAP message (RFC 7296 section 3.16)."""

    message: bytes

    @property
    def type(self) -> PayloadType:
        return PayloadType.EAP

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Never fails: the EAP message is another protocol's to judge."""
        return cls(body, flags=flags)

    def body(self) -> bytes:
        return self.message


@dataclass(frozen=True, slots=True)
class Unknown(Payload):
    """A payload of a type without a parser, kept octet for octet (RFC 7296 section 2.5)."""

    number: PayloadType
    content: bytes

    @property
    def type(self) -> PayloadType:
        return self.number

    def body(self) -> bytes:
        return self.content

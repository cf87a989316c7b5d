"""Traffic Selector payloads (RFC 7296 section 3.13)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

from harness.registry.identities import TrafficSelectorType
from harness.registry.messages import PayloadType
from harness.wire.errors import MalformedMessage
from harness.wire.payload import Payload

_SELECTOR = struct.Struct(">BBH")
_PORTS = struct.Struct(">HH")
_ADDRESS_OCTETS = {TrafficSelectorType.TS_IPV4_ADDR_RANGE: 4, TrafficSelectorType.TS_IPV6_ADDR_RANGE: 16}


@dataclass(frozen=True, slots=True)
class TrafficSelector:
    """One range of addresses and ports; addresses in network order, 4 or 16 octets.

    ::

        |   TS Type     |IP Protocol ID*|       Selector Length         |
        |           Start Port*         |           End Port*           |
        ~                         Starting Address*                     ~
        ~                         Ending Address*                       ~
    """

    ts_type: TrafficSelectorType
    protocol: int
    start_port: int
    end_port: int
    start: bytes
    end: bytes

    def to_bytes(self) -> bytes:
        """The selector as it goes on the wire."""
        rest = _PORTS.pack(self.start_port, self.end_port) + self.start + self.end
        return _SELECTOR.pack(self.ts_type, self.protocol, 4 + len(rest)) + rest


@dataclass(frozen=True, slots=True)
class OpaqueSelector:
    """A selector of another type (TS_SECLABEL of RFC 9478, say): its second octet and everything behind the length."""

    ts_type: TrafficSelectorType
    protocol: int
    content: bytes

    def to_bytes(self) -> bytes:
        """The selector as it came."""
        return _SELECTOR.pack(self.ts_type, self.protocol, 4 + len(self.content)) + self.content


def _parse_selector(ts_type: int, protocol: int, content: bytes) -> TrafficSelector | OpaqueSelector:
    octets = _ADDRESS_OCTETS.get(TrafficSelectorType(ts_type))
    if octets is None:
        return OpaqueSelector(TrafficSelectorType(ts_type), protocol, content)
    if len(content) != 4 + 2 * octets:
        raise MalformedMessage("traffic selector", f"{8 + 2 * octets} octets", 4 + len(content))
    start_port, end_port = _PORTS.unpack_from(content)
    start, end = content[4 : 4 + octets], content[4 + octets :]
    return TrafficSelector(TrafficSelectorType(ts_type), protocol, start_port, end_port, start, end)


@dataclass(frozen=True, slots=True)
class _TrafficSelectors(Payload):
    """Number of TSs (1 octet), 3 octets RESERVED, then the selectors."""

    selectors: tuple[TrafficSelector | OpaqueSelector, ...]
    reserved: bytes = b"\0\0\0"

    @classmethod
    def parse(cls, body: bytes, flags: int = 0) -> Self:
        """Read a body of exactly the announced selectors. Raises MalformedMessage."""
        if len(body) < 4:
            raise MalformedMessage("TS payload", "at least 4 octets", len(body))
        selectors: list[TrafficSelector | OpaqueSelector] = []
        offset = 4
        for _ in range(body[0]):
            if len(body) < offset + 4:
                raise MalformedMessage("TS payload", f"{body[0]} selectors", len(selectors))
            ts_type, protocol, length = _SELECTOR.unpack_from(body, offset)
            if not 4 <= length <= len(body) - offset:
                raise MalformedMessage("traffic selector", "its Selector Length to fit", length)
            selectors.append(_parse_selector(ts_type, protocol, body[offset + 4 : offset + length]))
            offset += length
        if offset != len(body):
            raise MalformedMessage("TS payload", f"{body[0]} selectors alone", f"{len(body) - offset} more octets")
        return cls(tuple(selectors), body[1:4], flags=flags)

    def body(self) -> bytes:
        return bytes((len(self.selectors),)) + self.reserved + b"".join(s.to_bytes() for s in self.selectors)


@dataclass(frozen=True, slots=True)
class TrafficSelectorsInitiator(_TrafficSelectors):
    """TSi payload, 44."""

    @property
    def type(self) -> PayloadType:
        return PayloadType.TSi


@dataclass(frozen=True, slots=True)
class TrafficSelectorsResponder(_TrafficSelectors):
    """TSr payload, 45."""

    @property
    def type(self) -> PayloadType:
        return PayloadType.TSr

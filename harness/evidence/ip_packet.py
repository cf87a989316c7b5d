"""One IP packet of a capture: IPv4 (RFC 791 section 3.1) or IPv6 with its extension headers (RFC 8200 section 4)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import NamedTuple

IPV4, IPV6 = 0x0800, 0x86DD
"""EtherTypes."""

_IPV4_HEADER_OCTETS, _IPV6_HEADER_OCTETS = 20, 40
_MORE_FRAGMENTS_IPV4, _OFFSET_IPV4 = 0x2000, 0x1FFF

# Next Header values. The first three are extension headers of one form, in units of 8 octets beyond the first 8.
_HOP_BY_HOP, _ROUTING, _DESTINATION = 0, 43, 60
_FRAGMENT, _ICMPV6 = 44, 58
_FRAGMENT_HEADER_OCTETS, _MORE_FRAGMENTS_IPV6, _OFFSET_IPV6 = 8, 0x0001, 0xFFF8

_NEIGHBOR_DISCOVERY = range(133, 138)  # ICMPv6 types
_NEVER_FORWARDED = 255  # Hop Limit: whoever got it is on the sender's own link


class Fragment(NamedTuple):
    """The place of a fragment in its datagram."""

    identification: bytes
    offset: int  # octets
    more: bool


@dataclass(frozen=True, slots=True)
class IpPacket:
    """One IP packet: what follows its headers, and where that belongs if it is a fragment."""

    source: str
    destination: str
    protocol: int  # of what follows IPv4's header, or the last extension header of IPv6
    payload: bytes = field(repr=False)
    octets: int  # of the whole packet
    fragment: Fragment | None = None
    hop_limit: int = 0  # 0 for IPv4

    @property
    def is_neighbor_discovery(self) -> bool:
        """Whether it does for IPv6 what ARP does for IPv4: never forwarded, part of no conversation (RFC 4861)."""
        icmp = self.protocol == _ICMPV6 and self.fragment is None and self.hop_limit == _NEVER_FORWARDED
        return icmp and self.payload[:1] != b"" and self.payload[0] in _NEIGHBOR_DISCOVERY


def read_packet(frame: bytes) -> IpPacket | None:
    """The IP packet of an Ethernet frame, without padding; None if it holds none, or less than its headers say."""
    kind, packet = int.from_bytes(frame[12:14]), frame[14:]
    if kind == IPV4 and len(packet) >= _IPV4_HEADER_OCTETS:
        return _read_ipv4(packet)
    if kind == IPV6 and len(packet) >= _IPV6_HEADER_OCTETS:
        return _read_ipv6(packet)
    return None


def _read_ipv4(packet: bytes) -> IpPacket | None:
    header, word = 4 * (packet[0] & 15), int.from_bytes(packet[6:8])
    packet = packet[: int.from_bytes(packet[2:4])]
    if len(packet) < _IPV4_HEADER_OCTETS:
        return None
    source, destination = (str(ipaddress.IPv4Address(packet[i : i + 4])) for i in (12, 16))
    fragment = None
    if word & (_MORE_FRAGMENTS_IPV4 | _OFFSET_IPV4):
        fragment = Fragment(packet[4:6], (word & _OFFSET_IPV4) * 8, bool(word & _MORE_FRAGMENTS_IPV4))
    return IpPacket(source, destination, packet[9], packet[header:], len(packet), fragment)


def _read_ipv6(packet: bytes) -> IpPacket | None:
    packet = packet[: _IPV6_HEADER_OCTETS + int.from_bytes(packet[4:6])]
    source, destination = (str(ipaddress.IPv6Address(packet[i : i + 16])) for i in (8, 24))
    protocol, at, fragment = packet[6], _IPV6_HEADER_OCTETS, None
    while protocol in (_HOP_BY_HOP, _ROUTING, _DESTINATION, _FRAGMENT):
        header = packet[at : at + _FRAGMENT_HEADER_OCTETS]
        if len(header) < _FRAGMENT_HEADER_OCTETS:
            return None
        if protocol == _FRAGMENT:
            word = int.from_bytes(header[2:4])
            fragment = Fragment(header[4:8], word & _OFFSET_IPV6, bool(word & _MORE_FRAGMENTS_IPV6))
            at += _FRAGMENT_HEADER_OCTETS
        else:
            at += 8 * (header[1] + 1)
        protocol = header[0]
        if fragment is not None:
            break  # what follows belongs to the whole datagram, and in later fragments is no header
    return IpPacket(source, destination, protocol, packet[at:], len(packet), fragment, packet[7])

"""Captures: frames to pcapng, and pcapng back to datagrams, with IP fragments put together.

The formats are those of draft-ietf-opsawg-pcapng section 3.1, RFC 791 section 3.1 and RFC 8200 section 4.
"""

from __future__ import annotations

import io
import ipaddress
import logging
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scapy.utils import RawPcapNgReader, RawPcapNgWriter, RawPcapReader

from harness.border.files import read_stored, write_whole_by
from harness.evidence.model import CapturedDatagram, ClearPacket, Frame, WirePicture

_UDP, _ESP = 17, 50
_IKE_PORTS = {number.to_bytes(2) for number in (500, 4500)}
_LINK_TYPE_ETHERNET = 1
_PCAP = (
    b"\xa1\xb2\xc3\xd4",
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
    b"\x4d\x3c\xb2\xa1",
)  # what the older format begins with

# Scapy only warns of a capture cut short; that messages are missing from it is for the verifier to say.
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)


class UnreadableCapture(ValueError):
    """A capture that is there but no pcapng, or pcap, of Ethernet frames; the message names the file."""


def write_pcapng(path: Path, frames: Iterable[Frame]) -> None:
    """Write the frames as pcapng of Ethernet link type, timestamps in microseconds; the whole file or nothing."""
    write_whole_by(path, lambda file: _write_frames(file.fileno(), frames))


def _write_frames(descriptor: int, frames: Iterable[Frame]) -> None:
    with RawPcapNgWriter(os.dup(descriptor)) as writer:  # it opens what it is given, and closes it
        writer.linktype = _LINK_TYPE_ETHERNET
        writer.write_header(None)
        for frame in frames:
            writer.write_packet(frame.octets, sec=frame.at)


@dataclass(slots=True)
class _Fragments:
    """The fragments of one IP datagram so far: payload pieces by offset in octets, of a repeated one the first."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    end: int | None = None  # octets of the whole payload, once the last fragment is there
    without_gap: int = 0  # octets from the beginning that are there
    held: int = 0  # octets of all pieces: more than that where some lie across others

    def add(self, place: Fragment, payload: bytes, octets: int) -> None:
        """One more piece, of a packet of so many octets."""
        self.sizes.append(octets)
        if not place.more:
            self.end = place.offset + len(payload)
        if place.offset not in self.pieces:
            self.pieces[place.offset] = payload
            self.held += len(payload)
        while piece := self.pieces.get(self.without_gap):
            self.without_gap += len(piece)

    def whole(self) -> bytes | None:
        """The payload when there is no gap, and no piece that lies across others."""
        if not self.without_gap == self.held == self.end:
            return None
        return b"".join([self.pieces[offset] for offset in sorted(self.pieces)])


def read_capture(path: Path) -> WirePicture:
    """Datagrams on the ports of IKE and bare ESP packets, with everything else over IP listed as clear.

    Neighbour discovery is left out, as is ARP: each finds the next hop, and no datagram of a conversation is in them.

    Raises:
        UnreadableCapture: the file is no pcapng or pcap.
        FileNotFoundError: there is no such file.
    """
    datagrams: list[CapturedDatagram] = []
    clear: list[ClearPacket] = []
    waiting: dict[tuple[object, ...], _Fragments] = {}
    for number, at, packet in _ip_packets(path):
        payload, sizes = _reassembled(packet, waiting)
        if payload is None:
            continue
        if packet.protocol == _UDP and len(payload) >= 8 and _IKE_PORTS & {payload[:2], payload[2:4]}:
            ports = int.from_bytes(payload[:2]), int.from_bytes(payload[2:4])
            body = payload[8 : int.from_bytes(payload[4:6])]
        elif packet.protocol == _ESP:
            ports, body = (0, 0), payload
        else:
            clear.append(ClearPacket(number, packet.source, packet.destination, packet.protocol, at))
            continue
        ends = (packet.source, ports[0]), (packet.destination, ports[1])
        datagrams.append(CapturedDatagram(number, at, *ends, body, tuple(sizes)))
    return WirePicture(tuple(datagrams), tuple(clear))


def _ip_packets(path: Path) -> Iterator[tuple[int, float, IpPacket]]:
    """Frame number from 1, seconds since the epoch, and the IP packet."""
    for number, frame in enumerate(_frames(path), start=1):
        packet = read_packet(frame.octets)
        if packet is not None and not packet.is_neighbor_discovery:
            yield number, frame.at, packet


def _frames(path: Path) -> Iterator[Frame]:
    octets = _stored(path)
    try:
        yield from _older_format(octets) if octets[:4] in _PCAP else _pcapng(octets)
    except Exception as error:  # whatever Scapy raises for octets that are no capture
        raise UnreadableCapture(f"{path}: no capture: {error}") from error


def _pcapng(octets: bytes) -> Iterator[Frame]:
    # Scapy would also unpack what is compressed, however large that is: it gets the blocks alone.
    with RawPcapNgReader(io.BytesIO(whole_blocks(octets))) as reader:
        for frame, meta in reader:
            _need_ethernet(meta.linktype)
            yield Frame(((meta.tshigh << 32) + meta.tslow) / meta.tsresol, frame)


def _older_format(octets: bytes) -> Iterator[Frame]:
    """The pcap format, as older versions of tcpdump write it."""
    with RawPcapReader(io.BytesIO(octets)) as reader:
        _need_ethernet(reader.linktype)
        for frame, meta in reader:
            yield Frame(meta.sec + meta.usec / (1e9 if reader.nano else 1e6), frame)


def _need_ethernet(link_type: int) -> None:
    if link_type != _LINK_TYPE_ETHERNET:
        raise ValueError(f"link type {link_type}, Ethernet (1) is due")


def _stored(path: Path) -> bytes:
    try:
        return read_stored(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableCapture(f"{path}: {error.strerror}") from error


def _reassembled(packet: IpPacket, waiting: dict[tuple[object, ...], _Fragments]) -> tuple[bytes | None, list[int]]:
    """The payload of a packet, or of its datagram once all fragments are there; sizes of all its packets."""
    place = packet.fragment
    if place is None:
        return packet.payload, [packet.octets]
    key = place.identification, packet.protocol, packet.source, packet.destination
    fragments = waiting.setdefault(key, _Fragments())
    fragments.add(place, packet.payload, packet.octets)
    payload = fragments.whole()
    if payload is not None:
        del waiting[key]
    return payload, fragments.sizes


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


# A reader of pcapng that believes a length before it has seen that many octets asks for memory that a file of 28 octets
# chose. So Scapy gets no more than the blocks that are whole, and only those from which a frame can come:
# | Block Type | Block Total Length | Block Body, padded to 32 bits | Block Total Length |
_SECTION_HEADER = 0x0A0D0D0A
_BYTE_ORDER_MAGIC = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_FRAMES = {1, 2, 3, 6}  # Interface Description, Packet (obsolete), Simple Packet, Enhanced Packet
_LEAST_OCTETS = 12


def whole_blocks(capture: bytes) -> bytes:
    """The section headers, interfaces and packets of a capture, up to the first block that is cut short or broken.

    A capture that was cut short keeps what it has. Nothing is left of octets that are no pcapng file.
    """
    kept: list[bytes] = []
    offset, order = 0, ">"
    while len(capture) >= offset + _LEAST_OCTETS:
        if capture.startswith(_SECTION_HEADER.to_bytes(4), offset):
            order = _BYTE_ORDER_MAGIC.get(capture[offset + 8 : offset + 12], "")
        if not order:
            break
        kind, length = struct.unpack_from(f"{order}II", capture, offset)
        if length < _LEAST_OCTETS or length % 4 or length > len(capture) - offset:
            break
        block = capture[offset : offset + length]
        if block[-4:] != block[4:8]:
            break
        if kind in _FRAMES or kind == _SECTION_HEADER:
            kept.append(block)
        offset += length
    return b"".join(kept)

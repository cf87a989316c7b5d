"""Captures: frames to pcapng, and pcapng back to datagrams with IP fragments put together (RFC 791 section 3.2,
RFC 8200 section 4.5)."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scapy.error import Scapy_Exception
from scapy.utils import RawPcapNgReader, RawPcapNgWriter

from harness.evidence.ip_packet import IpPacket, read_packet
from harness.evidence.model import CapturedDatagram, ClearPacket, Frame, WirePicture

_UDP, _ESP = 17, 50
_IKE_PORTS = {number.to_bytes(2) for number in (500, 4500)}
_LINK_TYPE_ETHERNET = 1

# Scapy only warns of a capture cut short; that messages are missing from it is for the verifier to say.
logging.getLogger("scapy.runtime").setLevel(logging.ERROR)


class UnreadableCapture(ValueError):
    """A capture that is there but no pcapng of Ethernet frames; the message names the file."""


def write_pcapng(path: Path, frames: Iterable[Frame]) -> None:
    """Write the frames as pcapng of Ethernet link type, timestamps in microseconds."""
    writer = RawPcapNgWriter(str(path))
    writer.linktype = _LINK_TYPE_ETHERNET
    writer.write_header(None)
    for frame in frames:
        writer.write_packet(frame.octets, sec=frame.at)
    writer.close()


@dataclass(slots=True)
class _Fragments:
    """The fragments of one IP datagram so far: payload pieces by offset in octets."""

    pieces: dict[int, bytes] = field(default_factory=dict)
    sizes: list[int] = field(default_factory=list)
    end: int | None = None  # octets of the whole payload, once the last fragment is there

    def whole(self) -> bytes | None:
        """The payload when there is no gap."""
        joined = b""
        for offset in sorted(self.pieces):
            if offset != len(joined):
                return None
            joined += self.pieces[offset]
        return joined if self.end == len(joined) else None


def read_capture(path: Path) -> WirePicture:
    """Datagrams on the ports of IKE and bare ESP packets, with everything else over IP listed as clear.

    Neighbour discovery is left out, as is ARP: each finds the next hop, and no datagram of a conversation is in them.

    Raises:
        UnreadableCapture: the file is no pcapng.
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
            clear.append(ClearPacket(number, packet.source, packet.destination, packet.protocol))
            continue
        ends = (packet.source, ports[0]), (packet.destination, ports[1])
        datagrams.append(CapturedDatagram(number, at, *ends, body, tuple(sizes)))
    return WirePicture(tuple(datagrams), tuple(clear))


def _ip_packets(path: Path) -> Iterator[tuple[int, float, IpPacket]]:
    """Frame number from 1, seconds since the epoch, and the IP packet."""
    try:
        with RawPcapNgReader(str(path)) as reader:
            for number, (octets, meta) in enumerate(reader, start=1):
                if meta.linktype != _LINK_TYPE_ETHERNET:
                    raise UnreadableCapture(f"{path}: link type {meta.linktype}, Ethernet (1) is due")
                packet = read_packet(octets)
                if packet is not None and not packet.is_neighbor_discovery:
                    yield number, ((meta.tshigh << 32) + meta.tslow) / meta.tsresol, packet
    except (UnreadableCapture, FileNotFoundError):
        raise
    except (Scapy_Exception, OSError, EOFError, ValueError, TypeError, struct.error) as error:
        raise UnreadableCapture(f"{path}: no pcapng capture: {error}") from error


def _reassembled(packet: IpPacket, waiting: dict[tuple[object, ...], _Fragments]) -> tuple[bytes | None, list[int]]:
    """The payload of a packet, or of its datagram once all fragments are there; sizes of all its packets."""
    place = packet.fragment
    if place is None:
        return packet.payload, [packet.octets]
    key = place.identification, packet.protocol, packet.source, packet.destination
    fragments = waiting.setdefault(key, _Fragments())
    fragments.pieces[place.offset] = packet.payload
    fragments.sizes.append(packet.octets)
    if not place.more:
        fragments.end = place.offset + len(packet.payload)
    payload = fragments.whole()
    if payload is not None:
        del waiting[key]
    return payload, fragments.sizes

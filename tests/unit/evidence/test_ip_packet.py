"""IPv6 packets of a capture: extension headers, fragments, and what is as little of a conversation as ARP."""

from __future__ import annotations

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    ICMPv6ND_NA,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
    fragment6,
)
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

from harness.evidence.capture import read_capture, read_packet, write_pcapng
from harness.evidence.model import ClearPacket, Frame, WirePicture

A, B = "2001:db8::1", "2001:db8::2"
IP6 = IPv6(src=A, dst=B)


def read(tmp_path, *packets: Packet) -> WirePicture:
    path = tmp_path / "wire.pcapng"
    write_pcapng(path, [Frame(float(number), bytes(Ether() / packet)) for number, packet in enumerate(packets, 1)])
    return read_capture(path)


def datagram(payload: bytes, *headers: Packet) -> Packet:
    packet = IP6
    for header in headers:
        packet = packet / header
    return packet / UDP(sport=500, dport=4500) / Raw(payload)


def test_a_datagram_comes_back_with_its_ends(tmp_path):
    (seen,) = read(tmp_path, datagram(b"ike")).datagrams
    assert (seen.source, seen.destination) == ((A, 500), (B, 4500))
    assert (seen.payload, seen.ip_octets) == (b"ike", (51,))


def test_bare_esp_has_ports_zero(tmp_path):
    (seen,) = read(tmp_path, IPv6(src=A, dst=B, nh=50) / Raw(b"\0\0\0\1\0\0\0\1sealed")).datagrams
    assert (seen.source, seen.destination) == ((A, 0), (B, 0))
    assert seen.payload.endswith(b"sealed")


def test_extension_headers_are_passed_over(tmp_path):
    headers = IPv6ExtHdrHopByHop(), IPv6ExtHdrRouting(addresses=[B]), IPv6ExtHdrDestOpt()
    (seen,) = read(tmp_path, datagram(b"ike", *headers)).datagrams
    assert (seen.source[1], seen.payload) == (500, b"ike")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 1, 1, 2)])
def test_fragments_are_put_together_in_any_order(tmp_path, order):
    payload = bytes(range(256)) * 12
    pieces = fragment6(datagram(payload, IPv6ExtHdrFragment(id=7)), 1280)
    assert len(pieces) == 3
    (seen,) = read(tmp_path, *(pieces[number] for number in order)).datagrams
    assert (seen.payload, seen.frame) == (payload, len(order))
    assert max(seen.ip_octets) <= 1280


def test_a_datagram_that_lacks_a_fragment_is_not_invented(tmp_path):
    pieces = fragment6(datagram(bytes(3000), IPv6ExtHdrFragment(id=7)), 1280)
    for missing in range(3):
        assert read(tmp_path, *(piece for number, piece in enumerate(pieces) if number != missing)).datagrams == ()


def test_an_atomic_fragment_is_a_datagram(tmp_path):
    (seen,) = read(tmp_path, datagram(b"ike", IPv6ExtHdrFragment(id=7))).datagrams
    assert seen.payload == b"ike"


def test_an_echo_request_in_clear_is_listed_and_neighbour_discovery_is_not(tmp_path):
    discovery = [IP6 / ICMPv6ND_NS(tgt=B), IP6 / ICMPv6ND_NA(tgt=B)]
    picture = read(tmp_path, *discovery, IP6 / ICMPv6EchoRequest(), ARP())
    assert (picture.datagrams, picture.clear) == ((), (ClearPacket(3, A, B, 58),))


def test_what_a_router_has_forwarded_is_no_neighbour_discovery(tmp_path):
    picture = read(tmp_path, IPv6(src=A, dst=B, hlim=254) / ICMPv6ND_NS(tgt=B))
    assert picture.clear == (ClearPacket(1, A, B, 58),)


def test_padding_is_not_payload(tmp_path):
    packet = read_packet(bytes(Ether() / datagram(b"\xff")) + bytes(17))
    assert packet is not None
    assert (packet.payload[8:], packet.octets) == (b"\xff", 49)


def test_no_packet_cut_anywhere_breaks_the_reader():
    frame = bytes(Ether() / datagram(b"ike", IPv6ExtHdrHopByHop(), IPv6ExtHdrFragment(id=7)))
    for end in range(len(frame)):
        packet = read_packet(frame[:end])
        assert packet is None or not packet.payload.endswith(b"ike")


def test_a_header_that_says_less_than_itself_holds_no_packet():
    frame = bytearray(bytes(Ether() / IP(src="192.0.2.1", dst="192.0.2.2") / b"x"))
    frame[16:18] = (5).to_bytes(2)
    assert read_packet(bytes(frame)) is None

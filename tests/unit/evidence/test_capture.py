from __future__ import annotations

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import ARP, Ether
from scapy.utils import RawPcapNgWriter

from harness.evidence.capture import UnreadableCapture, read_capture, write_pcapng
from harness.evidence.model import ClearPacket, Frame

A, B = ("198.51.100.1", 500), ("198.51.100.2", 500)


def read(tmp_path, frames):
    path = tmp_path / "wire.pcapng"
    write_pcapng(path, frames)
    return read_capture(path)


def test_a_datagram_comes_back_with_its_time_and_ends(lab, tmp_path):
    frames = [*lab.frames_of(A, B, b"first", 1_790_000_000.25), *lab.frames_of(B, A, b"second", 1_790_000_001.5)]
    first, second = read(tmp_path, frames).datagrams
    assert (first.frame, first.at, first.source, first.destination) == (1, 1_790_000_000.25, A, B)
    assert (first.payload, first.ip_octets) == (b"first", (33,))
    assert (second.frame, second.at, second.payload) == (2, 1_790_000_001.5, b"second")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 1, 1, 2)])
def test_ip_fragments_are_put_together_in_any_order(lab, tmp_path, order):
    payload = bytes(range(256)) * 5
    pieces = lab.frames_of(A, B, payload, 1.0, mtu=576)
    assert len(pieces) == 3
    (datagram,) = read(tmp_path, [pieces[number] for number in order]).datagrams
    assert datagram.payload == payload
    assert datagram.frame == len(order)
    assert max(datagram.ip_octets) <= 576


def test_a_datagram_that_lacks_a_fragment_is_not_invented(lab, tmp_path):
    pieces = lab.frames_of(A, B, bytes(1300), 1.0, mtu=576)
    for missing in range(3):
        assert read(tmp_path, [p for n, p in enumerate(pieces) if n != missing]).datagrams == ()


def test_fragments_of_two_datagrams_do_not_mix(lab, tmp_path):
    one = lab.frames_of(A, B, b"1" * 1000, 1.0, mtu=576)
    other = lab.frames_of(B, A, b"2" * 1000, 1.0, mtu=576)
    mixed = [frame for pair in zip(one, other, strict=True) for frame in pair]
    assert [d.payload for d in read(tmp_path, mixed).datagrams] == [b"1" * 1000, b"2" * 1000]


def test_bare_esp_has_ports_zero(tmp_path):
    packet = Ether() / IP(src=A[0], dst=B[0], proto=50) / b"\0\0\0\1\0\0\0\1sealed"
    (datagram,) = read(tmp_path, [Frame(1.0, bytes(packet))]).datagrams
    assert (datagram.source, datagram.destination) == ((A[0], 0), (B[0], 0))
    assert datagram.payload.endswith(b"sealed")


def test_what_crosses_in_the_clear_is_listed_and_arp_is_not(tmp_path):
    echo = Ether() / IP(src=A[0], dst=B[0]) / ICMP()
    picture = read(tmp_path, [Frame(1.0, bytes(Ether() / ARP())), Frame(2.0, bytes(echo))])
    assert picture.datagrams == ()
    assert picture.clear == (ClearPacket(2, A[0], B[0], 1),)


def test_ethernet_padding_is_not_payload(lab, tmp_path):
    (frame,) = lab.frames_of(A, B, b"\xff", 1.0)
    (datagram,) = read(tmp_path, [Frame(1.0, frame.octets + bytes(17))]).datagrams
    assert (datagram.payload, datagram.ip_octets) == (b"\xff", (29,))


@pytest.mark.parametrize("content", [b"", b"not a capture", bytes(64)])
def test_what_is_no_capture_is_named(tmp_path, content):
    path = tmp_path / "wire.pcapng"
    path.write_bytes(content)
    with pytest.raises(UnreadableCapture, match=r"wire\.pcapng"):
        read_capture(path)


def test_udp_beside_the_ports_of_ike_is_clear_text(lab, tmp_path):
    frames = [*lab.frames_of((A[0], 40000), (B[0], 53), b"who is", 1.0), *lab.frames_of((A[0], 40000), B, b"ike", 2.0)]
    picture = read(tmp_path, frames)
    assert picture.clear == (ClearPacket(1, A[0], B[0], 17),)
    assert [d.payload for d in picture.datagrams] == [b"ike"]


@pytest.mark.parametrize("octets", [b"", bytes(13), bytes(12) + b"\x08\x00", bytes(12) + b"\x08\x00" + bytes(20)])
def test_a_frame_too_short_to_hold_a_packet_is_passed_over(lab, tmp_path, octets):
    frames = [Frame(1.0, octets), *lab.frames_of(A, B, b"whole", 2.0)]
    assert [(d.frame, d.payload) for d in read(tmp_path, frames).datagrams] == [(2, b"whole")]


def test_a_capture_of_another_link_type_is_named(tmp_path):
    path = tmp_path / "wire.pcapng"
    writer = RawPcapNgWriter(str(path))
    writer.linktype = 101  # raw IP
    writer.write_header(None)
    writer.write_packet(bytes(IP(src=A[0], dst=B[0])), sec=1.0)
    writer.close()
    with pytest.raises(UnreadableCapture, match=r"wire\.pcapng: no capture: link type 101, Ethernet \(1\) is due"):
        read_capture(path)


def test_a_capture_cut_anywhere_reads_as_less_or_is_named(lab, tmp_path):
    path = tmp_path / "wire.pcapng"
    write_pcapng(path, [*lab.frames_of(A, B, b"first", 1.0), *lab.frames_of(B, A, b"second", 2.0)])
    whole = path.read_bytes()
    for end in range(len(whole)):
        path.write_bytes(whole[:end])
        try:
            picture = read_capture(path)
        except UnreadableCapture as error:
            assert "wire.pcapng" in str(error)
        else:
            assert [d.payload for d in picture.datagrams] in ([], [b"first"], [b"first", b"second"])

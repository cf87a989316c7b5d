"""Captures that somebody made up: what they cost, and that nothing but UnreadableCapture is raised."""

from __future__ import annotations

import gzip
import struct
import tracemalloc

import pytest
from budget import assert_within_budget
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

from harness.evidence.capture import UnreadableCapture, read_capture, whole_blocks, write_pcapng
from harness.evidence.model import Frame

SECTION = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
INTERFACE = struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20)


def block(kind: int, body: bytes, length: int | None = None) -> bytes:
    total = 12 + len(body) if length is None else length
    return struct.pack("<II", kind, total) + body + struct.pack("<I", total)


def packet(octets: bytes, interface: int = 0, captured: int | None = None) -> bytes:
    body = struct.pack("<IIIII", interface, 0, 0, len(octets) if captured is None else captured, len(octets))
    return block(6, body + octets + bytes(-len(octets) % 4))


@pytest.fixture
def capture(tmp_path):
    def written(octets: bytes):
        path = tmp_path / "wire.pcapng"
        path.write_bytes(octets)
        return path

    return written


def peak_of(action) -> int:
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [0x7FFFFFF0, 0xFFFFFFF0, 0xFFFFFFFF, 0, 8, 13])
@pytest.mark.parametrize("kind", [1, 6, 0x80000001, 0x0A0D0D0A])
def test_a_block_that_announces_more_than_there_is_ends_the_capture(capture, lab, kind, length):
    (frame,) = lab.frames_of(("198.51.100.1", 500), ("198.51.100.2", 500), b"octets", 1.0)
    body = struct.pack("<I", 0x1A2B3C4D) if kind == 0x0A0D0D0A else bytes(4)
    path = capture(SECTION + INTERFACE + packet(frame.octets) + block(kind, body, length))
    assert len(read_capture(path).datagrams) == 1
    assert peak_of(lambda: read_capture(path)) < 1 << 20


def test_the_first_block_may_lie_as_well(capture):
    path = capture(struct.pack("<III", 0x0A0D0D0A, 0xFFFFFFF0, 0x1A2B3C4D))
    with pytest.raises(UnreadableCapture, match=r"wire\.pcapng"):
        read_capture(path)


def test_a_compressed_capture_is_none(capture):
    """A thousand octets that become a megabyte."""
    path = capture(gzip.compress(SECTION + INTERFACE + packet(bytes(1 << 20))))
    with pytest.raises(UnreadableCapture, match=r"wire\.pcapng"):
        read_capture(path)


@pytest.mark.parametrize(("order", "magic", "part"), [
    ("<", 0xA1B2C3D4, 500_000), (">", 0xA1B2C3D4, 500_000), ("<", 0xA1B23C4D, 500_000_000),
])  # fmt: skip
def test_the_older_format_is_read(capture, lab, order, magic, part):
    (frame,) = lab.frames_of(("198.51.100.1", 500), ("198.51.100.2", 500), b"octets", 1.0)
    header = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    record = struct.pack(f"{order}IIII", 7, part, len(frame.octets), len(frame.octets)) + frame.octets
    (datagram,) = read_capture(capture(header + record)).datagrams
    assert (datagram.payload, datagram.at) == (b"octets", 7.5)
    assert len(read_capture(capture(header + record + record[:-1])).datagrams) in (1, 2)
    longest = struct.pack(f"{order}IIII", 7, part, 0xFFFFFFFF, 0xFFFFFFFF)
    assert peak_of(lambda: read_capture(capture(header + longest))) < 1 << 20


def test_the_older_format_of_another_link_type_is_none(capture):
    with pytest.raises(UnreadableCapture, match="link type 101"):
        read_capture(capture(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 101) + bytes(40)))


ODD = {
    "a packet of no interface": SECTION + packet(bytes(60)),
    "a packet of another interface": SECTION + INTERFACE + packet(bytes(60), interface=7),
    "an interface of no octets": SECTION + block(1, b""),
    "a packet of no octets": SECTION + INTERFACE + block(6, b""),
    "a simple packet of no interface": SECTION + block(3, bytes(8)),
    "more captured than there is": SECTION + INTERFACE + packet(bytes(60), captured=0xFFFFFFFF),
    "the largest resolution": SECTION + block(1, struct.pack("<HHIHHI", 1, 0, 0, 9, 1, 0x7F)) + packet(bytes(60)),
    "secrets": SECTION + INTERFACE + block(10, b"LSLT\xff\xff\xff\xff"),
    "version 2": struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 2, 0, -1, 28),
}


@pytest.mark.parametrize("what", ODD)
def test_odd_captures_are_read_or_refused(capture, what):
    try:
        assert read_capture(capture(ODD[what])).datagrams == ()
    except UnreadableCapture as error:
        assert "wire.pcapng" in str(error)


def test_blocks_from_which_no_frame_can_come_are_left_out():
    ours = SECTION + INTERFACE + packet(bytes(60))
    others = block(4, bytes(32)) + block(5, bytes(8)) + block(10, bytes(8)) + block(0x80000001, bytes(4))
    assert whole_blocks(SECTION + others + INTERFACE + others + packet(bytes(60))) == ours
    assert whole_blocks(ours + ours) == ours + ours
    assert whole_blocks(b"") == whole_blocks(bytes(64)) == whole_blocks(b"not a capture") == b""
    assert [whole_blocks(ours[:-cut]) for cut in (1, 4, 11)] == [SECTION + INTERFACE] * 3


def test_both_byte_orders():
    big = struct.pack(">IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28) + struct.pack(">IIHHII", 1, 20, 1, 0, 9, 20)
    assert whole_blocks(big + SECTION + INTERFACE) == big + SECTION + INTERFACE


def ip_fragment(offset: int, payload: bytes, *, more: bool = True, number: int = 1) -> bytes:
    header = IP(
        src="198.51.100.1", dst="198.51.100.2", proto=17, id=number, flags="MF" if more else 0, frag=offset // 8
    )
    return bytes(Ether() / header / payload)


def datagrams(tmp_path, frames):
    path = tmp_path / "wire.pcapng"
    write_pcapng(path, [Frame(1.0, octets) for octets in frames])
    return [datagram.payload for datagram in read_capture(path).datagrams]


UDP = b"\x01\xf4\x01\xf4\x00\x28\0\0" + bytes(range(32))  # 40 octets from port 500 to port 500


def test_of_a_repeated_fragment_the_first_counts(tmp_path):
    first, last = ip_fragment(0, UDP[:24]), ip_fragment(24, UDP[24:], more=False)
    assert datagrams(tmp_path, [first, ip_fragment(0, bytes(24)), last]) == [UDP[8:]]


def test_fragments_that_lie_across_each_other_make_no_datagram(tmp_path):
    """RFC 5722 forbids them in IPv6; nobody can tell which octets the receiver took."""
    first, across, last = ip_fragment(0, UDP[:24]), ip_fragment(16, UDP[16:32]), ip_fragment(24, UDP[24:], more=False)
    assert datagrams(tmp_path, [first, across, last]) == []


def test_fragments_of_no_octets_do_no_harm(tmp_path):
    empty = [ip_fragment(0, b""), ip_fragment(0, b"", more=False, number=2), ip_fragment(24, b"")]
    whole = [ip_fragment(0, UDP[:24], number=3), ip_fragment(24, UDP[24:], more=False, number=3)]
    assert datagrams(tmp_path, [*empty, *whole]) == [UDP[8:]]


def test_thousands_of_fragments_cost_what_their_octets_are_worth(tmp_path):
    """Eight octets in each, the last of which never comes, and each of them twice."""
    header = ip_fragment(0, b"")
    frames = [header[:20] + (0x2000 | n).to_bytes(2) + header[22:] + bytes(8) for n in range(4000)]
    frames = [frame[:16] + (28).to_bytes(2) + frame[18:] for frame in frames]
    path = tmp_path / "wire.pcapng"
    write_pcapng(path, [Frame(1.0, octets) for octets in frames * 2])
    assert_within_budget(path.stat().st_size, lambda: read_capture(path))


def test_fragments_after_one_that_lies_across_others_cost_what_their_octets_are_worth(tmp_path):
    """All are there, and one too many: whatever comes then completes nothing."""
    pieces = [ip_fragment(8 * n, bytes(8), more=n < 7499) for n in (0, 7499)]
    whole = [pieces[0][:20] + (0x2000 | n).to_bytes(2) + pieces[0][22:] for n in range(7499)] + [pieces[1]]
    across = ip_fragment(8, bytes(24))
    path = tmp_path / "wire.pcapng"
    write_pcapng(path, [Frame(1.0, octets) for octets in (across, *whole * 3)])
    assert read_capture(path).datagrams == ()
    assert_within_budget(path.stat().st_size, lambda: read_capture(path))


def test_the_smallest_frames_cost_what_their_octets_are_worth(capture):
    path = capture(SECTION + INTERFACE + packet(b"") * 2000)
    assert_within_budget(path.stat().st_size, lambda: read_capture(path))
    path = capture((SECTION + INTERFACE) * 2000)
    assert_within_budget(path.stat().st_size, lambda: read_capture(path))


def test_a_chain_of_extension_headers_costs_what_its_octets_are_worth(capture):
    chain = b"\x3c\0" + bytes(6)  # Destination Options, and the next one as well
    octets = bytes(12) + b"\x86\xdd" + b"\x60\0\0\0\xff\xff\x3c\x40" + bytes(32) + chain * 8000
    path = capture(SECTION + INTERFACE + packet(octets[:65535]))
    assert read_capture(path).datagrams == ()
    assert_within_budget(path.stat().st_size, lambda: read_capture(path))

"""Captures, pcapng and pcap: read, and shown as ``ipsec-interop decode`` does."""

from __future__ import annotations

import struct
import tempfile
from pathlib import Path

from case_builder import frames_of, good
from scapy.layers.inet import UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from target import Prepared, Target

from harness.evidence.capture import UnreadableCapture, read_capture, write_pcapng
from harness.evidence.model import Frame
from harness.run.decode import decode_capture

_FOLDER = tempfile.TemporaryDirectory(prefix="fuzz-capture-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
_PATH = Path(_FOLDER.name) / "wire.pcapng"


def prepare(data: bytes) -> Prepared:
    _PATH.write_bytes(data)

    def read() -> None:
        try:
            read_capture(_PATH)
            for line in decode_capture(_PATH):
                assert line
        except UnreadableCapture as error:
            assert str(_PATH) in str(error)

    return len(data), read


def _pcap(frames: list[Frame]) -> bytes:
    header = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    sizes = [struct.pack("<IIII", 7, 8, len(each.octets), len(each.octets)) + each.octets for each in frames]
    return header + b"".join(sizes)


def _ipv6() -> list[Frame]:
    here = Ether() / IPv6(src="fd00::1", dst="fd00::2")
    whole = bytes(UDP(sport=500, dport=500) / bytes(64))
    first = here / IPv6ExtHdrFragment(nh=17, id=7, m=1) / whole[:40]
    last = here / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(nh=17, id=7, offset=5) / whole[40:]
    return [Frame(1.0, bytes(each)) for each in (first, last, here / UDP(sport=500, dport=500) / bytes(64))]


def seeds() -> list[bytes]:
    found = []
    for scenario in ("hybrid/x25519-mlkem768", "fragmentation/mlkem1024-at-576"):
        frames = [frame for datagram in good(scenario).datagrams for frame in frames_of(datagram)]
        for some in (frames[:3], frames[-6:], frames[:1], _ipv6()):
            write_pcapng(_PATH, some)
            found += [_PATH.read_bytes(), _pcap(some)]
    return list(dict.fromkeys(found))


TARGET = Target("captures", "pcapng and pcap files", seeds, prepare)

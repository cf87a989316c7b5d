from __future__ import annotations

import pytest

from harness.esp.errors import MalformedPacket
from harness.esp.packet import EspPacket, NextHeader, add_trailer, remove_trailer


def test_header_iv_and_rest() -> None:
    packet = bytes.fromhex("c0ffee01 00000007") + b"IVIVIVIV" + b"sealed" * 4
    parsed = EspPacket.parse(packet, iv_octets=8, icv_octets=16)
    assert (parsed.spi, parsed.sequence, parsed.iv, parsed.sealed) == (0xC0FFEE01, 7, b"IVIVIVIV", b"sealed" * 4)
    assert parsed.to_bytes() == packet
    assert "sealed" not in repr(parsed)


def test_too_short_for_header_iv_trailer_and_icv() -> None:
    EspPacket.parse(bytes(34), iv_octets=8, icv_octets=16)
    with pytest.raises(MalformedPacket, match="at least 34 octets, not 33"):
        EspPacket.parse(bytes(33), iv_octets=8, icv_octets=16)


@pytest.mark.parametrize(("block", "payload", "padding"), [(1, 2, 0), (1, 3, 3), (1, 4, 2), (16, 14, 0), (16, 15, 15)])
def test_padding_counts_from_one_and_aligns_to_four_or_the_block(block: int, payload: int, padding: int) -> None:
    plaintext = add_trailer(b"p" * payload, NextHeader.IPV6, block)
    assert plaintext == b"p" * payload + bytes(range(1, padding + 1)) + bytes((padding, 41))
    assert len(plaintext) % max(4, block) == 0


def test_other_padding_is_recorded_not_refused() -> None:
    """RFC 4303 section 2.4: the receiver SHOULD inspect it; a sender may also pad more than is needed."""
    assert remove_trailer(b"data" + b"\1\2\3\3\x04", 9).padding_conforms
    inner = remove_trailer(b"data" + b"\0\0\0\3\x04", 9)
    assert (inner.payload, inner.padding_conforms, inner.sequence) == (b"data", False, 9)
    long = remove_trailer(b"data" + bytes(range(1, 256)) + b"\xff\x04", 9)
    assert (long.payload, long.padding_conforms) == (b"data", True)


@pytest.mark.parametrize("plaintext", [b"", b"\x04", b"\x01\x04", b"abc\x04\x04"])
def test_impossible_trailers(plaintext: bytes) -> None:
    with pytest.raises(MalformedPacket):
        remove_trailer(plaintext, 1)

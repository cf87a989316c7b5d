from __future__ import annotations

import struct

import pytest

from harness.crypto.errors import IntegrityError
from harness.crypto.protection import Protection, implemented, protection
from harness.esp.errors import MalformedPacket, ReplayedPacket, SequenceExhausted
from harness.esp.packet import NextHeader
from harness.esp.sa import EspSa, Inbound, Outbound
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

GCM = protection(algorithm(TransformType.ENCR, "aes-256-gcm-16"), None)
CBC = protection(algorithm(TransformType.ENCR, "aes-256-cbc"), algorithm(TransformType.INTEG, "hmac-sha2-256-128"))


def sa(cipher: Protection, esn: bool = False) -> EspSa:
    return EspSa(0xCAFE0001, cipher, b"e" * cipher.encryption_key_octets, b"a" * cipher.integrity_key_octets, esn)


@pytest.mark.parametrize("esn", [False, True])
@pytest.mark.parametrize(("encr", "integ"), implemented())
def test_both_ends(encr, integ, esn: bool) -> None:  # type: ignore[no-untyped-def]
    keys = sa(protection(encr, integ), esn)
    outbound, inbound = Outbound(keys), Inbound(keys)
    for number, payload in enumerate((b"", b"x", b"y" * 1400), start=1):
        packet = outbound.seal(payload, NextHeader.IPV4, lambda octets: b"r" * octets)
        assert struct.unpack_from("!II", packet) == (0xCAFE0001, number)
        inner = inbound.open(packet)
        assert (inner.payload, inner.next_header, inner.sequence) == (payload, 4, number)
        assert inner.padding_conforms


def test_ivs_of_an_aead_count_and_those_of_cbc_are_random() -> None:
    outbound = Outbound(sa(GCM))
    assert [outbound.seal(b"", 4, pytest.fail)[8:16] for _ in range(2)] == [
        (1).to_bytes(8, "big"), (2).to_bytes(8, "big")
    ]  # fmt: skip
    assert Outbound(sa(CBC)).seal(b"", 4, lambda octets: b"R" * octets)[8:24] == b"R" * 16


def test_sequence_numbers_never_cycle() -> None:
    """RFC 4303 section 3.3.3."""
    outbound = Outbound(sa(GCM))
    outbound.sequence = 2**32 - 2
    outbound.seal(b"last", 4, bytes)
    for _ in range(2):
        with pytest.raises(SequenceExhausted, match="cafe0001"):
            outbound.seal(b"too many", 4, bytes)
    extended = Outbound(sa(GCM, esn=True))
    extended.sequence = 2**32 - 1
    assert extended.seal(b"goes on", 4, bytes)[4:8] == bytes(4)
    extended.sequence = 2**64 - 1
    with pytest.raises(SequenceExhausted):
        extended.seal(b"too many", 4, bytes)


@pytest.mark.parametrize("cipher", [GCM, CBC], ids=["aead", "mac"])
def test_extended_numbers_go_on_over_the_border(cipher: Protection) -> None:
    keys = sa(cipher, esn=True)
    outbound, inbound = Outbound(keys), Inbound(keys)
    outbound.sequence = 2**32 - 3
    packets = [outbound.seal(bytes([n]), 4, bytes) for n in range(6)]
    inbound.window.accept(2**32 - 3)
    order = (0, 3, 1, 2, 5, 4)  # reordered over the border
    assert [inbound.open(packets[n]).sequence for n in order] == [2**32 - 2 + n for n in order]
    with pytest.raises(ReplayedPacket):
        inbound.open(packets[0])


@pytest.mark.parametrize("cipher", [GCM, CBC], ids=["aead", "mac"])
def test_the_high_half_is_authenticated(cipher: Protection) -> None:
    keys = sa(cipher, esn=True)
    packet = keys.seal(b"data", 4, sequence=5, iv=bytes(cipher.iv_octets))
    with pytest.raises(IntegrityError):
        keys.open(keys.parse(packet), 5 + 2**32)


def test_forged_packets_do_not_move_the_window() -> None:
    keys = sa(GCM)
    outbound, inbound = Outbound(keys), Inbound(keys)
    first = outbound.seal(b"one", 4, bytes)
    inbound.open(first)
    forged = first[:4] + struct.pack("!I", 5000) + first[8:]
    with pytest.raises(IntegrityError):
        inbound.open(forged)
    assert inbound.window.top == 1
    assert inbound.open(outbound.seal(b"two", 4, bytes)).payload == b"two"


def test_refusals_say_why() -> None:
    keys = sa(GCM)
    packet = Outbound(keys).seal(b"data", 4, bytes)
    inbound = Inbound(keys)
    with pytest.raises(MalformedPacket, match="SPI deadbeef is not this SA's, cafe0001"):
        inbound.open(bytes.fromhex("deadbeef") + packet[4:])
    with pytest.raises(MalformedPacket, match="at least 34 octets"):
        inbound.open(packet[:20])
    inbound.open(packet)
    with pytest.raises(ReplayedPacket, match="number 1 was received before"):
        inbound.open(packet)


def test_verified_but_impossible_trailer() -> None:
    keys = sa(GCM)
    sealed = GCM.seal(keys.encryption_key, b"", bytes(8), struct.pack("!II", keys.spi, 1), b"\xff\x04")
    with pytest.raises(MalformedPacket, match="Pad Length 255 in a plaintext of 2 octets"):
        Inbound(keys).open(struct.pack("!II", keys.spi, 1) + bytes(8) + sealed)


def test_keys_do_not_print() -> None:
    assert "eeee" not in repr(sa(CBC))
    assert "aaaa" not in repr(sa(CBC))

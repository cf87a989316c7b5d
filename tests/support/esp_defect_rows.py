"""Seeded defects of a peer's ESP, with the requirement that each breaks, written before it was first played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

from case_builder import INNER, PEER_INNER, Case, flipped
from esp_packets import summed, summed_message
from misbehaving import Leaving, Misbehaviour, answers, esp, sends

from harness.esp import sa as esp_sa
from harness.evidence.model import ClearPacket
from harness.policy.role import Role
from harness.transport.echo import Echo, echo_reply, echo_request
from harness.transport.tunnel import Tunnel

AEAD, CHACHA, MAC = "hybrid/x25519-mlkem768", "classical/x25519", "classical/modp3072"
EVERY, COMBINED = (AEAD, CHACHA, MAC), (AEAD, CHACHA)
ESN, ESN_MAC, TRANSPORT, BARE = "esp/esn", "esp/esn-with-hmac", "esp/transport", "esp/no-encapsulation"


def padded(trailer: Callable[[bytes, int], bytes]) -> Callable[[Leaving], bytes]:
    """Packets with another trailer; it is sealed as it is."""

    def packet(leaving: Leaving) -> bytes:
        with patch.object(esp_sa, "add_trailer", lambda payload, kind, _block: trailer(payload, kind)):
            return leaving.sealed()

    return packet


def to_block(payload: bytes) -> int:
    """Octets of padding that fill a block of 16, which any cipher here can have."""
    return -(len(payload) + 2) % 16


def nth(number: int, change: Callable[[Leaving], bytes]) -> Callable[[Leaving], bytes]:
    return lambda leaving: change(leaving) if leaving.number == number else leaving.sealed()


def other_reply(**fields: object) -> Callable[[Leaving], bytes]:
    """The third reply is to another request."""

    def packet(leaving: Leaving) -> bytes:
        echo = Echo(True, INNER, PEER_INNER, 7, leaving.number, bytes(range(56)))
        return leaving.sealed(inner=echo_reply(replace(echo, **fields)))  # type: ignore[arg-type]

    return nth(3, packet)


def in_clear(case: Case) -> Case:
    """A reply goes out above IP, outside of ESP."""
    wire = case.evidence.wire
    assert wire is not None
    last = case.datagrams[-1].frame
    return case.with_evidence(wire=replace(wire, clear=(ClearPacket(last + 1, PEER_INNER, INNER, 1),)))


def chained() -> Callable[[Tunnel], None]:
    """Each vector is the last block of the ciphertext before."""

    def spoil(tunnel: Tunnel) -> None:
        ends = [b"\1" * 16]

        def packet(leaving: Leaving) -> bytes:
            octets = leaving.sealed(iv=ends[-1])
            ends.append(octets[: -leaving.sa.protection.icv_octets][-16:])
            return octets

        sends(packet)(tunnel)

    return spoil


def without_high_half(leaving: Leaving) -> bytes:
    return leaving.sealed(sa=replace(leaving.sa, esn=False))


ROWS: list[Misbehaviour] = [
    # Sequence numbers (RFC 4303 sections 2.2, 3.3.3).
    *esp("numbers from 0", sends(lambda p: p.sealed(sequence=p.number - 1)), "E02", EVERY),
    *esp("numbers from 2", sends(lambda p: p.sealed(sequence=p.number + 1)), "E02", EVERY),
    *esp("numbers go down", sends(lambda p: p.sealed(sequence=6 - p.number)), "E02", (AEAD, MAC)),
    *esp("every other number", sends(lambda p: p.sealed(sequence=2 * p.number - 1)), "E02", EVERY),
    *esp("numbers by 256 from 1 on", sends(lambda p: p.sealed(sequence=256 * p.number - 255)), "E02", (AEAD, MAC)),
    *esp("a jump at the third number", sends(lambda p: p.sealed(sequence=p.number + 997 * (p.number > 2))), "E02",
         EVERY),
    *esp("a number twice", sends(nth(3, lambda p: p.sealed(sequence=2))), "E02", EVERY),
    *esp("one number for all", sends(lambda p: p.sealed(sequence=1)), "E02", (AEAD, MAC)),
    *esp("every number twice", sends(lambda p: p.sealed(sequence=(p.number + 1) // 2)), "E02", (AEAD, MAC)),
    # Initialization vectors (RFC 4106 section 3.1).
    *esp("one vector for all", sends(lambda p: p.sealed(iv=bytes(8))), "E05", COMBINED),
    *esp("vectors count in CBC", sends(lambda p: p.sealed(iv=p.number.to_bytes(16))), "E10", (MAC,)),
    *esp("vectors are chained in CBC", chained(), "E10", (MAC,)),
    *esp("a vector twice", sends(nth(4, lambda p: p.sealed(iv=(2).to_bytes(8)))), "E05", COMBINED),
    # Padding (sections 2.4, 2.5).
    *esp("padding of zeros", sends(padded(lambda p, kind: p + bytes(n := to_block(p)) + bytes((n, kind)))), "E06",
         EVERY),
    *esp("padding from 0", sends(padded(lambda p, kind: p + bytes(range(n := to_block(p))) + bytes((n, kind)))), "E06",
         EVERY),
    *esp("padding of ones", sends(padded(lambda p, kind: p + b"\xff" * (n := to_block(p)) + bytes((n, kind)))), "E06",
         (AEAD, MAC)),
    *esp("a Pad Length that does not fit", sends(padded(lambda p, kind: p + bytes(to_block(p)) + bytes((255, kind)))),
         "E01", EVERY),
    # Next Header (section 2.6).
    *esp("Next Header 41", sends(lambda p: p.sealed(next_header=41)), "E04", EVERY),
    *esp("Next Header 0", sends(lambda p: p.sealed(next_header=0)), "E04", (AEAD, MAC)),
    *esp("Next Header 1 in tunnel mode", sends(lambda p: p.sealed(inner=p.inner[20:], next_header=1)), "E04",
         (AEAD, MAC)),
    *esp("Next Header 6", sends(nth(2, lambda p: p.sealed(next_header=6))), "E04", (AEAD, MAC)),
    *esp("a whole IP packet in transport mode", sends(lambda p: p.sealed(
        inner=bytes((0x45,)) + bytes(19) + p.inner, next_header=4)), "E04", (TRANSPORT,)),
    *esp("no octet under Next Header 4", sends(nth(2, lambda p: p.sealed(inner=b""))), "E04", EVERY),
    *esp("octets of chance under Next Header 4", sends(nth(2, lambda p: p.sealed(inner=b"\xa7" * 40))), "E04", EVERY),
    *esp("an IPv6 packet under Next Header 4", sends(nth(2, lambda p: p.sealed(inner=b"\x60" + bytes(39)))), "E04",
         (AEAD, MAC)),
    *esp("an IP packet cut short", sends(nth(2, lambda p: p.sealed(inner=p.inner[:-8]))), "E04", EVERY),
    *esp("an IP header that does not add up", sends(nth(2, lambda p: p.sealed(inner=flipped(p.inner, 11)))), "E04",
         EVERY),
    *esp("IP headers without a checksum", sends(lambda p: p.sealed(
        inner=p.inner[:10] + bytes(2) + p.inner[12:])), "E04", (AEAD, MAC)),
    # The selectors (RFC 4301 section 5.2).
    *esp("a packet from a host of nobody", sends(nth(2, lambda p: p.sealed(
        inner=p.inner[:12] + bytes((203, 0, 113, 9)) + p.inner[16:]))), "E08", EVERY),
    *esp("a packet for a host of nobody", sends(nth(2, lambda p: p.sealed(
        inner=p.inner[:16] + bytes((203, 0, 113, 9)) + p.inner[20:]))), "E08", EVERY),
    # The SPI, the keys and the checksum (sections 2.1, 3.3, 3.4).
    *esp("another SPI", sends(lambda p: p.sealed(sa=replace(p.sa, spi=p.sa.spi ^ 1))), "E01", EVERY),
    *esp("the SPI of the other direction", sends(lambda p: p.sealed(sa=replace(p.sa, spi=p.back.spi))), "E01", EVERY),
    *esp("one packet with another SPI", sends(nth(3, lambda p: p.sealed(sa=replace(p.sa, spi=p.sa.spi ^ 256)))), "E01",
         (AEAD, MAC)),
    *esp("the keys of the other direction", sends(lambda p: p.sealed(sa=replace(p.back, spi=p.sa.spi))), "E01", EVERY),
    *esp("another checksum", sends(lambda p: flipped(p.sealed(), -1)), "E01", EVERY),
    *esp("one packet with another checksum", sends(nth(2, lambda p: flipped(p.sealed(), -1))), "E01", EVERY),
    *esp("another ciphertext", sends(lambda p: flipped(p.sealed(), 30)), "E01", (AEAD, MAC)),
    *esp("a checksum cut short", sends(lambda p: p.sealed()[:-4]), "E01", (AEAD, MAC)),
    *esp("four octets too many", sends(lambda p: p.sealed() + bytes(4)), "E01", (AEAD, MAC)),
    *esp("a number that is not the sealed one", sends(nth(2, lambda p: (
        o := p.sealed())[:4] + (77).to_bytes(4) + o[8:])), "E01", EVERY),
    # What it carries.
    *esp("no reply at all", answers(lambda _tunnel, _packet, _number: None), "E01", EVERY),
    *esp("a reply to the first alone", answers(
        lambda tunnel, packet, number: tunnel.receive(packet) if number == 1 else None), "E01", EVERY),
    *esp("no reply to the last", answers(
        lambda tunnel, packet, number: tunnel.receive(packet) if number < 5 else None), "E01", (AEAD, MAC)),
    *esp("a request in place of the reply", sends(nth(3, lambda p: p.sealed(
        inner=echo_request(PEER_INNER, INNER, 9, 9)))), "E01", (AEAD, MAC)),
    *esp("a reply with other data", sends(other_reply(data=bytes(56))), "E01", EVERY),
    *esp("a reply with another number", sends(other_reply(sequence=99)), "E01", (AEAD, MAC)),
    *esp("a reply with another identifier", sends(other_reply(identifier=8)), "E01", (AEAD, MAC)),
    *esp("a reply that does not add up", sends(nth(3, lambda p: p.sealed(inner=flipped(p.inner, -1)))), "E01", EVERY),
    *esp("replies without a checksum", sends(lambda p: p.sealed(inner=p.inner[:22] + bytes(2) + p.inner[24:])), "E01",
         (AEAD, MAC)),
    *esp("a reply that does not add up in transport mode", sends(nth(3, lambda p: p.sealed(
        inner=flipped(p.inner, 2)))), "E01", (TRANSPORT,)),
    *esp("a reply that is a fragment", sends(nth(3, lambda p: p.sealed(
        inner=summed(p.inner[:6] + b"\x20\0" + p.inner[8:])))), "E01", EVERY),
    *esp("a reply with a code", sends(nth(3, lambda p: p.sealed(
        inner=p.inner[:20] + summed_message(p.inner[20:21] + b"\1" + p.inner[22:])))), "E01", (AEAD, MAC)),
    *esp("a reply from another host", sends(other_reply(destination="10.99.0.9")), "E01", (AEAD, MAC)),
    *[Misbehaviour(f"a reply in clear, {role.other.value}", role, "E01", EVERY, after=in_clear) for role in Role],
    # Extended sequence numbers (section 2.2.1), ESP without UDP (RFC 7296 section 2.23).
    *esp("the high half is left out of the checksum", sends(without_high_half), "E03", (ESN, ESN_MAC)),
    *esp("no ESP without UDP", answers(lambda _tunnel, _packet, _number: None), "B46", (BARE,), 0),
]  # fmt: skip

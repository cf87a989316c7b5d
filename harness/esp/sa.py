"""One direction of a Child SA: seal and open ESP packets with its keys (RFC 4303 sections 3.3 and 3.4)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from harness.crypto.protection import Protection
from harness.crypto.random_source import Rng
from harness.esp.errors import MalformedPacket, SequenceExhausted
from harness.esp.packet import EspPacket, InnerPacket, add_trailer, remove_trailer
from harness.esp.replay import DEFAULT_WINDOW, ReplayWindow


@dataclass(frozen=True, slots=True)
class EspSa:
    """The keys of one direction, without state: any packet, in any order, with the sequence number as an argument.

    ``spi`` is the receiver's; ``encryption_key`` includes an AEAD's salt; ``esn`` selects 64-bit sequence numbers, of
    which the low half is transmitted.
    """

    spi: int
    protection: Protection
    encryption_key: bytes = field(repr=False)
    integrity_key: bytes = field(repr=False)
    esn: bool = False

    def seal(self, inner: bytes, next_header: int, sequence: int, iv: bytes) -> bytes:
        """The ESP packet that carries ``inner`` (RFC 4303 section 3.3)."""
        plaintext = add_trailer(inner, next_header, self.protection.block_octets)
        associated, trailer = self._authenticated(sequence)
        sealed = self.protection.seal(self.encryption_key, self.integrity_key, iv, associated, plaintext, trailer)
        return EspPacket(self.spi, sequence & 0xFFFFFFFF, iv, sealed).to_bytes()

    def parse(self, packet: bytes) -> EspPacket:
        """Take a packet of this SA apart.

        Raises:
            MalformedPacket: too short, or of another SPI.
        """
        parsed = EspPacket.parse(packet, self.protection.iv_octets, self.protection.icv_octets)
        if parsed.spi != self.spi:
            raise MalformedPacket(f"SPI {parsed.spi:08x} is not this SA's, {self.spi:08x}")
        return parsed

    def open(self, packet: EspPacket, sequence: int) -> InnerPacket:
        """What ``packet`` carries, if it was sealed under the (possibly 64-bit) number ``sequence``.

        Raises:
            IntegrityError: the ICV does not verify.
            MalformedPacket: it verifies, but its trailer is impossible.
        """
        associated, trailer = self._authenticated(sequence)
        plaintext = self.protection.open(
            self.encryption_key, self.integrity_key, packet.iv, associated, packet.sealed, trailer
        )
        return remove_trailer(plaintext, sequence)

    def _authenticated(self, sequence: int) -> tuple[bytes, bytes]:
        """What goes before and behind the ciphertext into the ICV.

        An AEAD takes SPI and the whole sequence number in front (RFC 4106 section 5, RFC 7634 section 2.1); with a MAC
        the high half of an extended one comes last (RFC 4303 section 2.2.1).
        """
        if not self.esn:
            return struct.pack("!II", self.spi, sequence), b""
        if self.protection.integrity_key_octets == 0:
            return struct.pack("!IQ", self.spi, sequence), b""
        high, low = sequence >> 32, sequence & 0xFFFFFFFF
        return struct.pack("!II", self.spi, low), struct.pack("!I", high)


class Outbound:
    """The sender's side: sequence numbers from 1, never twice (RFC 4303 section 3.3.3)."""

    def __init__(self, sa: EspSa) -> None:
        self.sa = sa
        self.sequence = 0  # of the last packet sent

    def seal(self, inner: bytes, next_header: int, rng: Rng) -> bytes:
        """The next packet of the SA, carrying ``inner``.

        Raises:
            SequenceExhausted: the number would cycle.
        """
        if self.sequence + 1 >= 1 << (64 if self.sa.esn else 32):
            raise SequenceExhausted(f"SA {self.sa.spi:08x} has sent its last packet: it must be rekeyed")
        self.sequence += 1
        return self.sa.seal(inner, next_header, self.sequence, self._iv(rng))

    def _iv(self, rng: Rng) -> bytes:
        """A counter where uniqueness is all that is asked (RFC 4106 section 3.1), else unpredictable octets."""
        octets = self.sa.protection.iv_octets
        return self.sequence.to_bytes(octets, "big") if self.sa.protection.iv_may_be_counter else rng(octets)


class Inbound:
    """The receiver's side: anti-replay around the keys of the SA (RFC 4303 section 3.4.3)."""

    def __init__(self, sa: EspSa, window: int = DEFAULT_WINDOW) -> None:
        self.sa = sa
        self.window = ReplayWindow(window)

    def open(self, packet: bytes) -> InnerPacket:
        """What ``packet`` carries; only a packet that it returns moves the window.

        Raises:
            MalformedPacket: too short, of another SPI, or with an impossible trailer.
            ReplayedPacket: seen before, or left of the window.
            IntegrityError: the ICV does not verify.
        """
        parsed = self.sa.parse(packet)
        sequence = self.window.infer(parsed.sequence) if self.sa.esn else parsed.sequence
        self.window.check(sequence)
        inner = self.sa.open(parsed, sequence)
        self.window.accept(sequence)
        return inner

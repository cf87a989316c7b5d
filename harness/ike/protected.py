"""Sealing and opening messages with SK and SKF; the octets that IntAuth covers (RFC 7296 3.14, RFC 7383, RFC 9242)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.crypto.errors import IntegrityError
from harness.crypto.key_schedule import IkeKeys
from harness.crypto.protection import Protection
from harness.crypto.random_source import Rng
from harness.registry.messages import PayloadType
from harness.wire.chain import first_type, parse_chain, write_chain
from harness.wire.errors import need
from harness.wire.message import HEADER_OCTETS, Header, Message
from harness.wire.payload import GENERIC_HEADER, Payload
from harness.wire.payloads import Encrypted, EncryptedFragment

_FRAGMENT = struct.Struct(">HH")
_SK_HEADER_OCTETS, _SKF_HEADER_OCTETS = 4, 8


@dataclass(frozen=True, slots=True)
class Sealed:
    """A protected message: the octets of one message or of each fragment, and what IntAuth covers of it."""

    messages: tuple[bytes, ...]
    a: bytes = field(repr=False)
    p: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted message, reassembled if it came in fragments; ``outer`` are the payloads in front of SK."""

    header: Header
    outer: tuple[Payload, ...]
    inner: tuple[Payload, ...]
    octets: tuple[int, ...]  # of each IKE message or fragment that carried it
    a: bytes = field(repr=False)
    p: bytes = field(repr=False)

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """All payloads, the ones inside SK last."""
        return self.outer + self.inner


@dataclass(frozen=True, slots=True)
class SecureChannel:
    """The keys of one generation and one direction: what the initiator sends, or what the responder sends."""

    protection: Protection
    sk_e: bytes = field(repr=False)
    sk_a: bytes = field(repr=False)

    @classmethod
    def of(cls, protection: Protection, keys: IkeKeys, from_initiator: bool) -> SecureChannel:
        """SK_ei and SK_ai for the original initiator's messages, SK_er and SK_ar for the responder's (section 1.2)."""
        if from_initiator:
            return cls(protection, keys.sk_ei, keys.sk_ai)
        return cls(protection, keys.sk_er, keys.sk_ar)

    def seal(self, header: Header, inner: Sequence[Payload], rng: Rng, limit: int | None) -> Sealed:
        """Protect a chain of payloads; ``limit`` is the largest IKE message in octets, None never fragments."""
        plain, first = write_chain(inner), first_type(inner)
        a = int_auth_header(header, (), first, 0, len(plain))
        whole = HEADER_OCTETS + _SK_HEADER_OCTETS + self._sealed_octets(len(plain))
        if limit is None or whole <= limit:
            return Sealed((self._seal_one(header, first, plain, rng),), a, plain)
        return Sealed(self._seal_fragments(header, first, plain, rng, limit), a, plain)

    def open(self, message: Message, octets: bytes) -> bytes:
        """The plaintext of the SK or SKF payload that ends ``octets``, without padding.

        Raises:
            IntegrityError: the Integrity Checksum Data does not fit, there is no room for it, or nothing is sealed.
            MalformedMessage: a Pad Length that does not fit, in octets that are authentic.
        """
        sealed = sealed_payload(message)
        if sealed is None:
            raise IntegrityError("a message without an Encrypted payload proves nothing")
        content = sealed.content
        iv_octets = self.protection.iv_octets
        if len(content) < iv_octets + self.protection.icv_octets + 1:
            raise IntegrityError(f"{len(content)} octets cannot hold an IV, a Pad Length and an ICV")
        associated = octets[: len(octets) - len(content)]
        iv, rest = content[:iv_octets], content[iv_octets:]
        padded = self.protection.open(self.sk_e, self.sk_a, iv, associated, rest)
        need(len(padded) > 0 and padded[-1] < len(padded), "SK payload", "a Pad Length that fits", padded[-1:].hex())
        return padded[: len(padded) - 1 - padded[-1]]

    def _sealed_octets(self, plain: int) -> int:
        block = self.protection.block_octets
        return self.protection.iv_octets + -(-(plain + 1) // block) * block + self.protection.icv_octets

    def _seal_one(self, header: Header, first: int, plain: bytes, rng: Rng) -> bytes:
        content = self._sealed_octets(len(plain))
        prefix = header.to_bytes(PayloadType.SK, HEADER_OCTETS + _SK_HEADER_OCTETS + content)
        return self._finish(prefix + GENERIC_HEADER.pack(first, 0, _SK_HEADER_OCTETS + content), plain, rng)

    def _seal_fragments(self, header: Header, first: int, plain: bytes, rng: Rng, limit: int) -> tuple[bytes, ...]:
        room = limit - HEADER_OCTETS - _SKF_HEADER_OCTETS - self.protection.iv_octets - self.protection.icv_octets
        step = room // self.protection.block_octets * self.protection.block_octets - 1
        pieces = [plain[start : start + step] for start in range(0, len(plain), step)]
        fragments = []
        for number, piece in enumerate(pieces, start=1):
            length = _SKF_HEADER_OCTETS + self._sealed_octets(len(piece))
            prefix = header.to_bytes(PayloadType.SKF, HEADER_OCTETS + length)
            # "Next Payload: in the very first fragment the type of the first inner payload, in all others 0" (2.5)
            prefix += GENERIC_HEADER.pack(first if number == 1 else 0, 0, length) + _FRAGMENT.pack(number, len(pieces))
            fragments.append(self._finish(prefix, piece, rng))
        return tuple(fragments)

    def _finish(self, prefix: bytes, plain: bytes, rng: Rng) -> bytes:
        pad = -(len(plain) + 1) % self.protection.block_octets
        iv = rng(self.protection.iv_octets)
        padded = plain + bytes(pad) + bytes((pad,))
        return prefix + iv + self.protection.seal(self.sk_e, self.sk_a, iv, prefix, padded)


def sealed_payload(message: Message) -> Encrypted | EncryptedFragment | None:
    """The SK or SKF payload, which is the last one; None in a message in the clear, or one without any payload."""
    last = message.payloads[-1] if message.payloads else None
    return last if isinstance(last, Encrypted | EncryptedFragment) else None


def int_auth_header(header: Header, outer: Sequence[Payload], first_inner: int, flags: int, plain: int) -> bytes:
    """The octets called A: IKE header, unencrypted payloads and the generic header of SK (RFC 9242 section 3.3.2).

    The IKE header's Length is the length of A plus the ``plain`` octets of P, and SK's Payload Length is 4 plus them,
    so that A does not depend on the cipher; of a fragmented message it is the one of the message before fragmentation.
    """
    sk_header = GENERIC_HEADER.pack(first_inner, flags, _SK_HEADER_OCTETS + plain)
    chain = (
        write_chain([*outer, Encrypted(PayloadType(first_inner), b"", flags=flags)])[:-_SK_HEADER_OCTETS]
        if outer
        else b""
    )
    first = first_type(outer) or PayloadType.SK
    return header.to_bytes(first, HEADER_OCTETS + len(chain) + _SK_HEADER_OCTETS + plain) + chain + sk_header


def opened(header: Header, pieces: Sequence[tuple[Message, bytes]], octets: Sequence[int]) -> Opened:
    """Put decrypted pieces together: one with SK, or all fragments in order of their numbers.

    Raises:
        MalformedMessage: the payloads inside do not parse.
    """
    first_message = pieces[0][0]
    sealed = first_message.payloads[-1]
    outer = first_message.payloads[:-1]
    plain = b"".join([piece for _, piece in pieces])
    a = int_auth_header(header, outer, sealed.next_inside, sealed.flags, len(plain))
    return Opened(header, outer, parse_chain(sealed.next_inside, plain), tuple(octets), a, plain)

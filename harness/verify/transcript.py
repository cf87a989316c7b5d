"""What the wire says: the messages of one IKE SA, decrypted with keys computed again from the recorded secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.crypto.errors import IntegrityError
from harness.crypto.key_schedule import IkeKeys
from harness.esp.encapsulation import DatagramKind, classify
from harness.evidence.model import CapturedDatagram
from harness.ike.protected import Opened, SecureChannel, opened
from harness.registry.messages import ExchangeType
from harness.verify.key_chain import KeyChain
from harness.wire.errors import MalformedMessage
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import EncryptedFragment

NAT_PORT = 4500
_MARKER = bytes(4)
_BARE = (0, 0)  # the ports of ESP without UDP


@dataclass(frozen=True, slots=True)
class Piece:
    """One IKE datagram: a whole message or one fragment."""

    datagram: CapturedDatagram
    octets: bytes = field(repr=False)  # without the non-ESP marker
    message: Message

    @property
    def fragment(self) -> EncryptedFragment | None:
        """The SKF payload, None for a whole message."""
        last = self.message.payloads[-1] if self.message.payloads else None
        return last if isinstance(last, EncryptedFragment) else None


@dataclass(frozen=True, slots=True)
class SeenMessage:
    """One message, each retransmission of it included in ``pieces``."""

    exchange: ExchangeType
    message_id: int
    response: bool
    from_initiator: bool
    pieces: tuple[Piece, ...]
    generation: int | None = None  # of the keys that opened it; None for unprotected or undecryptable messages
    opened: Opened | None = None

    @property
    def protected(self) -> bool:
        """Whether the message has an SK or SKF payload."""
        return self.exchange != ExchangeType.IKE_SA_INIT

    @property
    def readable(self) -> bool:
        """Whether its payloads are known: in the clear, or decrypted."""
        return not self.protected or self.opened is not None

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """The payloads, those inside SK included; without decryption only the outer ones."""
        return self.opened.payloads if self.opened else self.pieces[0].message.payloads

    @property
    def frame(self) -> int:
        """The first frame of the capture that belongs to it."""
        return self.pieces[0].datagram.frame

    @property
    def pointer(self) -> str:
        """Where a reader finds it."""
        return f"wire.pcapng#{self.frame}"

    @property
    def label(self) -> str:
        """As a reader calls it: ``IKE_AUTH response 2``."""
        return f"{self.exchange} {'response' if self.response else 'request'} {self.message_id}"


def is_esp(datagram: CapturedDatagram) -> bool:
    """Whether a captured datagram is ESP: bare, or in UDP on the NAT traversal port."""
    ports = (datagram.source[1], datagram.destination[1])
    in_udp = NAT_PORT in ports and classify(datagram.payload).kind is DatagramKind.ESP
    return ports == _BARE or in_udp


def read_pieces(
    datagrams: Sequence[CapturedDatagram], initiator_spi: bytes
) -> tuple[list[Piece], list[CapturedDatagram]]:
    """IKE datagrams of the IKE SA with this initiator's SPI in order, and those that are no IKE message at all."""
    pieces, malformed = [], []
    for datagram in datagrams:
        ports = (datagram.source[1], datagram.destination[1])
        octets = datagram.payload
        if NAT_PORT in ports:
            if not octets.startswith(_MARKER):
                continue  # ESP, or a keepalive
            octets = octets[len(_MARKER) :]
        elif 500 not in ports:
            continue
        if octets[:8] != initiator_spi:
            continue
        try:
            pieces.append(Piece(datagram, octets, Message.parse(octets)))
        except MalformedMessage:
            malformed.append(datagram)
    return pieces, malformed


def group(pieces: Sequence[Piece]) -> list[SeenMessage]:
    """Pieces to messages, in order of first appearance. Different IKE_SA_INIT messages stay apart, copies do not."""
    groups: dict[object, list[Piece]] = {}
    for piece in pieces:
        header = piece.message.header
        key: tuple[object, ...] = (header.exchange_type, header.message_id, header.is_response, header.from_initiator)
        if header.exchange_type == ExchangeType.IKE_SA_INIT:
            key += (piece.octets,)
        groups.setdefault(key, []).append(piece)
    return [_seen(found) for found in groups.values()]


def _seen(pieces: list[Piece]) -> SeenMessage:
    header = pieces[0].message.header
    return SeenMessage(
        header.exchange_type, header.message_id, header.is_response, header.from_initiator, tuple(pieces)
    )


def decrypt(message: SeenMessage, keys: IkeKeys, chain: KeyChain) -> Opened | None:
    """Open a protected message with one generation of keys; None when they do not fit or fragments are missing."""
    channel = SecureChannel.of(chain.schedule.protection, keys, message.from_initiator)
    try:
        if message.pieces[0].fragment is None:
            piece = message.pieces[0]
            plain = channel.open(piece.message, piece.octets)
            return opened(piece.message.header, [(piece.message, plain)], [len(piece.octets)])
        by_number = _last_set(message.pieces)
        if by_number is None:
            return None
        plains = [(piece.message, channel.open(piece.message, piece.octets)) for piece in by_number]
        return opened(by_number[0].message.header, plains, [len(piece.octets) for piece in by_number])
    except (IntegrityError, MalformedMessage):
        return None


def _last_set(pieces: Sequence[Piece]) -> list[Piece] | None:
    """The fragments 1 to Total of the largest Total that was seen, None when one is missing (RFC 7383 section 2.6)."""
    total = max(piece.fragment.total_fragments for piece in pieces if piece.fragment)
    found = {
        p.fragment.fragment_number: p for p in reversed(pieces) if p.fragment and p.fragment.total_fragments == total
    }
    return [found[number] for number in sorted(found)] if len(found) == total else None

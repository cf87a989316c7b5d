"""What the wire says: the messages of one IKE SA, decrypted with keys computed again from the recorded secrets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

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
_IKE_PORTS = (500, NAT_PORT)
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
    from_initiator: bool  # by the address that it came from, whatever its Initiator flag says
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


class Sorted(NamedTuple):
    """The IKE datagrams of a capture, sorted."""

    pieces: list[Piece]  # of the IKE SA with the initiator's SPI that was asked for
    malformed: list[CapturedDatagram]  # no IKE message at all
    strangers: list[Piece]  # of another IKE SA


def read_pieces(datagrams: Sequence[CapturedDatagram], initiator_spi: bytes, engine_address: str = "") -> Sorted:
    """What goes over the ports of IKE, in order.

    With ``engine_address`` only our own two ports count: the half-open IKE SAs that prepare a case leave from others.
    """
    found = Sorted([], [], [])
    for datagram in datagrams:
        octets = _ike_octets(datagram)
        if octets is None:
            continue
        ours = [port for address, port in (datagram.source, datagram.destination) if address == engine_address]
        mine = octets[:8] == initiator_spi
        if not mine and not set(ours) & set(_IKE_PORTS):
            continue
        try:
            piece = Piece(datagram, octets, Message.parse(octets))
        except MalformedMessage:
            found.malformed.append(datagram)
            continue
        (found.pieces if mine else found.strangers).append(piece)
    return found


def _ike_octets(datagram: CapturedDatagram) -> bytes | None:
    """The IKE message without the non-ESP marker; None for ESP, a keepalive, and other ports (RFC 3948 section 2)."""
    ports = (datagram.source[1], datagram.destination[1])
    if NAT_PORT in ports:
        marked = datagram.payload.startswith(_MARKER)
        return datagram.payload[len(_MARKER) :] if marked else None
    return datagram.payload if _IKE_PORTS[0] in ports else None


def group(pieces: Sequence[Piece], initiator_address: str = "") -> list[SeenMessage]:
    """Pieces to messages, in order of first appearance. Different IKE_SA_INIT messages stay apart, copies do not.

    Who sent a message follows from its source address; without the initiator's it is the sender of the first message.
    """
    first = initiator_address or (pieces[0].datagram.source[0] if pieces else "")
    groups: dict[object, list[Piece]] = {}
    for piece in pieces:
        header, by_initiator = piece.message.header, piece.datagram.source[0] == first
        key: tuple[object, ...] = (header.exchange_type, header.message_id, header.is_response, by_initiator)
        if header.exchange_type == ExchangeType.IKE_SA_INIT:
            key += (piece.octets,)
        groups.setdefault(key, []).append(piece)
    return [_seen(found, first) for found in groups.values()]


def _seen(pieces: list[Piece], initiator_address: str) -> SeenMessage:
    header, by_initiator = pieces[0].message.header, pieces[0].datagram.source[0] == initiator_address
    return SeenMessage(header.exchange_type, header.message_id, header.is_response, by_initiator, tuple(pieces))


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

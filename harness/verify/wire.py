"""What the wire says: datagrams to the messages of one IKE SA, opened with keys that are computed again.

Nothing here looks at the keys that the engine recorded: they are compared with these. Nor is anything of the engine's
used to open a message, so that two readers must agree (RFC 7296 section 3.14, RFC 7383, RFC 9242 section 3.3.2).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from harness.crypto.errors import IntegrityError
from harness.crypto.protection import Protection
from harness.evidence.model import CapturedDatagram
from harness.policy.proposals import Suite
from harness.registry.algorithms import Algorithm
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Pointer
from harness.verify.keys import KeyChain
from harness.wire import ports
from harness.wire.chain import parse_chain
from harness.wire.errors import MalformedMessage
from harness.wire.message import HEADER_OCTETS, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Encrypted, EncryptedFragment, KeyExchange, Nonce, Notify, SecurityAssociation

_NEXT_PAYLOAD, _VERSION, _LENGTH = 16, 17, 24  # where they are in the IKE header
_SPI = 8  # octets
_IKEV1 = b"\x10"
_GENERIC = 4  # octets: Next Payload, flags, Payload Length

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Opened:
    """A decrypted message, put together if it came in fragments, and the octets that IntAuth covers of it."""

    outer: tuple[Payload, ...]  # in front of SK
    inner: tuple[Payload, ...]
    a: bytes = field(repr=False)
    p: bytes = field(repr=False)
    malformed: str = ""  # why what is inside SK is no chain of payloads; ``inner`` is empty then

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """All payloads, the ones inside SK last."""
        return self.outer + self.inner


def sealed_payload(message: Message) -> Encrypted | EncryptedFragment | None:
    """The SK or SKF payload, which is the last one; None in a message in the clear, or one without any payload."""
    last = message.payloads[-1] if message.payloads else None
    return last if isinstance(last, Encrypted | EncryptedFragment) else None


@dataclass(frozen=True, slots=True)
class Piece:
    """One IKE datagram: a whole message or one fragment."""

    datagram: CapturedDatagram
    octets: bytes = field(repr=False)  # without the non-ESP marker
    message: Message
    ike_sa: bytes = b""  # what tells its IKE SA from others where the initiator's SPI does not

    @property
    def fragment(self) -> EncryptedFragment | None:
        """The SKF payload, None for a whole message."""
        sealed = sealed_payload(self.message)
        return sealed if isinstance(sealed, EncryptedFragment) else None


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
    def ike_sa(self) -> bytes:
        """What no other IKE SA between the two has: the initiator's SPI, unless the initiator has used it twice."""
        first = self.pieces[0]
        return first.ike_sa or first.octets[:_SPI]

    @property
    def sealed(self) -> bool:
        """Whether it came with an SK or SKF payload; in clear, anybody may have sent it."""
        return sealed_payload(self.pieces[0].message) is not None

    @property
    def fragmented(self) -> bool:
        """Whether a copy of it came in fragments: a sender may begin with that when it repeats a request."""
        return any(piece.fragment is not None for piece in self.pieces)

    @property
    def protected(self) -> bool:
        """Whether its exchange asks for an SK or SKF payload."""
        return self.exchange != ExchangeType.IKE_SA_INIT

    @property
    def readable(self) -> bool:
        """Whether its payloads are known: in the clear, or decrypted and parsed."""
        return not self.protected or (self.opened is not None and not self.opened.malformed)

    @property
    def payloads(self) -> tuple[Payload, ...]:
        """The payloads, those inside SK included; without decryption only the outer ones."""
        return self.opened.payloads if self.opened else self.pieces[0].message.payloads

    @property
    def frame(self) -> int:
        """The first frame of the capture that belongs to it."""
        return self.pieces[0].datagram.frame

    @property
    def pointer(self) -> Pointer:
        """Where a reader finds it."""
        return Pointer.to_frame(self.frame)

    @property
    def label(self) -> str:
        """As a reader calls it: ``IKE_AUTH response 2``."""
        return f"{self.exchange} {'response' if self.response else 'request'} {self.message_id}"


def is_esp(datagram: CapturedDatagram) -> bool:
    """Whether a captured datagram is ESP: bare, or in UDP on the NAT traversal port."""
    return ports.is_esp(_ports(datagram), datagram.payload)


def is_unmarked(datagram: CapturedDatagram) -> bool:
    """Whether it is an IKE message on the NAT traversal port without the non-ESP marker."""
    return ports.is_unmarked(_ports(datagram), datagram.payload)


def _ports(datagram: CapturedDatagram) -> ports.Ports:
    return datagram.source[1], datagram.destination[1]


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
        octets = ports.ike_octets(_ports(datagram), datagram.payload)
        if is_unmarked(datagram):
            found.malformed.append(datagram)
        if octets is None:
            continue
        ours = [port for address, port in (datagram.source, datagram.destination) if address == engine_address]
        mine = octets[:8] == initiator_spi
        if not mine and not set(ours) & set(ports.IKE_PORTS):
            continue
        try:
            piece = Piece(datagram, octets, Message.parse(octets))
        except MalformedMessage:
            found.malformed.append(datagram)
            continue
        (found.pieces if mine else found.strangers).append(piece)
    return found


def pieces_by_sa(
    datagrams: Sequence[CapturedDatagram], malformed: list[CapturedDatagram] | None = None
) -> dict[bytes, list[Piece]]:
    """The IKE messages of a capture by the initiator's SPI, the first IKE SA in front; others go to ``malformed``."""
    found: dict[bytes, list[Piece]] = {}
    for datagram in datagrams:
        octets = ports.ike_octets(_ports(datagram), datagram.payload)
        if malformed is not None and is_unmarked(datagram):
            malformed.append(datagram)
        if octets is None:
            continue
        try:
            found.setdefault(octets[:8], []).append(Piece(datagram, octets, Message.parse(octets)))
        except MalformedMessage:
            if malformed is not None:
                malformed.append(datagram)
    return found


def why_malformed(datagram: CapturedDatagram) -> str:
    """What keeps a datagram on a port of IKE from being a message; "" for IKEv1, which is another protocol."""
    if is_unmarked(datagram):
        return "it has no non-ESP marker"
    octets = ports.ike_octets(_ports(datagram), datagram.payload) or b""
    try:
        Message.parse(octets)
    except MalformedMessage as error:
        return "" if octets[_VERSION : _VERSION + 1] == _IKEV1 else str(error)
    return ""


def group(pieces: Sequence[Piece], initiator_address: str = "") -> list[SeenMessage]:
    """Pieces to messages, in order of first appearance. Different IKE_SA_INIT messages stay apart, copies do not.

    What is in clear is no copy of what is sealed: anybody can send it.
    Who sent a message follows from its source address; without the initiator's it is the sender of the first message.
    """
    first = initiator_address or (pieces[0].datagram.source[0] if pieces else "")
    groups: dict[object, list[Piece]] = {}
    for piece in pieces:
        header, by_initiator = piece.message.header, piece.datagram.source[0] == first
        key: tuple[object, ...] = (header.exchange_type, header.message_id, header.is_response, by_initiator)
        if header.exchange_type == ExchangeType.IKE_SA_INIT or sealed_payload(piece.message) is None:
            key += (piece.octets,)
        groups.setdefault(key, []).append(piece)
    return [_seen(found, first) for found in groups.values()]


def _seen(pieces: list[Piece], initiator_address: str) -> SeenMessage:
    header, by_initiator = pieces[0].message.header, pieces[0].datagram.source[0] == initiator_address
    return SeenMessage(header.exchange_type, header.message_id, header.is_response, by_initiator, tuple(pieces))


def final_init(messages: Iterable[SeenMessage]) -> tuple[SeenMessage | None, SeenMessage | None]:
    """The IKE_SA_INIT request and response that count: the response has a nonce, so has the request before it.

    A new request comes after an answer that asks for one (a cookie, another method). Without that, what differs is a
    repetition with other octets: the first one is answered.
    """
    init = [message for message in messages if message.exchange == ExchangeType.IKE_SA_INIT]
    responses = [message for message in init if message.response]
    response = next((m for m in responses if _has_nonce(m)), None)
    if response is None:
        return None, None
    asked = max((m.frame for m in responses if m.frame < response.frame), default=0)
    before = [m for m in init if not m.response and _has_nonce(m) and m.frame < response.frame]
    after = [m for m in before if m.frame > asked]
    return next(iter(after or before[-1:]), None), response


def _has_nonce(message: SeenMessage) -> bool:
    return any(isinstance(payload, Nonce) for payload in message.payloads)


def decrypt(message: SeenMessage, chain: KeyChain, generation: int) -> Opened | None:
    """Open a protected message with one generation of keys; None when they do not fit or fragments are missing."""
    sk_e, sk_a, _ = chain.generations[generation].of(initiator=message.from_initiator)
    return open_message([(piece.message, piece.octets) for piece in message.pieces], chain.protection, sk_e, sk_a)


def open_message(
    copies: Iterable[tuple[Message, bytes]], cipher: Protection, sk_e: bytes, sk_a: bytes
) -> Opened | None:
    """The message that came whole or in fragments, each perhaps more than once; None where these keys open none."""
    pieces = _authentic(copies, cipher, sk_e, sk_a)
    return None if pieces is None else _put_together(pieces)


def _authentic(
    copies: Iterable[tuple[Message, bytes]], cipher: Protection, sk_e: bytes, sk_a: bytes
) -> list[tuple[Message, bytes, bytes]] | None:
    """The pieces of a whole message in order, each with its plaintext; None where there is none under these keys.

    What is not authentic counts as not received. A set of fragments with a larger Total Fragments replaces the one
    before (RFC 7383 section 2.6).
    """
    fragments: dict[int, tuple[Message, bytes, bytes]] = {}
    total = 0
    for message, octets in copies:
        sealed = sealed_payload(message)
        if isinstance(sealed, EncryptedFragment):
            number, of = sealed.fragment_number, sealed.total_fragments
            if not 1 <= number <= of or of < total or (of == total and number in fragments):
                continue
        elif sealed is None:
            continue
        plain = _plain(sealed, octets, cipher, sk_e, sk_a)
        if plain is None:
            continue
        if isinstance(sealed, Encrypted):
            return [(message, octets, plain)]
        if sealed.total_fragments > total:
            fragments, total = {}, sealed.total_fragments
        fragments[sealed.fragment_number] = message, octets, plain
        if len(fragments) == total:
            return [fragments[number] for number in sorted(fragments)]
    return None


def _plain(
    sealed: Encrypted | EncryptedFragment, octets: bytes, cipher: Protection, sk_e: bytes, sk_a: bytes
) -> bytes | None:
    """What one SK or SKF payload holds, without padding; None where it is not authentic."""
    content = sealed.content
    iv, ciphertext = content[: cipher.iv_octets], content[cipher.iv_octets :]
    if len(ciphertext) <= cipher.icv_octets:  # no room for the Pad Length
        return None
    try:
        padded = cipher.open(sk_e, sk_a, iv, octets[: len(octets) - len(content)], ciphertext)
    except IntegrityError:
        return None
    rest = len(padded) - 1 - padded[-1]
    return padded[:rest] if rest >= 0 else None


def _put_together(pieces: Sequence[tuple[Message, bytes, bytes]]) -> Opened:
    message, octets, _ = pieces[0]
    plain = b"".join(plain for _, _, plain in pieces)
    sealed = message.payloads[-1]
    inner: tuple[Payload, ...] = ()
    malformed = ""
    try:
        inner = parse_chain(sealed.next_inside, plain)
    except MalformedMessage as error:
        malformed = str(error)
    return Opened(message.payloads[:-1], inner, _int_auth_a(octets, len(plain)), plain, malformed)


def _int_auth_a(octets: bytes, plain: int) -> bytes:
    """IntAuth_A: from the IKE header to the generic header of SK, both lengths as if P stood there in clear.

    Of a fragmented message it is the one of the message before fragmentation: the payload is SK, not SKF (RFC 9242
    section 3.3.2). ``plain`` is the number of octets of P.
    """
    named_at, at = _NEXT_PAYLOAD, HEADER_OCTETS
    while octets[named_at] not in (PayloadType.SK, PayloadType.SKF):
        named_at, at = at, at + int.from_bytes(octets[at + 2 : at + 4])
    a = bytearray(octets[: at + _GENERIC])
    a[named_at] = PayloadType.SK
    a[_LENGTH:HEADER_OCTETS] = (len(a) + plain).to_bytes(4)
    a[at + 2 : at + _GENERIC] = (_GENERIC + plain).to_bytes(2)
    return bytes(a)


def spelled(suite: Suite) -> str:
    """A suite in words, in the order of transform types: ``ENCR=aes-256-gcm-16, KE=curve25519``."""
    return ", ".join(
        f"{kind.name}={algorithm.name(TransformType(kind))}" for kind, algorithm in suite.transforms.items()
    )


def payload_name(payload: Payload) -> str:
    """A payload as a diagram or a listing names it: ``SA``, ``KE(ml-kem-768)``, ``N(COOKIE)``."""
    if isinstance(payload, Notify):
        return f"N({payload.notify_type})"
    if isinstance(payload, KeyExchange):
        return f"KE({Algorithm(payload.method).name(TransformType.KE)})"
    if payload.type == PayloadType.NONCE:
        return "Nonce"
    return str(payload.type)


def of(message: SeenMessage, kind: type[P]) -> list[P]:
    """The payloads of one class in a message."""
    return [payload for payload in message.payloads if isinstance(payload, kind)]


def has_additional(message: SeenMessage) -> bool:
    """Whether an SA payload of a message holds an additional key exchange (RFC 9370 section 2.2.1), NONE apart."""
    return any(
        transform.type.is_additional_key_exchange and transform.identifier
        for sa in of(message, SecurityAssociation)
        for proposal in sa.proposals
        for transform in proposal.transforms
    )


def names_additional(message: SeenMessage) -> bool:
    """Whether an SA payload of a message holds a transform of type ADDKE1 to ADDKE7, be it NONE alone."""
    proposals = (proposal for sa in of(message, SecurityAssociation) for proposal in sa.proposals)
    return any(transform.type.is_additional_key_exchange for each in proposals for transform in each.transforms)


def announces_intermediate(message: SeenMessage) -> bool:
    """Whether a message has INTERMEDIATE_EXCHANGE_SUPPORTED (RFC 9242 section 3.1)."""
    return any(n.notify_type == NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED for n in of(message, Notify))


def accepts(message: SeenMessage) -> list[SecurityAssociation]:
    """The SA payloads of a message that is no refusal: beside an error notification a response agrees on nothing.

    In a request an error is to be ignored (RFC 7296 section 3.10.1).
    """
    refused = message.response and message.readable and any(n.notify_type.is_error for n in of(message, Notify))
    return [] if refused else of(message, SecurityAssociation)


def answered_suite(answer: SecurityAssociation) -> Suite:
    """The suite in an SA payload of a response; of several transforms of one type the last, which a check forbids."""
    accepted = answer.proposals[0]
    chosen = {
        transform.type: Algorithm(transform.identifier, transform.key_length) for transform in accepted.transforms
    }
    return Suite(accepted.number, chosen)

"""Alterations of what is in clear between two products: headers, IKE_SA_INIT, ports, fragments, repetitions."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pair_builder import HERE, THERE, Pair
from pair_defect_rows import (
    Alter,
    sealed_again,
)

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.verify.pair_view import initiator_spi
from harness.verify.wire import SeenMessage
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import (
    Encrypted,
    EncryptedFragment,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    Unknown,
)

ASK, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
EITHER = "pairs/hybrid-or-classical"
VENDOR = Unknown(PayloadType.VENDOR_ID, b"anybody")
INTERMEDIATE_TOO, FRAGMENTS_TOO = (
    NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED,
    NotifyType.IKEV2_FRAGMENTATION_SUPPORTED,
)
Edit = Callable[[list[Any]], list[Any]]


def sealed(first: PayloadType = PayloadType.SA, octets: int = 240) -> Encrypted:
    """What nobody can read, with room for what any exchange may carry but ML-KEM."""
    return Encrypted(first, os.urandom(octets))


def found(pair: Pair, label: str, *, last: bool = False) -> SeenMessage:
    """The first message of this name, or the last one: each IKE SA has its own numbers."""
    return [message for message in pair.view.messages if message.label == label][-1 if last else 0]


def numbered(pair: Pair, datagrams: Sequence[CapturedDatagram]) -> Pair:
    """A capture of these datagrams, one frame after the other."""
    return pair.with_datagrams(replace(each, frame=frame) for frame, each in enumerate(datagrams, start=1))


def after(pair: Pair, place: CapturedDatagram, *more: CapturedDatagram) -> Pair:
    """More datagrams right behind one of the capture."""
    return numbered(pair, [e for d in pair.wire.datagrams for e in ((d, *more) if d is place else (d,))])


def clear(message: SeenMessage, payloads: Sequence[Any], **header: Any) -> CapturedDatagram:
    """The datagram of a message of IKE_SA_INIT, with other payloads, and other fields of the header."""
    piece = message.pieces[0]
    octets = Message(replace(piece.message.header, **header), tuple(payloads)).to_bytes()
    return replace(piece.datagram, payload=octets)


def edited(edit: Edit, *labels: str) -> Alter:
    """Messages of IKE_SA_INIT with their payloads edited."""

    def alter(pair: Pair) -> Pair:
        for label in labels:
            message = found(pair, label)
            pair = pair.changed(message.pieces[0].datagram, clear(message, edit(list(message.payloads))))
        return pair

    return alter


def lacking(*kinds: NotifyType) -> Edit:
    return lambda payloads: [p for p in payloads if not (isinstance(p, Notify) and p.notify_type in kinds)]


def having(*more: Any) -> Edit:
    return lambda payloads: [*payloads, *more]


def each(kind: type[Any], change: Callable[[Any], Any]) -> Edit:
    """Every payload of one class changed."""
    return lambda payloads: [change(p) if isinstance(p, kind) else p for p in payloads]


def notified(kind: NotifyType, **fields: Any) -> Edit:
    """A notify with other fields."""
    return each(Notify, lambda p: replace(p, **fields) if p.notify_type == kind else p)


def nonce_of(octets: int) -> Edit:
    return each(Nonce, lambda p: replace(p, nonce=(p.nonce * 16)[:octets]))


def proposals(**fields: Any) -> Edit:
    """Every proposal with other fields."""
    return each(SecurityAssociation, lambda p: replace(p, proposals=tuple(replace(q, **fields) for q in p.proposals)))


def numbered_wrongly(payloads: list[Any]) -> list[Any]:
    """Proposals 1 and 3."""
    change = each(
        SecurityAssociation,
        lambda p: replace(p, proposals=tuple(replace(q, number=2 * q.number - 1) for q in p.proposals)),
    )
    return change(payloads)


def same_nonce(pair: Pair) -> Pair:
    """Nr is Ni."""
    theirs = next(p.nonce for p in found(pair, ASK).payloads if isinstance(p, Nonce))
    return edited(each(Nonce, lambda p: replace(p, nonce=theirs)), ANSWER)(pair)


def header(label: str, *, last: bool = False, flip: int = 0, **fields: Any) -> Alter:
    """Each datagram of a message with other fields in its IKE header, or other flags."""

    def alter(pair: Pair) -> Pair:
        for number in range(len(found(pair, label, last=last).pieces)):
            piece = found(pair, label, last=last).pieces[number]
            flags = piece.message.header.flags ^ flip
            pair = sealed_again(pair, piece, flags=flags, **fields)
        return pair

    return alter


def from_port(label: str, source: int, destination: int, *, last: bool = False) -> Alter:
    """A message between other ports."""

    def alter(pair: Pair) -> Pair:
        piece = found(pair, label, last=last).pieces[0]
        old = piece.datagram
        marker = bytes(4) if 4500 in (source, destination) else b""
        moved = replace(
            old, source=(old.source[0], source), destination=(old.destination[0], destination),
            payload=marker + piece.octets,
        )  # fmt: skip
        return pair.changed(old, moved)

    return alter


def again(label: str, *, spoilt: bool = False, exchanged: bool = False) -> Alter:
    """A message sent twice; the second time with another last octet, or with its answer following again."""

    def alter(pair: Pair) -> Pair:
        old = found(pair, label).pieces[0].datagram
        payload = old.payload[:-1] + bytes([old.payload[-1] ^ spoilt])
        behind = found(pair, label.replace("request", "response")).pieces[0].datagram
        copies = replace(old, payload=payload), *([behind] if exchanged else [])
        return after(pair, behind, *copies)

    return alter


def second_answer(pair: Pair) -> Pair:
    """IKE_SA_INIT is repeated, and the second answer has another nonce."""
    request, answer = (found(pair, label) for label in (ASK, ANSWER))
    other = clear(answer, each(Nonce, lambda p: replace(p, nonce=p.nonce[::-1]))(list(answer.payloads)))
    return after(pair, answer.pieces[0].datagram, request.pieces[0].datagram, other)


def other_question(pair: Pair) -> Pair:
    """The IKE_SA_INIT request is repeated with one payload more, and nobody asked for it."""
    request = found(pair, ASK)
    return after(pair, request.pieces[0].datagram, clear(request, [*request.payloads, VENDOR]))


def too_early(exchange: ExchangeType) -> Alter:
    """The first request behind an exchange is sent before the response of that exchange is there."""

    def alter(pair: Pair) -> Pair:
        answer = pair.view.find(exchange, response=True)[-1].pieces[0].datagram
        following = next(m for m in pair.view.messages if not m.response and m.frame > answer.frame)
        request = following.pieces[0].datagram
        rest = [d for d in pair.wire.datagrams if d is not request]
        at = rest.index(answer)
        return numbered(pair, [*rest[:at], request, *rest[at:]])

    return alter


def late_intermediate(pair: Pair) -> Pair:
    """An IKE_INTERMEDIATE exchange after IKE_AUTH, before the deletion."""
    ends = [found(pair, f"INFORMATIONAL {kind} 3") for kind in ("request", "response")]
    more = [e.pieces[0] for e in ends]
    for end in reversed(ends):
        pair = sealed_again(pair, end.pieces[0], message_id=4)
    extra = []
    for piece in more:
        octets = Message(replace(piece.message.header, exchange_type=ExchangeType.IKE_INTERMEDIATE),
                         piece.message.payloads).to_bytes()  # fmt: skip
        extra.append(replace(piece.datagram, payload=bytes(4) + octets))
    return after(pair, found(pair, "IKE_AUTH response 2").pieces[0].datagram, *extra)


def in_the_old_ike_sa(pair: Pair) -> Pair:
    """What came in the last IKE SA goes on in the one before, as if the rekey had led to none."""
    last = initiator_spi(pair.view.messages[-1])
    moved = [message for message in pair.view.messages if initiator_spi(message) == last]
    before = [message for message in pair.view.messages if initiator_spi(message) != last][-1]
    for message in moved:
        number = before.message_id + 1 + message.message_id
        old = before.pieces[0].message.header
        spis = {"initiator_spi": old.initiator_spi, "responder_spi": old.responder_spi}
        pair = sealed_again(pair, message.pieces[0], message_id=number, **spis)
    return pair


def same_vector(pair: Pair) -> Pair:
    """The last response has the initialization vector of the IKE_AUTH response."""
    first = next(m for m in pair.view.messages if m.response and m.exchange == ExchangeType.IKE_AUTH)
    piece = pair.view.messages[-1].pieces[0]
    vector = first.pieces[0].message.payloads[-1].content[:8]  # type: ignore[attr-defined]
    own = piece.message.payloads[-1].content  # type: ignore[attr-defined]
    return pair.changed(
        piece.datagram, replace(piece.datagram, payload=piece.datagram.payload.replace(own, vector + own[8:]))
    )


def unsealed(pair: Pair) -> Pair:
    """The IKE_INTERMEDIATE request carries its KE payload in clear."""
    message = found(pair, "IKE_INTERMEDIATE request 1")
    ke = KeyExchange(KeyExchangeMethod.ML_KEM_768, bytes(1184))
    return pair.changed(message.pieces[0].datagram, clear(message, [ke]))


FRAGMENTED = "IKE_INTERMEDIATE {} 5"


def fragment(kind: str, number: int, *, outside: bool = False, **fields: Any) -> Alter:
    """One fragment of a message with other fields of SKF, or with a payload in front of it."""

    def alter(pair: Pair) -> Pair:
        piece = found(pair, FRAGMENTED.format(kind)).pieces[number - 1]
        skf = piece.message.payloads[-1]
        assert isinstance(skf, EncryptedFragment)
        front = (VENDOR,) if outside else ()
        octets = Message(piece.message.header, (*front, replace(skf, **fields))).to_bytes()
        return pair.changed(piece.datagram, replace(piece.datagram, payload=octets))

    return alter


def one_more_fragment(number: int, total: int) -> Alter:
    """A fragment of this number behind those of the request, which are all there."""

    def alter(pair: Pair) -> Pair:
        piece = found(pair, FRAGMENTED.format("request")).pieces[-1]
        skf = piece.message.payloads[-1]
        assert isinstance(skf, EncryptedFragment)
        inner = PayloadType.KE if number == 1 else PayloadType.NO_NEXT_PAYLOAD
        other = replace(skf, first_inner=inner, fragment_number=number, total_fragments=total)
        octets = Message(piece.message.header, (other,)).to_bytes()
        return after(pair, piece.datagram, replace(piece.datagram, payload=octets))

    return alter


def junk(source: str, octets: bytes = b"not an IKE message at all, and longer than a header") -> Alter:
    """A datagram on the ports of IKE that holds no message."""

    def alter(pair: Pair) -> Pair:
        first = pair.wire.datagrams[0]
        other = THERE if source == HERE else HERE
        return after(pair, first, replace(first, source=(source, 500), destination=(other, 500), payload=octets))

    return alter


def stray(source: str, spi: bytes, exchange: ExchangeType, *payloads: Any) -> Alter:
    """A request with an initiator's SPI of no IKE SA, before any rekey."""

    def alter(pair: Pair) -> Pair:
        first = pair.wire.datagrams[1]
        other = THERE if source == HERE else HERE
        octets = Message(Header(spi, bytes(8), exchange, INITIATOR, 0), payloads).to_bytes()
        return after(pair, first, replace(first, source=(source, 500), destination=(other, 500), payload=octets))

    return alter


def another_method(payload: Any) -> Any:
    return replace(payload, method=KeyExchangeMethod.MODP_2048, data=bytes(256))


def critical(payload: Any) -> Any:
    return replace(payload, flags=0x80)


def idle_exchange(pair: Pair) -> Pair:
    """An IKE_INTERMEDIATE exchange without a key exchange before IKE_AUTH, everything behind it counted on."""
    auth = next(m for m in pair.view.messages if m.exchange == ExchangeType.IKE_AUTH)
    number, spi = auth.message_id, auth.pieces[0].octets[:8]
    pieces = {p.datagram.frame: p for m in pair.view.messages for p in m.pieces if m.message_id >= number}
    datagrams: list[CapturedDatagram] = []
    for datagram in pair.wire.datagrams:
        piece = pieces.get(datagram.frame)
        if piece is None or piece.octets[:8] != spi:
            datagrams.append(datagram)
            continue
        if datagram is auth.pieces[0].datagram:
            datagrams += _idle(piece.message.header, datagram, number)
        octets = Message(replace(piece.message.header, message_id=piece.message.header.message_id + 1),
                         piece.message.payloads).to_bytes()  # fmt: skip
        marker = datagram.payload[: -len(piece.octets)]
        datagrams.append(replace(datagram, payload=marker + octets))
    return numbered(pair, datagrams)


def _idle(model: Header, datagram: CapturedDatagram, number: int) -> list[CapturedDatagram]:
    """Its two messages, sealed and empty, on the way of this request."""
    asked = replace(model, exchange_type=ExchangeType.IKE_INTERMEDIATE, message_id=number)
    empty = sealed(PayloadType.NO_NEXT_PAYLOAD, 60)
    there, back = (Message(replace(asked, flags=flags), (empty,)).to_bytes() for flags in (INITIATOR, RESPONSE))
    answer = replace(datagram, payload=back, source=datagram.destination, destination=datagram.source)
    return [replace(datagram, payload=there), answer]


def esp_numbered(change: Callable[[int], int]) -> Alter:
    """The initiator's ESP packets have other sequence numbers."""

    def alter(pair: Pair) -> Pair:
        first = pair.view.sides[0].address
        for packet in pair.view.esp:
            if packet.source[0] == first:
                number = change(int.from_bytes(packet.payload[4:8])).to_bytes(4)
                payload = packet.payload[:4] + number + packet.payload[8:]
                pair = pair.changed(packet, replace(packet, payload=payload))
        return pair

    return alter

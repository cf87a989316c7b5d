"""Alterations of messages between two products: numbers, flags, what SK may hold, demands, ports, one message more."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pair_alterations import ANSWER, ASK, Edit, after, clear, each, edited, found, numbered, sealed
from pair_builder import BEGINS, HERE, THERE, Pair
from pair_defect_rows import Alter, and_then, other_transform

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.verify.wire import SeenMessage
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import KeyExchange, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Transform

Octets = Callable[[bytes], bytes]
MARKER = bytes(4)


def twice(pair: Pair) -> Pair:
    """Both ends of the path were watched, and have the same."""
    end = max(datagram.at for datagram in pair.wire.datagrams) + 1
    return pair.with_evidence(far=pair.wire).with_report(ended=(end, end))


def seen_twice(*steps: Alter) -> Alter:
    return and_then(*steps, twice)


def auth(kind: str) -> Callable[[Pair], str]:
    """The label of the IKE_AUTH message, whatever its number."""
    return lambda pair: next(m.label for m in pair.view.messages if m.label.startswith(f"IKE_AUTH {kind}"))


REQUEST, RESPONSE_TO_IT = auth("request"), auth("response")


def of(label: Callable[[Pair], str], make: Callable[[str], Alter]) -> Alter:
    """What ``make`` does to the message with this label."""
    return lambda pair: make(label(pair))(pair)


def octets(label: str, change: Octets) -> Alter:
    """The IKE octets of a message changed, whatever becomes of its form."""

    def alter(pair: Pair) -> Pair:
        for piece in found(pair, label).pieces:
            marker = piece.datagram.payload[: -len(piece.octets)]
            pair = pair.changed(piece.datagram, replace(piece.datagram, payload=marker + change(piece.octets)))
        return pair

    return alter


def every(which: Callable[[SeenMessage], bool], change: Octets) -> Alter:
    """The same for each message of a kind."""

    def alter(pair: Pair) -> Pair:
        new = {
            piece.datagram.frame: replace(
                piece.datagram, payload=piece.datagram.payload[: -len(piece.octets)] + change(piece.octets)
            )
            for message in pair.view.messages
            if which(message)
            for piece in message.pieces
        }
        return pair.with_datagrams(new.get(datagram.frame, datagram) for datagram in pair.wire.datagrams)

    return alter


def with_number(number: int) -> Octets:
    return lambda message: message[:20] + number.to_bytes(4) + message[24:]


def with_length(more: int) -> Octets:
    return lambda message: message[:24] + (len(message) + more).to_bytes(4) + message[28:]


def holding(label: str, change: Callable[[Any], Any]) -> Alter:
    """The SK payload of a message changed."""

    def alter(pair: Pair) -> Pair:
        piece = found(pair, label).pieces[0]
        message = Message(piece.message.header, (change(piece.message.payloads[-1]),)).to_bytes()
        marker = piece.datagram.payload[: -len(piece.octets)]
        return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + message))

    return alter


def sized(count: int) -> Callable[[Any], Any]:
    """An SK payload with so many octets."""
    return lambda payload: replace(payload, content=os.urandom(count))


def demand(kind: NotifyType, data: bytes, retry: Edit, guess: Edit = list) -> Alter:
    """A first request, a demand, and the request of the capture edited by ``retry``."""

    def alter(pair: Pair) -> Pair:
        request, answer = found(pair, ASK), found(pair, ANSWER)
        asked = clear(answer, [Notify(kind, data)], responder_spi=bytes(8))
        first, again = (clear(request, edit(list(request.payloads))) for edit in (guess, retry))
        return numbered(pair, [first, asked, again, *pair.wire.datagrams[1:]])

    return alter


def cookie(data: bytes = b"cookie", back: bytes | None = None) -> Edit:
    return lambda payloads: [Notify(NotifyType.COOKIE, data if back is None else back), *payloads]


def also_offering(*methods: int) -> Alter:
    """The request has more key exchange methods in each proposal."""
    more = tuple(Transform(TransformType.KE, method) for method in methods)
    with_more = each(
        SecurityAssociation,
        lambda sa: replace(sa, proposals=tuple(replace(p, transforms=(*p.transforms, *more)) for p in sa.proposals)),
    )
    return edited(with_more, ASK)


def guessing(method: KeyExchangeMethod, count: int) -> Edit:
    return each(KeyExchange, lambda _: KeyExchange(method, os.urandom(count)))


def told_of_a_nat(pair: Pair) -> Pair:
    """The source digests of both fit nothing, as behind a NAT."""
    strange = each(
        Notify,
        lambda n: replace(n, data=os.urandom(20)) if n.notify_type == NotifyType.NAT_DETECTION_SOURCE_IP else n,
    )
    return edited(strange, ASK, ANSWER)(pair)


def moved_to_4500(pair: Pair) -> Pair:
    """All that follows IKE_SA_INIT goes from port 4500 to port 4500."""
    for message in [m for m in pair.view.messages if m.protected]:
        for piece in message.pieces:
            old = piece.datagram
            if old.source[1] == 500:
                here, there = (old.source[0], 4500), (old.destination[0], 4500)
                new = replace(old, source=here, destination=there, payload=MARKER + piece.octets)
                pair = pair.changed(old, new)
    return pair


def message_of(pair: Pair, exchange: ExchangeType, number: int, *, initiator: bool, response: bool, last: bool = False,
               payloads: tuple[Any, ...] | None = None) -> CapturedDatagram:  # fmt: skip
    """A message in the first IKE SA, or in the last one, on the ports that its first protected message has."""
    model = [m for m in pair.view.messages if m.protected][-1 if last else 0].pieces[0]
    spis, port = (model.message.header.initiator_spi, model.message.header.responder_spi), model.datagram.source[1]
    flags = (INITIATOR if initiator else 0) | (RESPONSE if response else 0)
    ends = ((HERE, port), (THERE, port)) if initiator else ((THERE, port), (HERE, port))
    inside = (sealed(BEGINS.get(exchange, PayloadType.SA)),) if payloads is None else payloads
    message = Message(Header(*spis, exchange, flags, number), inside).to_bytes()
    marker = MARKER if port == 4500 else b""
    return replace(model.datagram, source=ends[0], destination=ends[1], payload=marker + message)


def one_more(exchange: ExchangeType, number: int, *, initiator: bool, response: bool = False, behind: str = "",
             last: bool = False, times: int = 1, payloads: tuple[Any, ...] | None = None) -> Alter:  # fmt: skip
    """A message more behind another one, or behind the IKE_AUTH response."""

    def alter(pair: Pair) -> Pair:
        place = found(pair, behind or RESPONSE_TO_IT(pair), last=last).pieces[-1].datagram
        more = message_of(pair, exchange, number, initiator=initiator, response=response, last=last, payloads=payloads)
        return after(pair, place, *[replace(more, at=place.at)] * times)

    return alter


def copied(label: Callable[[Pair], str]) -> Alter:
    """A message twice, though it was asked for once."""

    def alter(pair: Pair) -> Pair:
        datagram = found(pair, label(pair)).pieces[0].datagram
        return after(pair, datagram, datagram)

    return alter


def offering(kind: TransformType, identifier: int) -> Alter:
    """The request offers another transform in place of its own."""
    return edited(lambda payloads: list(map(other_transform(kind, identifier), payloads)), ASK)

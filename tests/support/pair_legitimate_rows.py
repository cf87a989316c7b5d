"""What two conforming products may do in what is in clear between them: it costs them nothing."""

from __future__ import annotations

import os
from dataclasses import replace

from pair_alterations import (
    ANSWER,
    ASK,
    FRAGMENTED,
    INTERMEDIATE_TOO,
    VENDOR,
    after,
    again,
    clear,
    each,
    edited,
    found,
    from_port,
    having,
    idle_exchange,
    lacking,
    nonce_of,
    notified,
    numbered,
    one_more_fragment,
    sealed,
    stray,
)
from pair_builder import HERE, SEVEN, THERE, Pair
from pair_defect_rows import CLASSICAL, HYBRID, REKEY, Alter, and_then, sealed_again

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.verify.pair_view import initiator_spi
from harness.wire.message import INITIATOR, RESPONSE, Header, Message
from harness.wire.payloads import EncryptedFragment, KeyExchange, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Transform

NAT = NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP


def once_more(pair: Pair) -> Pair:
    """An IKE_INTERMEDIATE exchange that no additional key exchange asks for."""
    found = pair.view.find(ExchangeType.IKE_INTERMEDIATE)
    last = max(m.message_id for m in found)
    more: list[CapturedDatagram] = []
    renumbered = pair
    for message in [m for m in pair.view.messages if m.message_id > last]:
        renumbered = sealed_again(renumbered, message.pieces[0], message_id=message.message_id + 1)
    for message in (m for m in found if m.message_id == last):
        again = sealed_again(pair, message.pieces[0], message_id=last + 1)
        more += [d for d in again.wire.datagrams if d not in pair.wire.datagrams]
    at = max(m.frame for m in found)
    first = [d for d in renumbered.wire.datagrams if d.frame <= at]
    return numbered(pair, [*first, *more, *(d for d in renumbered.wire.datagrams if d.frame > at)])


def demanded(kind: NotifyType, data: bytes, *, cookie: bool) -> Alter:
    """The first request is answered by a demand, and sent again as that asks.

    Where another method is wanted, the offer has ECP-256 besides, and the first request guesses that one.
    """

    def alter(pair: Pair) -> Pair:
        pair = pair if cookie else edited(each(SecurityAssociation, with_ecp256), ASK)(pair)
        request, answer = found(pair, ASK), found(pair, ANSWER)
        demand = clear(answer, [Notify(kind, data)], responder_spi=bytes(8))
        guessed = each(KeyExchange, lambda _: KeyExchange(KeyExchangeMethod.ECP_256, os.urandom(64)))
        before = clear(request, request.payloads if cookie else guessed(list(request.payloads)))
        front = [Notify(kind, data)] if cookie else []
        retry = clear(request, [*front, *request.payloads])
        return numbered(pair, [before, demand, retry, *pair.wire.datagrams[1:]])

    return alter


def demanded_twice(pair: Pair) -> Pair:
    """A copy of the first request is on its way as the cookie comes, and brings another; the retry comes twice."""
    pair = demanded(NotifyType.COOKIE, b"first", cookie=True)(pair)
    first, demand, retry, *rest = pair.wire.datagrams
    later, again = (replace(each, payload=each.payload.replace(b"first", b"other")) for each in (demand, retry))
    return numbered(pair, [first, demand, first, later, again, again, *rest])


def with_ecp256(offer: SecurityAssociation) -> SecurityAssociation:
    """Each proposal with one method more."""
    more = Transform(TransformType.KE, int(KeyExchangeMethod.ECP_256))
    return replace(offer, proposals=tuple(replace(p, transforms=(*p.transforms, more)) for p in offer.proposals))


def asked_by_the_responder(*numbers: int, answered_at_once: bool = True) -> Alter:
    """After IKE_AUTH the responder asks whether the initiator lives, and is answered."""

    def alter(pair: Pair) -> Pair:
        answer = next(m for m in pair.view.messages if m.response and m.exchange == ExchangeType.IKE_AUTH).pieces[0]
        spis = answer.message.header.initiator_spi, answer.message.header.responder_spi
        way = answer.datagram
        back = replace(way, source=way.destination, destination=way.source)
        inside = (sealed(PayloadType.NOTIFY),)
        asked, told = (
            [replace(d, payload=Message(Header(*spis, ExchangeType.INFORMATIONAL, flags, n), inside).to_bytes())
             for n in numbers]
            for d, flags in ((way, 0), (back, INITIATOR | RESPONSE))
        )  # fmt: skip
        in_turn = [d for both in zip(asked, told, strict=True) for d in both]
        return after(pair, way, *(in_turn if answered_at_once else [*asked, *told]))

    return alter


def rekeyed_by_the_responder(pair: Pair) -> Pair:
    """The responder began the last rekey of the IKE SA, and so is the initiator of the last one."""
    last = initiator_spi(pair.view.messages[-1])
    for message in [m for m in pair.view.messages if initiator_spi(m) == last]:
        piece = message.pieces[0]
        pair = sealed_again(pair, piece, flags=piece.message.header.flags ^ INITIATOR)
    return pair


def in_more_fragments(pair: Pair) -> Pair:
    """A request in a set of two is repeated in a set of three."""
    return and_then(*(one_more_fragment(number, 3) for number in (3, 2, 1)))(pair)


def answered_in_both(pair: Pair) -> Pair:
    """The same, and the answer was on its way: it comes to each of the two sets."""
    pair = in_more_fragments(pair)
    sent = [piece.datagram for piece in found(pair, FRAGMENTED.format("response")).pieces]
    return after(pair, sent[-1], *sent)


def in_fragments_after_a_rekey(pair: Pair) -> Pair:
    """The request that rekeys the IKE SA once more comes in two fragments."""
    message = [m for m in pair.view.messages if m.exchange == ExchangeType.CREATE_CHILD_SA and not m.response][-1]
    piece = message.pieces[0]
    two = (
        EncryptedFragment(PayloadType.SA if number == 1 else PayloadType.NO_NEXT_PAYLOAD, number, 2, os.urandom(60))
        for number in (1, 2)
    )
    sent = [replace(piece.datagram, payload=bytes(4) + Message(piece.message.header, (f,)).to_bytes()) for f in two]
    return numbered(pair, pair.changed(piece.datagram, *sent).wire.datagrams)


LEGITIMATE: list[tuple[str, str, Alter]] = [
    (name, scenario, alter)
    for name, scenarios, alter in (
        ("IKE_INTERMEDIATE without a key exchange", (HYBRID, SEVEN), idle_exchange),
        ("one more IKE_INTERMEDIATE than key exchanges", (HYBRID, SEVEN), once_more),
        ("IKE_INTERMEDIATE although no ADDKE is chosen", (CLASSICAL,), and_then(
            edited(having(Notify(INTERMEDIATE_TOO)), ASK, ANSWER), idle_exchange)),
        ("IKE_INTERMEDIATE announced and left unused", (CLASSICAL, REKEY),
         edited(having(Notify(INTERMEDIATE_TOO)), ASK, ANSWER)),
        ("data in the announcement of IKE_INTERMEDIATE", (HYBRID,),
         edited(notified(INTERMEDIATE_TOO, data=b"later"), ASK)),
        ("no NAT_DETECTION at all", (HYBRID, CLASSICAL), edited(lacking(*NAT), ASK, ANSWER)),
        ("two NAT_DETECTION_SOURCE_IP", (HYBRID,), edited(having(Notify(NAT[0], bytes(20))), ASK)),
        ("fragmentation is not announced and not used", (HYBRID, REKEY),
         edited(lacking(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED), ANSWER)),
        ("a notify of an unknown type, a Vendor ID", (HYBRID, CLASSICAL),
         edited(having(Notify(NotifyType(40999), b"data"), VENDOR), ASK, ANSWER)),
        ("CHILDLESS_IKEV2_SUPPORTED with its protocol", (CLASSICAL,),
         edited(having(Notify(NotifyType.CHILDLESS_IKEV2_SUPPORTED, protocol=Protocol.IKE)), ANSWER)),
        ("nonces of 256 and of 32 octets", (HYBRID,), and_then(
            edited(nonce_of(256), ASK), edited(nonce_of(32), ANSWER))),
        ("a cookie is asked for", (HYBRID, CLASSICAL), demanded(NotifyType.COOKIE, b"cookie", cookie=True)),
        ("a cookie is asked for twice, by a copy of the first request", (HYBRID, CLASSICAL), demanded_twice),
        ("another method is asked for", (HYBRID, CLASSICAL),
         demanded(NotifyType.INVALID_KE_PAYLOAD, (31).to_bytes(2), cookie=False)),
        ("IKE_SA_INIT twice, answered twice alike", (HYBRID, REKEY), again(ASK, exchanged=True)),
        ("IKE_AUTH twice, answered twice alike", (HYBRID,), again("IKE_AUTH request 2", exchanged=True)),
        ("a request twice, answered once", (HYBRID,), again("IKE_INTERMEDIATE request 1")),
        ("the responder asks", (HYBRID, CLASSICAL, REKEY), asked_by_the_responder(0)),
        ("the responder asks twice", (HYBRID,), asked_by_the_responder(0, 1)),
        ("two requests at once, where the window is encrypted", (HYBRID,),
         asked_by_the_responder(0, 1, answered_at_once=False)),
        ("the responder rekeys the IKE SA", (REKEY,), rekeyed_by_the_responder),
        ("the same in more fragments", (SEVEN,), in_more_fragments),
        ("the same in more fragments, answered twice", (SEVEN,), answered_in_both),
        ("fragments after a rekey", (REKEY,), in_fragments_after_a_rekey),
        ("INVALID_SPI outside of any IKE SA", (HYBRID,), stray(
            THERE, bytes(8), ExchangeType.INFORMATIONAL, Notify(NotifyType.INVALID_SPI, bytes(4)))),
        ("a keepalive", (HYBRID, CLASSICAL), lambda p: after(p, p.wire.datagrams[-1], replace(
            p.wire.datagrams[-1], source=(HERE, 4500), destination=(THERE, 4500), payload=b"\xff"))),
        ("the initiator moves to port 4500 with IKE_AUTH", (HYBRID,), and_then(
            from_port("IKE_AUTH request 2", 4500, 4500), from_port("IKE_AUTH response 2", 4500, 4500))),
        ("the initiator asks from a port of its own", (HYBRID, CLASSICAL), and_then(
            from_port(ASK, 40000, 500), from_port(ANSWER, 500, 40000))),
    )
    for scenario in scenarios
]  # fmt: skip

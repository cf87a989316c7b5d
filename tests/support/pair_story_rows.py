"""What only one capture shows, what comes late or anew, and what follows: of two products, as defects and as not.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pair_alterations import ANSWER, ASK, after, edited, found, having, header
from pair_builder import FIRST, HERE, HYBRID_REKEY, SECOND, THERE, Pair
from pair_defect_rows import CLASSICAL, FAIL, HYBRID, REKEY, Alter, PairDefect, and_then, sealed_again
from pair_esp_rows import each_child, esp, more_esp, sent_by, with_number
from pair_form_alterations import REQUEST, RESPONSE_TO_IT, holding, message_of, one_more, seen_twice, sized, twice

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, ESTABLISHED, ChildReport, PeerReport
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Step
from harness.verify.pair_view import initiator_spi
from harness.wire.message import Message
from harness.wire.payloads import EncryptedFragment, Nonce, Notify

INFORMATIONAL, CREATE = ExchangeType.INFORMATIONAL, ExchangeType.CREATE_CHILD_SA
CBC_ICV, CBC_IV, HEADER = 32, 16, 8  # octets: the ESP of these scenarios has aes-256-cbc with hmac-sha2-512-256


def counted_on(number: int) -> Alter:
    """The last exchange of the last IKE SA is numbered so much higher."""

    def alter(pair: Pair) -> Pair:
        last = pair.view.messages[-1]
        same = [m for m in pair.view.messages if initiator_spi(m) == initiator_spi(last)]
        for message in [m for m in same if m.message_id == last.message_id and m.exchange == INFORMATIONAL]:
            pair = sealed_again(pair, message.pieces[0], message_id=message.message_id + number)
        return pair

    return alter


def counting(packet: CapturedDatagram, place: int) -> CapturedDatagram:
    payload = packet.payload[:HEADER] + (place + 7).to_bytes(CBC_IV) + packet.payload[HEADER + CBC_IV :]
    return replace(packet, payload=payload)


def chained(pair: Pair) -> Pair:
    """Each vector is the last block of the ciphertext before."""
    end = b""
    for packet in sent_by(pair, 1):
        payload = packet.payload
        if end:
            payload = payload[:HEADER] + end + payload[HEADER + CBC_IV :]
        pair = pair.changed(packet, replace(packet, payload=payload))
        end = payload[:-CBC_ICV][-CBC_IV:]
    return pair


def one_vector(packet: CapturedDatagram, _place: int) -> CapturedDatagram:
    return replace(packet, payload=packet.payload[:HEADER] + b"\5" * CBC_IV + packet.payload[HEADER + CBC_IV :])


def behind_the_deletion(pair: Pair) -> Pair:
    """The initiator asks twice whether the responder lives, whose answer to the deletion it has."""
    request, answer = pair.view.messages[-2:]
    more = message_of(pair, INFORMATIONAL, request.message_id + 1, initiator=True, response=False)
    place = answer.pieces[0].datagram
    return after(pair, place, *[replace(more, at=place.at + 5)] * 2)


def behind_esp(exchange: ExchangeType) -> Alter:
    """One exchange more between the traffic and the deletion, answered."""

    def alter(pair: Pair) -> Pair:
        deletion = [m for m in pair.view.messages if m.exchange == INFORMATIONAL]
        number, place = deletion[0].message_id, sent_by(pair, 1)[-1]
        for message in deletion:
            pair = sealed_again(pair, message.pieces[0], message_id=number + 1)
        ways = (False, True)
        return after(pair, place, *(message_of(pair, exchange, number, initiator=not r, response=r) for r in ways))

    return alter


def _from_zero(payload: object) -> object:
    proposals = getattr(payload, "proposals", None)
    if proposals is None:
        return payload
    return replace(payload, proposals=tuple(replace(p, number=p.number - 1) for p in proposals))  # type: ignore[type-var]


ROWS: list[PairDefect] = [
    # Vectors of ESP (RFC 3602 section 3).
    PairDefect("ESP vectors count", (CLASSICAL, HYBRID), esp(0, counting), FAIL, FIRST, "E10"),
    PairDefect("ESP vectors are chained", (CLASSICAL, REKEY), chained, FAIL, SECOND, "E10"),
    PairDefect("one ESP vector for all", (CLASSICAL, HYBRID), esp(0, one_vector), FAIL, FIRST, "E10"),
    # Numbers (RFC 7296 section 2.2).
    PairDefect("three numbers are left out, in both captures", (HYBRID, CLASSICAL), seen_twice(counted_on(3)),
               FAIL, FIRST, "B22"),
    PairDefect("a rekeyed IKE SA begins with number 1", (HYBRID_REKEY,), seen_twice(counted_on(1)),
               FAIL, FIRST, "B22"),
    PairDefect("INFORMATIONAL has the number of IKE_AUTH", (HYBRID, CLASSICAL), lambda p: one_more(
        INFORMATIONAL, int(REQUEST(p).split()[-1]), initiator=True)(p), FAIL, FIRST, "B22"),
    # What a Child SA alone has (RFC 7296 sections 1.3.1, 2.22).
    *(
        PairDefect(f"{kind.name} in {label}", (HYBRID, CLASSICAL), edited(having(Notify(kind, data)), label),
                   FAIL, party, rule)
        for kind, data, rule in (
            (NotifyType.IPCOMP_SUPPORTED, b"\1\2\2", "B63"),)
        for label, party in ((ASK, FIRST), (ANSWER, SECOND))
    ),
    # What is over (RFC 7296 sections 1.2, 1.4.1), and whose message has the wrong exchange type.
    PairDefect("a request behind the answered deletion", (HYBRID, CLASSICAL), behind_the_deletion, FAIL, FIRST, "B29"),
    PairDefect("IKE_AUTH once more behind ESP", (HYBRID, CLASSICAL), behind_esp(ExchangeType.IKE_AUTH),
               FAIL, FIRST, "B54"),
    PairDefect("the deletion is asked for by IKE_AUTH", (HYBRID, CLASSICAL), lambda p: header(
        [m.label for m in p.view.messages if not m.response][-1], exchange_type=ExchangeType.IKE_AUTH)(p),
        FAIL, FIRST, "B60"),
    # The answer is measured by no offer that is misnumbered itself.
    PairDefect("proposals from 0, and number 1 is chosen", (HYBRID, CLASSICAL), edited(
        lambda payloads: [_from_zero(each) for each in payloads], ASK), FAIL, FIRST, "B07"),
]  # fmt: skip


def begun_anew(side: str) -> Alter:
    """Once all is deleted a side begins another IKE SA, and tells of it; nobody answers."""

    def alter(pair: Pair) -> Pair:
        old, last = found(pair, ASK), pair.wire.datagrams[-1]
        payloads = tuple(replace(p, nonce=os.urandom(32)) if isinstance(p, Nonce) else p for p in old.payloads)
        header = replace(old.pieces[0].message.header, initiator_spi=os.urandom(8))
        first = replace(old.pieces[0].datagram, payload=Message(header, payloads).to_bytes(), at=last.at + 0.01)
        if side == "responder":
            first = replace(first, source=first.destination, destination=first.source)
        sa = replace(
            pair.reported(ESTABLISHED, side).sas[0], initiator=True, initiator_spi=header.initiator_spi.hex(),
            responder_spi="00" * 8, state="CONNECTING", children=(),
        )  # fmt: skip
        return after(pair, last, first).with_step(DELETED, **{side: PeerReport("1", (sa,), "[]")})

    return alter


def made_later(pair: Pair) -> Pair:
    """The Child SA is refused in IKE_AUTH, and made by a CREATE_CHILD_SA exchange."""
    label = RESPONSE_TO_IT(pair)
    number = int(label.split()[-1]) + 1
    pair = holding(label, sized(88))(pair)
    exchange = [message_of(pair, CREATE, number, initiator=not answer, response=answer) for answer in (False, True)]
    for message in [m for m in pair.view.messages if m.exchange == INFORMATIONAL]:
        pair = sealed_again(pair, message.pieces[0], message_id=message.message_id + 1)
    return after(pair, found(pair, label).pieces[0].datagram, *exchange)


def in_one_fragment(pair: Pair) -> Pair:
    """The empty answer to the deletion comes as fragment 1 of 1."""
    piece = pair.view.messages[-1].pieces[0]
    content = piece.message.payloads[-1].content  # type: ignore[attr-defined]
    alone = EncryptedFragment(PayloadType.NO_NEXT_PAYLOAD, 1, 1, content)
    marker = piece.datagram.payload[: -len(piece.octets)]
    octets = Message(piece.message.header, (alone,)).to_bytes()
    return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + octets))


def captured_twice(label: str) -> Alter:
    """The capture beside the initiator has a datagram twice; of the other end there is none."""

    def alter(pair: Pair) -> Pair:
        datagram = found(pair, label).pieces[0].datagram
        return after(pair, datagram, datagram)

    return alter


def and_once_beyond(label: str) -> Alter:
    def alter(pair: Pair) -> Pair:
        both = twice(pair)
        return both.with_evidence(wire=captured_twice(label)(both).wire)

    return alter


def on_its_way(side: int) -> Alter:
    """A packet that had left when the last answer came."""

    def alter(pair: Pair) -> Pair:
        crossing = more_esp(side, 4, at_the_end=True)(pair)
        last = crossing.wire.datagrams[-1]
        return crossing.changed(last, replace(last, at=pair.wire.datagrams[-1].at + 0.0002))

    return alter


def telling(told: dict[str, Any]) -> Callable[[ChildReport], ChildReport]:
    return lambda child: replace(child, **told)


def renewed_in_between(pair: Pair) -> Pair:
    """The Child SA is renewed amid the traffic, a liveness check follows, and one packet more goes over the old SA."""
    deletion = [m for m in pair.view.messages if m.exchange == INFORMATIONAL]
    number, packets = deletion[0].message_id, pair.view.esp
    for message in deletion:
        pair = sealed_again(pair, message.pieces[0], message_id=number + 3)
    spis, changed, count = {HERE: b"\xd1new", THERE: b"\xd0new"}, {}, Counter[str]()
    for place, packet in enumerate(packets[2:]):
        source = packet.source[0]
        if place != 2:  # which goes over the old one
            count[source] += 1
            payload = spis[source] + count[source].to_bytes(4) + packet.payload[8:]
            changed[packet.frame] = replace(packet, payload=payload)
    made = [
        message_of(pair, exchange, number + more, initiator=not answer, response=answer)
        for more, exchange in enumerate((CREATE, INFORMATIONAL, INFORMATIONAL))
        for answer in (False, True)
    ]
    created, checked, deleted = made[:2], made[2:4], made[4:]
    pair = pair.with_datagrams(changed.get(d.frame, d) for d in pair.wire.datagrams)
    first, second, last = (pair.view.esp[index] for index in (1, 3, 5))
    for behind, exchange in ((last, deleted), (second, checked), (first, created)):
        found_again = next(d for d in pair.wire.datagrams if d.payload == behind.payload)
        pair = after(pair, found_again, *(replace(each, at=behind.at) for each in exchange))
    for side, here, there in (("initiator", HERE, THERE), ("responder", THERE, HERE)):
        told: dict[str, Any] = {
            "spi_in": spis[there].hex(), "spi_out": spis[here].hex(),
            "packets_in": count[there], "packets_out": count[here],
            "bytes_in": count[there] * 84, "bytes_out": count[here] * 84,
        }  # fmt: skip
        pair = each_child(side, telling(told), Step.TRAFFIC)(pair)
    return pair


def deleted_late(*sides: str) -> Alter:
    """After the first rekey of the Child SA these sides report the old one beside the new one."""

    def alter(pair: Pair) -> Pair:
        steps = list(pair.report.steps)
        at = next(index for index, each in enumerate(steps) if each.step == Step.REKEY_CHILD)
        for side in sides:
            new, old = getattr(steps[at], side), getattr(steps[at - 1], side).sas[0]
            sas = (replace(new.sas[0], children=(*old.children, *new.sas[0].children)),)
            both: dict[str, Any] = {side: replace(new, sas=sas)}
            steps[at] = replace(steps[at], **both)
        return pair.with_report(steps=tuple(steps))

    return alter


def integrity_untold(pair: Pair) -> Pair:
    sides = (each_child(side, lambda child: replace(child, integ=None)) for side in ("initiator", "responder"))
    return and_then(*sides)(pair)


LEGITIMATE: list[tuple[str, str, Alter]] = [
    (name, scenario, alter)
    for name, scenarios, alter in (
        ("the initiator begins another IKE SA after the deletion", (HYBRID, CLASSICAL, REKEY), begun_anew("initiator")),
        ("the responder begins another IKE SA after the deletion", (HYBRID, REKEY), begun_anew("responder")),
        ("the Child SA is made after IKE_AUTH", (HYBRID, CLASSICAL), made_later),
        ("an empty answer in one fragment", (HYBRID, CLASSICAL), in_one_fragment),
        ("an answer is captured twice", (HYBRID, CLASSICAL), captured_twice(ANSWER)),
        ("an answer is captured twice at one end", (HYBRID, CLASSICAL), and_once_beyond(ANSWER)),
        ("ESP crosses the answer to the deletion", (HYBRID, CLASSICAL), on_its_way(0)),
        ("an ESP number that was never sent", (HYBRID, CLASSICAL), esp(1, with_number(lambda place: (1, 3, 4)[place]))),
        ("the initiator rekeys its Child SA by itself", (HYBRID, CLASSICAL), renewed_in_between),
        ("the old Child SA is deleted late", (REKEY,), deleted_late("responder")),
        ("both delete the old Child SA late", (REKEY,), deleted_late("initiator", "responder")),
        ("neither tells the integrity algorithm", (HYBRID, REKEY), integrity_untold),
    )
    for scenario in scenarios
]  # fmt: skip

"""Seeded defects of two products: numbers, flags and forms of messages, what SK holds, demands, NATs.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from pair_alterations import (
    ANSWER,
    ASK,
    EITHER,
    FRAGMENTED,
    after,
    each,
    edited,
    found,
    header,
    notified,
    numbered,
    proposals,
)
from pair_builder import FIRST, HYBRID_REKEY, SECOND, SEVEN, Pair
from pair_defect_rows import (
    CLASSICAL,
    FAIL,
    HYBRID,
    NOBODY,
    OPEN,
    REKEY,
    Alter,
    PairDefect,
    and_then,
)
from pair_form_alterations import (
    REQUEST,
    RESPONSE_TO_IT,
    also_offering,
    cookie,
    copied,
    demand,
    every,
    guessing,
    holding,
    message_of,
    moved_to_4500,
    octets,
    of,
    offering,
    one_more,
    seen_twice,
    sized,
    told_of_a_nat,
    with_length,
    with_number,
)

from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.wire.message import INITIATOR, RESPONSE, Message
from harness.wire.payloads import Delete, EncryptedFragment, KeyExchange, Nonce, Notify, SecurityAssociation

AUTH, INTERMEDIATE = ExchangeType.IKE_AUTH, ExchangeType.IKE_INTERMEDIATE
CREATE, FOLLOW_UP, INFORMATIONAL = (
    ExchangeType.CREATE_CHILD_SA, ExchangeType.IKE_FOLLOWUP_KE, ExchangeType.INFORMATIONAL,
)  # fmt: skip
WANTED, COOKIE = NotifyType.INVALID_KE_PAYLOAD, NotifyType.COOKIE
METHOD, ECP_256 = (31).to_bytes(2), KeyExchangeMethod.ECP_256
LAST = "INFORMATIONAL request 2"  # of the classical case


def empty(payload: Any) -> Any:
    return replace(payload, first_inner=PayloadType.NO_NEXT_PAYLOAD)


def in_itself(payload: Any) -> Any:
    return replace(payload, first_inner=PayloadType.SK)


def unmarked(label: str, front: bytes = b"") -> Alter:
    def alter(pair: Pair) -> Pair:
        datagram = found(pair, label).pieces[0].datagram
        return pair.changed(datagram, replace(datagram, payload=front + datagram.payload.removeprefix(bytes(4))))

    return alter


def of_no_ike_sa(pair: Pair) -> Pair:
    """A response with SPIs that nothing else has."""
    last = pair.wire.datagrams[-1]
    more = message_of(pair, INFORMATIONAL, 0, initiator=False, response=True)
    return after(pair, last, replace(more, payload=b"nowhere!" + more.payload[8:]))


def fragment_of_another(pair: Pair) -> Pair:
    """The second fragment has the initialization vector of the first one."""
    first, second = found(pair, FRAGMENTED.format("response")).pieces
    one, two = first.message.payloads[-1], second.message.payloads[-1]
    assert isinstance(one, EncryptedFragment) and isinstance(two, EncryptedFragment)
    other = replace(two, content=one.content[:8] + two.content[8:])
    message = Message(second.message.header, (other,)).to_bytes()
    return pair.changed(second.datagram, replace(second.datagram, payload=message))


def other_totals(pair: Pair) -> Pair:
    """Fragments 1 of 2 and 2 of 3."""
    piece = found(pair, FRAGMENTED.format("response")).pieces[1]
    old = piece.message.payloads[-1]
    assert isinstance(old, EncryptedFragment)
    fragment = replace(old, total_fragments=3)
    return pair.changed(piece.datagram, replace(
        piece.datagram, payload=Message(piece.message.header, (fragment,)).to_bytes()))  # fmt: skip


def turned_round(pair: Pair) -> Pair:
    """The IKE_AUTH request and its response in each other's place."""
    request, response = (found(pair, label(pair)).pieces[0].datagram for label in (REQUEST, RESPONSE_TO_IT))
    places = {request.frame: replace(response, at=request.at), response.frame: replace(request, at=response.at)}
    return numbered(pair, [places.get(datagram.frame, datagram) for datagram in pair.wire.datagrams])


def turned_round_beyond(pair: Pair) -> Pair:
    """The same in the capture beside the responder alone."""
    return seen_twice()(pair).with_evidence(far=turned_round(pair).wire)


def without_sa_init_form(message: bytes) -> bytes:
    """The Payload Length of the first payload one larger."""
    return message[:30] + (int.from_bytes(message[30:32]) + 1).to_bytes(2) + message[32:]


def zero(payload: Nonce) -> Nonce:
    return replace(payload, nonce=bytes(len(payload.nonce)))


def exchanges_swapped(message: bytes) -> bytes:
    """CREATE_CHILD_SA for IKE_FOLLOWUP_KE, and the other way round."""
    return message[:18] + bytes([{CREATE: FOLLOW_UP, FOLLOW_UP: CREATE}[ExchangeType(message[18])]]) + message[19:]


ROWS: list[PairDefect] = [
    # By its place a message is another one than it says.
    PairDefect("the IKE_AUTH response has another number", (HYBRID, CLASSICAL, REKEY), of(
        RESPONSE_TO_IT, lambda label: header(label, message_id=9)), FAIL, SECOND, "B22"),
    PairDefect("the response to a rekey has the next number", (REKEY,), header(
        "CREATE_CHILD_SA response 2", message_id=3), FAIL, SECOND, "B22"),
    PairDefect("the answer in IKE_SA_INIT has number 1", (HYBRID,), header(ANSWER, message_id=1), FAIL, SECOND, "B22"),
    PairDefect("IKE_SA_INIT has number 77", (HYBRID, CLASSICAL), every(
        lambda m: m.exchange == ExchangeType.IKE_SA_INIT, with_number(77)), FAIL, FIRST, "B22"),
    PairDefect("IKE_AUTH has number 7", (CLASSICAL,), every(lambda m: m.exchange == AUTH, with_number(7)),
               FAIL, FIRST, "B22"),
    PairDefect("an IKE_INTERMEDIATE has number 30", (SEVEN,), every(
        lambda m: m.exchange == INTERMEDIATE and m.message_id == 3, with_number(30)), FAIL, FIRST, "I04"),
    PairDefect("IKE_AUTH is asked with the Response flag", (HYBRID, CLASSICAL), of(
        REQUEST, lambda label: header(label, flip=RESPONSE)), FAIL, FIRST, "B39"),
    PairDefect("IKE_AUTH is answered without the Response flag", (HYBRID, CLASSICAL, REKEY), of(
        RESPONSE_TO_IT, lambda label: header(label, flip=RESPONSE)), FAIL, SECOND, "B39"),
    PairDefect("IKE_AUTH is answered by INFORMATIONAL", (HYBRID, CLASSICAL), of(
        RESPONSE_TO_IT, lambda label: header(label, exchange_type=INFORMATIONAL)), FAIL, SECOND, "B60"),
    PairDefect("nobody asked for a response", (HYBRID, CLASSICAL), seen_twice(
        one_more(INFORMATIONAL, 11, initiator=False, response=True)), FAIL, SECOND, "B22"),
    PairDefect("a response of no IKE SA", (HYBRID,), seen_twice(of_no_ike_sa), FAIL, SECOND, "B39"),
    PairDefect("the IKE_AUTH response comes twice", (HYBRID, REKEY), seen_twice(copied(RESPONSE_TO_IT)),
               FAIL, SECOND, "B18"),
    PairDefect("the IKE_SA_INIT answer comes twice", (CLASSICAL,), seen_twice(copied(lambda _: ANSWER)),
               FAIL, SECOND, "B18"),
    PairDefect("the second answer has no marker", (REKEY,), unmarked("CREATE_CHILD_SA response 2"),
               FAIL, SECOND, "B37"),
    PairDefect("the last request has no marker", (CLASSICAL,), unmarked(LAST), FAIL, FIRST, "B37"),
    *(
        PairDefect(f"the last request is behind {front.hex()}", (CLASSICAL,), seen(unmarked(LAST, front)),
                   FAIL, FIRST, "B37")
        for front in (b"\xff" * 4, bytes(5))
        for seen in (seen_twice, and_then)
    ),
    PairDefect("the last response is behind two octets", (CLASSICAL,), seen_twice(
        unmarked(LAST.replace("request", "response"), bytes(2))), FAIL, SECOND, "B37"),
    # Forms.
    PairDefect("octets behind the request of IKE_AUTH", (HYBRID, CLASSICAL), seen_twice(of(
        REQUEST, lambda label: octets(label, lambda o: o + b"more"))), FAIL, FIRST, "B53"),
    PairDefect("octets behind the payloads of the response", (CLASSICAL,), seen_twice(of(
        RESPONSE_TO_IT, lambda label: octets(label, lambda o: with_length(0)(o + b"more")))), FAIL, SECOND, "B53"),
    PairDefect("the Length is too large", (CLASSICAL,), seen_twice(of(
        REQUEST, lambda label: octets(label, with_length(4)))), FAIL, FIRST, "B53"),
    PairDefect("octets are missing at the end", (CLASSICAL,), seen_twice(octets(LAST, lambda o: o[:-3])),
               FAIL, FIRST, "B53"),
    PairDefect("octets behind the request, in one capture", (CLASSICAL,), of(
        REQUEST, lambda label: octets(label, lambda o: o + b"more")), OPEN, NOBODY, ""),
    PairDefect("the answer's payload lengths do not fit", (CLASSICAL,), seen_twice(
        octets(ANSWER, without_sa_init_form)), FAIL, SECOND, "B53", ("",)),
    # What SK begins with, and has room for.
    PairDefect("an empty IKE_AUTH request", (HYBRID, CLASSICAL), of(REQUEST, lambda label: holding(label, empty)),
               FAIL, FIRST, "B54"),
    PairDefect("an empty IKE_INTERMEDIATE", (HYBRID,), holding("IKE_INTERMEDIATE request 1", empty),
               FAIL, FIRST, "A15"),
    PairDefect("an empty IKE_FOLLOWUP_KE", (HYBRID_REKEY,), holding("IKE_FOLLOWUP_KE response 4", empty),
               FAIL, SECOND, "A21"),
    PairDefect("SK inside of SK", (CLASSICAL,), of(REQUEST, lambda label: holding(label, in_itself)),
               FAIL, FIRST, "B41"),
    PairDefect("no room for IV and ICV", (HYBRID, CLASSICAL), of(
        lambda p: p.view.messages[-1].label, lambda label: holding(label, sized(20))), FAIL, SECOND, "B41"),
    PairDefect("no room for AUTH", (CLASSICAL, REKEY), of(RESPONSE_TO_IT, lambda label: holding(label, sized(60))),
               FAIL, SECOND, "B54"),
    PairDefect("no room for a nonce", (REKEY,), holding("CREATE_CHILD_SA request 2", sized(40)), FAIL, FIRST, "B54"),
    PairDefect("no room for ML-KEM at a rekey", (HYBRID_REKEY,), holding("IKE_FOLLOWUP_KE request 4", sized(900)),
               FAIL, FIRST, "K04"),
    # A KE payload has eight octets in front of its data, SK an IV, a Pad Length and an ICV.
    PairDefect("room for the bare data of a key alone", (HYBRID,), holding("IKE_INTERMEDIATE request 1", sized(1184)),
               FAIL, FIRST, "K04"),
    PairDefect("for its answer it is an octet too few", (HYBRID,), holding(
        "IKE_INTERMEDIATE response 1", sized(1120)), FAIL, SECOND, "K04"),
    PairDefect("at a rekey it is an octet too few", (HYBRID_REKEY,), holding("IKE_FOLLOWUP_KE request 4", sized(1216)),
               FAIL, FIRST, "K04"),
    # "Encrypted and integrity protected" (RFC 7296 section 1.2).
    PairDefect("zeros are in place of a ciphertext", (HYBRID, CLASSICAL), of(
        REQUEST, lambda label: holding(label, lambda sk: replace(sk, content=sk.content[:8] + bytes(200)))),
        FAIL, FIRST, "B61"),
    PairDefect("a check value of ones", (REKEY,), holding(
        "CREATE_CHILD_SA response 2", lambda sk: replace(sk, content=sk.content[:-16] + b"\xff" * 16)),
        FAIL, SECOND, "B61"),
    PairDefect("fragments have one vector", (SEVEN,), fragment_of_another, FAIL, SECOND, "K06"),
    PairDefect("fragments of two totals", (SEVEN,), seen_twice(other_totals), FAIL, SECOND, "F03", ("K04",)),
    # Turns.
    PairDefect("the responder begins IKE_AUTH", (CLASSICAL,), one_more(AUTH, 0, initiator=False), FAIL, SECOND, "B54"),
    PairDefect("INFORMATIONAL before IKE_AUTH", (CLASSICAL,), one_more(
        INFORMATIONAL, 0, initiator=False, behind=ANSWER), FAIL, SECOND, "B42"),
    PairDefect("IKE_FOLLOWUP_KE before CREATE_CHILD_SA", (HYBRID_REKEY,), every(
        lambda m: m.exchange in (CREATE, FOLLOW_UP), exchanges_swapped), FAIL, FIRST, "A08"),
    PairDefect("a Delete in clear", (HYBRID, CLASSICAL), one_more(
        INFORMATIONAL, 0, initiator=False, payloads=(Delete(Protocol.IKE),)), FAIL, SECOND, "B61"),
    PairDefect("a rekeyed IKE SA is used again", (REKEY,), one_more(
        CREATE, 6, initiator=True, behind="INFORMATIONAL response 5"), FAIL, FIRST, "B24"),
    PairDefect("the response is in front of its request", (HYBRID, CLASSICAL), turned_round, OPEN, NOBODY, ""),
    PairDefect("it is so in the far capture", (CLASSICAL,), turned_round_beyond, OPEN, NOBODY, ""),
    # IKE_SA_INIT.
    PairDefect("a nonce of zeros", (HYBRID,), edited(each(Nonce, zero), ASK), FAIL, FIRST, "B23"),
    PairDefect("NAT_DETECTION about an ESP SPI", (HYBRID, CLASSICAL), edited(
        notified(NotifyType.NAT_DETECTION_SOURCE_IP, protocol=Protocol.ESP, spi=b"abcd"), ANSWER),
        FAIL, SECOND, "B48"),
    PairDefect("the offer lacks what the scenario has", (CLASSICAL,), offering(TransformType.PRF, 7),
               FAIL, SECOND, "B06"),
    PairDefect("the offer has NONE beside ML-KEM", (HYBRID,), edited(each(SecurityAssociation, lambda sa: replace(
        sa, proposals=tuple(replace(p, transforms=(*p.transforms, replace(p.transforms[-1], identifier=0)))
                            for p in sa.proposals))), ASK), OPEN, NOBODY, ""),
    PairDefect("another proposal's number is chosen", (EITHER,), edited(proposals(number=9), ANSWER), FAIL, SECOND,
               "B07", ("B04",)),
    # Demands.
    PairDefect("a cookie of 65 octets", (HYBRID, CLASSICAL), demand(COOKIE, b"c" * 65, cookie(b"c" * 65)),
               FAIL, SECOND, "B09"),
    PairDefect("another cookie comes back", (HYBRID, REKEY), demand(COOKIE, b"cookie", cookie(back=b"biscuit")),
               FAIL, FIRST, "B09"),
    PairDefect("the cookie comes last", (CLASSICAL,), demand(
        COOKIE, b"cookie", lambda payloads: [*payloads, Notify(COOKIE, b"cookie")]), FAIL, FIRST, "B09"),
    PairDefect("with the cookie another key", (CLASSICAL,), demand(
        COOKIE, b"cookie", cookie(), each(KeyExchange, lambda ke: replace(ke, data=os.urandom(32)))),
        FAIL, FIRST, "B09"),
    PairDefect("the method that was sent is asked for", (HYBRID, CLASSICAL), demand(WANTED, METHOD, list),
               FAIL, SECOND, "B01"),
    PairDefect("a method is asked for in one octet", (CLASSICAL,), and_then(also_offering(19), demand(
        WANTED, METHOD[1:], list, guessing(ECP_256, 64))), FAIL, SECOND, "B01"),
    PairDefect("the retry has another method", (CLASSICAL,), and_then(also_offering(19, 20), demand(
        WANTED, (20).to_bytes(2), list, guessing(ECP_256, 64))), FAIL, FIRST, "B01"),
    # NATs.
    PairDefect("behind a NAT IKE_INTERMEDIATE stays on port 500", (HYBRID,), told_of_a_nat, FAIL, FIRST, "I05",
               ("B36",)),
    PairDefect("behind a NAT IKE_AUTH stays on port 500", (CLASSICAL,), told_of_a_nat, FAIL, FIRST, "B36"),
    PairDefect("a fragment has the responder's flag", (SEVEN,), header(
        "IKE_INTERMEDIATE request 5", flip=INITIATOR), FAIL, FIRST, "B39"),
]  # fmt: skip

LEGITIMATE: list[tuple[str, str, Alter]] = [
    (name, scenario, alter)
    for name, scenarios, alter in (
        ("both captures have the same", (HYBRID, CLASSICAL, REKEY, SEVEN, HYBRID_REKEY), seen_twice()),
        ("behind a NAT all goes over port 4500", (HYBRID, CLASSICAL, SEVEN), seen_twice(told_of_a_nat, moved_to_4500)),
        ("a cookie of one octet", (HYBRID, CLASSICAL), seen_twice(demand(COOKIE, b"c", cookie(b"c")))),
        ("another method is asked for", (HYBRID, CLASSICAL), seen_twice(also_offering(19), demand(
            WANTED, METHOD, list, guessing(ECP_256, 64)))),
        ("no octet more than a key takes", (HYBRID_REKEY,), and_then(
            holding("IKE_INTERMEDIATE request 1", sized(1217)), holding("IKE_INTERMEDIATE response 1", sized(1121)),
            holding("IKE_FOLLOWUP_KE request 4", sized(1217)), holding("IKE_FOLLOWUP_KE response 4", sized(1121)))),
        ("both delete at once", (CLASSICAL,), seen_twice(
            one_more(INFORMATIONAL, 0, initiator=True, response=True, behind="INFORMATIONAL response 2", last=True),
            one_more(INFORMATIONAL, 0, initiator=False, behind=LAST, last=True))),
    )
    for scenario in scenarios
]  # fmt: skip

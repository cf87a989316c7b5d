"""Seeded defects of two products: what stands in the wrong place, or comes out of turn, and what only looks like it.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pair_alterations import (
    ANSWER,
    ASK,
    VENDOR,
    after,
    each,
    edited,
    found,
    fragment,
    having,
    header,
    notified,
    proposals,
    too_early,
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
    sealed_again,
)
from pair_esp_rows import each_report, esp
from pair_form_alterations import (
    REQUEST,
    RESPONSE_TO_IT,
    holding,
    message_of,
    moved_to_4500,
    one_more,
    seen_twice,
    sized,
)
from pair_form_rows import LAST
from pair_story_rows import deleted_late

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import ChildReport
from harness.registry.identities import IdentificationType
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.scenario.model import Step
from harness.verify.pair_view import initiator_spi
from harness.wire.message import Message
from harness.wire.payloads import Encrypted, IdentificationInitiator, Notify, SecurityAssociation, Unknown
from harness.wire.payloads.security_association import Transform

PPK, PPK_INT = NotifyType.USE_PPK, NotifyType.USE_PPK_INT


def last_answer(**fields: Any) -> Alter:
    """The answer to the deletion with other fields in its header."""
    return lambda pair: header(pair.view.messages[-1].label, last=True, **fields)(pair)


def also_choosing(*more: Transform) -> Alter:
    """The answer with more transforms."""
    longer = each(
        SecurityAssociation,
        lambda sa: replace(sa, proposals=tuple(replace(p, transforms=(*p.transforms, *more)) for p in sa.proposals)),
    )
    return edited(longer, ANSWER)


def exchanged_behind(label: str, exchange: ExchangeType, *, initiator: bool) -> Alter:
    """One exchange more behind a message of the initiator's exchanges; what follows of those counts on."""

    def alter(pair: Pair) -> Pair:
        place = found(pair, label)
        spi, number = initiator_spi(place), place.message_id + 1 if initiator else 0
        for message in [m for m in pair.view.messages if initiator and m.message_id > place.message_id]:
            for piece in message.pieces if initiator_spi(message) == spi else ():
                pair = sealed_again(pair, piece, message_id=message.message_id + 1)
        way = found(pair, label).pieces[-1].datagram
        more = (
            message_of(pair, exchange, number, initiator=initiator != answer, response=answer)
            for answer in (False, True)
        )
        on_4500 = (
            replace(d, source=(d.source[0], 4500), destination=(d.destination[0], 4500), at=way.at,
                    payload=bytes(4) + d.payload)
            for d in more
        )  # fmt: skip
        return after(pair, way, *on_4500)

    return alter


def two_at_once(pair: Pair) -> Pair:
    """While the IKE SA is rekeyed another CREATE_CHILD_SA is under way, answered after IKE_FOLLOWUP_KE has begun."""
    pair = exchanged_behind("CREATE_CHILD_SA request 3", ExchangeType.CREATE_CHILD_SA, initiator=True)(pair)
    answer = found(pair, "CREATE_CHILD_SA response 4").pieces[0].datagram
    pair = pair.with_datagrams(d for d in pair.wire.datagrams if d is not answer)
    following = found(pair, "IKE_FOLLOWUP_KE request 5").pieces[0].datagram
    return after(pair, following, replace(answer, at=following.at))


def one_spi_for_two(number: int) -> Alter:
    """Where the responder reports two Child SAs, this one has the SPI of the other to receive on."""
    return of_two(number, lambda own, other: replace(own, spi_in=other.spi_in))


def new_one_not_in_use(pair: Pair) -> Pair:
    """Where the responder reports two Child SAs, the new one is not in use yet."""
    return of_two(1, lambda own, _: replace(own, state="UPDATING"))(pair)


def none_once(pair: Pair) -> Pair:
    """In the report after the first rekey's the responder's IKE SA has no Child SA."""
    steps = list(pair.report.steps)
    place = next(at for at, step in enumerate(steps) if step.step == Step.REKEY_CHILD) + 1
    report = steps[place].responder
    bare = replace(report, sas=(replace(report.sas[0], children=()),))
    steps[place] = replace(steps[place], responder=bare)
    return pair.with_report(steps=tuple(steps))


def of_two(number: int, change: Callable[[ChildReport, ChildReport], ChildReport]) -> Alter:
    """Where the responder reports two Child SAs, this one is changed."""

    def alter(pair: Pair) -> Pair:
        place, step = next((at, s) for at, s in enumerate(pair.report.steps) if s.step == Step.REKEY_CHILD)
        sa = step.responder.sas[0]
        children = list(sa.children)
        children[number] = change(children[number], children[1 - number])
        report = replace(step.responder, sas=(replace(sa, children=tuple(children)),))
        changed = replace(step, responder=report)
        steps = (changed if at == place else each for at, each in enumerate(pair.report.steps))
        return pair.with_report(steps=tuple(steps))

    return alter


def on_port_500(packet: CapturedDatagram, _place: int) -> CapturedDatagram:
    """Where the version of IKE would stand is no version of it: by chance it could be that of IKEv1."""
    payload = packet.payload[:17] + bytes(1) + packet.payload[18:]
    source, destination = (packet.source[0], 500), (packet.destination[0], 500)
    return replace(packet, payload=payload, source=source, destination=destination)


def first_is(kind: PayloadType) -> Callable[[Any], Any]:
    """What is inside of SK begins with a payload of this type."""
    return lambda sealed: replace(sealed, first_inner=kind)


def in_front(label: str, payload: Any) -> Alter:
    """A payload in clear in front of SK."""

    def alter(pair: Pair) -> Pair:
        piece = found(pair, label).pieces[0]
        message = Message(piece.message.header, (payload, *piece.message.payloads)).to_bytes()
        marker = piece.datagram.payload[: -len(piece.octets)]
        return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + message))

    return alter


def with_its_old_spi(pair: Pair) -> Pair:
    """The responder keeps its SPI when the IKE SA is rekeyed, and both report so."""
    old, new = (sa.responder_spi for sa in pair.view.ike_sas[:2])
    pair = pair.with_datagrams(replace(d, payload=d.payload.replace(new, old)) for d in pair.wire.datagrams)
    for side in ("initiator", "responder"):
        pair = each_report(
            side, lambda sa: replace(sa, responder_spi=old.hex()) if sa.responder_spi == new.hex() else sa
        )(pair)
    return pair


def sealed_as_before(start: int, end: int | None) -> Alter:
    """The responder's answers to rekeys, and to the deletions behind them, have these octets of the first one's SK."""

    def alter(pair: Pair) -> Pair:
        octets = b""
        for message in [m for m in pair.view.messages if m.sealed and not m.from_initiator and m.message_id > 1]:
            datagram, sealed = message.pieces[0].datagram, message.pieces[0].message.payloads[-1]
            assert isinstance(sealed, Encrypted)
            octets = octets or sealed.content[start:end]
            content = sealed.content.replace(sealed.content[start:end], octets)
            pair = pair.changed(datagram, replace(datagram, payload=datagram.payload.replace(sealed.content, content)))
        return pair

    return alter


def with_spi_of_the_first(label: str) -> Alter:
    """The first message of this name in the second IKE SA has the initiator's SPI of the first."""

    def alter(pair: Pair) -> Pair:
        first, second = (initiator_spi(sa.messages[0]) for sa in pair.view.ike_sas[:2])
        message = next(m for m in pair.view.messages if m.label == label and initiator_spi(m) == second)
        return sealed_again(pair, message.pieces[0], initiator_spi=first)

    return alter


ROWS: list[PairDefect] = [
    *(
        PairDefect(f"after a rekey the {kind} has the initiator's old SPI", (HYBRID_REKEY,), seen(
            with_spi_of_the_first(f"INFORMATIONAL {kind} 0")), FAIL, party, "B39")
        for kind, party in (("request", FIRST), ("response", SECOND))
        for seen in (seen_twice, and_then)
    ),
    PairDefect("both fragments have number 1", (SEVEN,), seen_twice(fragment(
        "request", 2, first_inner=PayloadType.KE, fragment_number=1)), FAIL, FIRST, "B18", ("K04",)),
    PairDefect("both fragments have number 1, in one capture", (SEVEN,), fragment(
        "request", 2, first_inner=PayloadType.KE, fragment_number=1), OPEN, NOBODY, ""),
    PairDefect("messages have one check value", (REKEY,), sealed_as_before(-16, None), FAIL, SECOND, "B61"),
    PairDefect("messages have one ciphertext", (REKEY,), sealed_as_before(8, -16), FAIL, SECOND, "B61"),
    # Which of the two is of the wrong exchange: the initial ones are over (RFC 7296 section 1.2).
    PairDefect("the deletion is answered by IKE_AUTH", (HYBRID, CLASSICAL, REKEY), seen_twice(
        last_answer(exchange_type=ExchangeType.IKE_AUTH)), FAIL, SECOND, "B60"),
    PairDefect("the deletion is answered by IKE_INTERMEDIATE", (HYBRID,), seen_twice(
        last_answer(exchange_type=ExchangeType.IKE_INTERMEDIATE)), FAIL, SECOND, "B60"),
    # The answer repeats a number that is the offer's fault, or chooses two of a type.
    PairDefect("the only proposal is number 2, and is chosen so", (HYBRID, CLASSICAL), edited(
        proposals(number=2), ASK, ANSWER), FAIL, FIRST, "B07"),
    PairDefect("two methods of one additional key exchange are chosen", (HYBRID,), also_choosing(
        Transform(TransformType.ADDKE1, int(KeyExchangeMethod.ML_KEM_1024))), FAIL, SECOND, "B06"),
    # The type of what is first inside of SK, and all that is in front of it, is in clear (sections 1.2 to 1.4, 3.14).
    *(
        PairDefect(f"the first payload in {label} is {kind.name}", (scenario,), holding(label, first_is(kind)),
                   FAIL, party, "B54")
        for scenario, label, party, kinds in (
            (CLASSICAL, "IKE_AUTH request 1", FIRST, (PayloadType.NONCE, PayloadType.DELETE)),
            (HYBRID, "IKE_AUTH response 2", SECOND, (PayloadType.KE, PayloadType.IDi)),
            (REKEY, "CREATE_CHILD_SA request 2", FIRST, (PayloadType.AUTH, PayloadType.IDi, PayloadType.EAP)),
            (REKEY, "INFORMATIONAL response 5", SECOND, (PayloadType.SA, PayloadType.TSi)),
            (CLASSICAL, LAST, FIRST, (PayloadType.AUTH, PayloadType.NONCE)),
        )
        for kind in kinds
    ),
    PairDefect("the identity is in front of SK", (CLASSICAL, HYBRID), lambda p: in_front(
        REQUEST(p), IdentificationInitiator(IdentificationType.ID_FQDN, b"first.interop.test"))(p), FAIL, FIRST, "B61"),
    PairDefect("a notify is in front of SK", (REKEY,), in_front(
        "CREATE_CHILD_SA response 2", Notify(NotifyType.INITIAL_CONTACT)), FAIL, SECOND, "B61"),
    PairDefect("the request to delete is empty", (CLASSICAL,), holding(LAST, first_is(PayloadType.NO_NEXT_PAYLOAD)),
               FAIL, FIRST, "B29"),
    # IKE_FOLLOWUP_KE: one for each method, after the word that it repeats (RFC 9370 section 2.2.4).
    PairDefect("one IKE_FOLLOWUP_KE too many", (HYBRID_REKEY,), exchanged_behind(
        "IKE_FOLLOWUP_KE response 4", ExchangeType.IKE_FOLLOWUP_KE, initiator=True), FAIL, FIRST, "A20"),
    PairDefect("IKE_FOLLOWUP_KE at a rekey without additional methods", (REKEY,), exchanged_behind(
        "CREATE_CHILD_SA response 2", ExchangeType.IKE_FOLLOWUP_KE, initiator=True), FAIL, FIRST, "A20"),
    PairDefect("IKE_FOLLOWUP_KE before CREATE_CHILD_SA is answered", (HYBRID_REKEY,), seen_twice(
        too_early(ExchangeType.CREATE_CHILD_SA)), FAIL, FIRST, "A08"),
    # The deletion is the last request over an old IKE SA, whoever sends another one (RFC 7296 section 2.8).
    PairDefect("the responder goes on in a rekeyed IKE SA", (REKEY,), seen_twice(exchanged_behind(
        "INFORMATIONAL response 5", ExchangeType.CREATE_CHILD_SA, initiator=False)), FAIL, SECOND, "B24"),
    # ESP, or an IKE SA, that is not what it is to be, and no gap of the captures.
    PairDefect("ESP in UDP on port 500", (HYBRID, CLASSICAL), seen_twice(esp(0, on_port_500, {1})), FAIL, FIRST, "B53"),
    PairDefect("the last IKE SA is deleted by nothing", (HYBRID, CLASSICAL), seen_twice(
        lambda p: p.with_datagrams(p.wire.datagrams[:-2])), FAIL, NOBODY, "B29"),
    PairDefect("nor is the one of the last rekey", (REKEY,), seen_twice(
        lambda p: p.with_datagrams(p.wire.datagrams[:-2])), FAIL, NOBODY, "B29", ("B24",)),
    PairDefect("no room for the Delete", (CLASSICAL,), holding(LAST, sized(26)), FAIL, FIRST, "B53"),
    PairDefect("the responder begins IKE_INTERMEDIATE", (HYBRID,), one_more(
        ExchangeType.IKE_INTERMEDIATE, 0, initiator=False, behind="IKE_INTERMEDIATE response 1"), FAIL, SECOND, "I03"),
    PairDefect("an offer that cannot be parsed", (CLASSICAL, HYBRID), seen_twice(edited(
        having(Unknown(PayloadType.NOTIFY, b"\0\0")), ASK)), FAIL, FIRST, "B53"),
    PairDefect("the rekeyed IKE SA has the responder's SPI of before", (REKEY,), with_its_old_spi, FAIL, SECOND, "B24"),
    PairDefect("no room in the answer to a rekey that took place", (REKEY,), holding(
        "CREATE_CHILD_SA response 2", sized(40)), FAIL, SECOND, "B54"),
    PairDefect("what the answer has for a digest is none", (HYBRID, CLASSICAL), seen_twice(edited(
        notified(NotifyType.NAT_DETECTION_DESTINATION_IP, data=bytes(21)), ANSWER)), FAIL, SECOND, "B36"),
    # "If they do not match the addresses in the outer packet" the initiator moves (RFC 7296 section 2.23).
    *(
        PairDefect(f"the answer alone tells of a NAT by {kind.name}", (scenario,), seen_twice(
            edited(notified(kind, data=os.urandom(20)), ANSWER)), FAIL, FIRST, rule, also)
        for kind in (NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP)
        for scenario, rule, also in ((CLASSICAL, "B36", ()), (HYBRID, "I05", ("B36",)))
    ),
    # One word of a status beside the other side's: which of the two Child SAs it is about nobody knows.
    *(
        PairDefect(f"of two Child SAs the {place} is reported with the other one's SPI", (REKEY,), and_then(
            deleted_late("responder"), one_spi_for_two(number)), OPEN, NOBODY, "")
        for number, place in ((0, "old one"), (1, "new one"))
    ),
    PairDefect("the new one of two Child SAs is not in use", (REKEY,), and_then(
        deleted_late("responder"), new_one_not_in_use), OPEN, NOBODY, ""),
    PairDefect("behind two Child SAs the responder tells of none once", (REKEY,), and_then(
        deleted_late("responder"), none_once), OPEN, NOBODY, ""),
    *(
        PairDefect(f"the {side} alone tells of two methods after a rekey", (HYBRID_REKEY,), each_report(
            side, lambda sa: replace(sa, additional_ke=("ml-kem-768", "ml-kem-1024")), Step.REKEY_IKE),
            OPEN, NOBODY, "")
        for side in ("initiator", "responder")
    ),
    # Announcements of a PPK (RFC 8784 section 3, RFC 9867 section 3.1).
    *(
        PairDefect(f"USE_PPK has data in {label}", (CLASSICAL,), and_then(
            edited(having(Notify(PPK)), *others), edited(having(Notify(PPK, b"1")), label)), FAIL, party, "P01")
        for label, others, party in ((ASK, (), FIRST), (ANSWER, (ASK,), SECOND))
    ),
    PairDefect("USE_PPK and USE_PPK_INT are both returned", (HYBRID,), edited(
        having(Notify(PPK), Notify(PPK_INT)), ASK, ANSWER), FAIL, SECOND, "P09"),
    PairDefect("USE_PPK_INT without a word of IKE_INTERMEDIATE", (CLASSICAL,), edited(having(Notify(PPK_INT)), ASK),
               FAIL, FIRST, "P15"),
]  # fmt: skip


def _alive_behind_it(pair: Pair) -> Pair:
    """The responder asks, as the deletion arrives, whether the initiator lives, and that answers."""
    asked, told = (
        one_more(ExchangeType.INFORMATIONAL, 0, initiator=answer, response=answer, behind=LAST, last=True,
                 payloads=(Encrypted(PayloadType.NO_NEXT_PAYLOAD, os.urandom(60)),))
        for answer in (False, True)
    )  # fmt: skip
    return and_then(told, asked)(pair)


LEGITIMATE: list[tuple[str, str, Alter]] = [
    (name, scenario, alter)
    for name, scenarios, alter in (
        ("a critical payload of a type that only the two know", (HYBRID, CLASSICAL), edited(
            having(Unknown(PayloadType(200), b"ours", flags=0x80)), ASK)),
        ("a payload that only the two know is in front of SK", (HYBRID,), lambda p: in_front(
            REQUEST(p), Unknown(PayloadType(200), b"ours"))(p)),
        ("a Vendor ID is in front of SK in IKE_INTERMEDIATE", (HYBRID,), in_front(
            "IKE_INTERMEDIATE request 1", VENDOR)),
        ("the responder asks while it is told to delete", (CLASSICAL,), seen_twice(_alive_behind_it)),
        ("the smallest Vendor ID stands alone in an answer", (CLASSICAL,), seen_twice(and_then(
            holding(LAST.replace("request", "response"), sized(29)),
            holding(LAST.replace("request", "response"), first_is(PayloadType.VENDOR_ID))))),
        ("an answer begins with a notify", (HYBRID, CLASSICAL), lambda p: holding(
            RESPONSE_TO_IT(p), first_is(PayloadType.NOTIFY))(p)),
        ("the responder asks in the middle of a rekey", (HYBRID_REKEY,), seen_twice(exchanged_behind(
            "CREATE_CHILD_SA response 3", ExchangeType.INFORMATIONAL, initiator=False))),
        ("the initiator asks in the middle of a rekey", (HYBRID_REKEY,), seen_twice(exchanged_behind(
            "CREATE_CHILD_SA response 3", ExchangeType.INFORMATIONAL, initiator=True))),
        ("two CREATE_CHILD_SA are under way", (HYBRID_REKEY,), seen_twice(two_at_once)),
        ("the responder's request crosses the deletion of the old IKE SA", (REKEY,), seen_twice(exchanged_behind(
            "INFORMATIONAL request 5", ExchangeType.INFORMATIONAL, initiator=False))),
        ("the answer alone tells of a NAT, and all goes over port 4500", (HYBRID, CLASSICAL), seen_twice(
            edited(notified(NotifyType.NAT_DETECTION_SOURCE_IP, data=bytes(20)), ANSWER), moved_to_4500)),
        ("the request alone tells of a NAT", (HYBRID,), seen_twice(
            edited(notified(NotifyType.NAT_DETECTION_SOURCE_IP, data=bytes(20)), ASK))),
        ("USE_PPK beside USE_PPK_INT, and one is returned", (HYBRID,), and_then(
            edited(having(Notify(PPK), Notify(PPK_INT, b"new")), ASK), edited(having(Notify(PPK)), ANSWER))),
    )
    for scenario in scenarios
]  # fmt: skip

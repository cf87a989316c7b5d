"""Answers of two products: with what in them, in which exchange, to what, or none; as defects and as not.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pair_alterations import ANSWER, ASK, clear, each, edited, found, having, header
from pair_builder import FIRST, SECOND, Pair
from pair_defect_rows import (
    CLASSICAL,
    FAIL,
    HYBRID,
    NOBODY,
    NOTHING,
    OPEN,
    REKEY,
    Alter,
    PairDefect,
    and_then,
    sealed_again,
)
from pair_form_alterations import cookie, demand, one_more, seen_twice, twice

from harness.evidence.peer_report import DELETED
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, Integrity, TransformType
from harness.wire.message import INITIATOR, RESPONSE
from harness.wire.payloads import Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

INFORMATIONAL = ExchangeType.INFORMATIONAL
COOKIE = Notify(NotifyType.COOKIE, b"cookie")


def with_key_length(kind: TransformType, bits: int, *labels: str) -> Alter:
    """The answer has this Key Length beside each transform of a type, or, with none, no attribute."""
    attributes = (Attribute(AttributeType.KEY_LENGTH, bits),) if bits else ()

    def change(proposal: Proposal) -> Proposal:
        kept = (replace(t, attributes=attributes) if t.type == kind else t for t in proposal.transforms)
        return replace(proposal, transforms=tuple(kept))

    of_each = each(SecurityAssociation, lambda sa: replace(sa, proposals=tuple(map(change, sa.proposals))))
    return edited(of_each, *(labels or (ANSWER,)))


def init_as(label: str, exchange: ExchangeType) -> Alter:
    return header(label, exchange_type=exchange)


def deletion_left_open(seconds: float, *keeping: str) -> Alter:
    """The request to delete comes once, and no answer, so long before the captures end; these sides keep the SAs."""

    def alter(pair: Pair) -> Pair:
        *kept, _ = pair.wire.datagrams
        end = kept[-1].at + seconds
        cut = twice(pair.with_datagrams(kept)).with_report(ended=(end, end + 1))
        last = pair.report.steps[-2]
        return cut.with_step(DELETED, **{side: getattr(last, side) for side in keeping})

    return alter


def unasked(exchange: ExchangeType, *, initiator: bool) -> Alter:
    """At the end a response more, to no request, with the next number."""

    def alter(pair: Pair) -> Pair:
        number = 0 if initiator else pair.view.messages[-1].message_id + 1
        more = one_more(exchange, number, initiator=initiator, response=True, behind=pair.view.messages[-1].label,
                        last=True)  # fmt: skip
        return more(pair)

    return alter


def after_a_cookie(*steps: Alter) -> Alter:
    """A cookie is demanded first, and both captures have all of it."""
    return seen_twice(demand(NotifyType.COOKIE, b"cookie", cookie()), *steps)


def refused_at_once(kind: NotifyType, data: bytes = b"") -> Alter:
    """The first request is refused, and no SA comes about."""

    def alter(pair: Pair) -> Pair:
        refusal = clear(found(pair, ANSWER), [Notify(kind, data)], responder_spi=bytes(8))
        first = replace(pair.report.steps[0], initiator=NOTHING, responder=NOTHING)
        return pair.with_datagrams([pair.wire.datagrams[0], refusal]).with_report(steps=(first,))

    return alter


def with_hmac(sa: SecurityAssociation) -> SecurityAssociation:
    """Each proposal with an integrity algorithm and a cipher that has its own."""
    hmac = Transform(TransformType.INTEG, int(Integrity.AUTH_HMAC_SHA2_256_128))
    return replace(sa, proposals=tuple(replace(p, transforms=(*p.transforms, hmac)) for p in sa.proposals))


def of_init(place: int, **fields: Any) -> Alter:
    """The message at this place of the wire, in IKE_SA_INIT, with other fields in its header."""

    def alter(pair: Pair) -> Pair:
        return sealed_again(pair, pair.view.messages[place].pieces[0], **fields)

    return alter


ROWS: list[PairDefect] = [
    # A cookie makes IKE_SA_INIT two exchanges of number 0 (RFC 7296 sections 2.2, 2.6).
    PairDefect("the retry with the cookie has Message ID 1", (HYBRID, CLASSICAL), after_a_cookie(
        of_init(2, message_id=1)), FAIL, FIRST, "B22"),
    PairDefect("and is answered so", (HYBRID, CLASSICAL), after_a_cookie(
        of_init(2, message_id=1), of_init(3, message_id=1)), FAIL, FIRST, "B22"),
    PairDefect("the answer behind a cookie has Message ID 1", (HYBRID, CLASSICAL), after_a_cookie(
        of_init(3, message_id=1)), FAIL, SECOND, "B22"),
    PairDefect("the demand for a cookie lacks the Response flag", (HYBRID, CLASSICAL), after_a_cookie(
        of_init(1, flags=0)), FAIL, SECOND, "B39"),
    PairDefect("the retry with the cookie has the Response flag", (HYBRID, CLASSICAL), after_a_cookie(
        of_init(2, flags=INITIATOR | RESPONSE)), FAIL, FIRST, "B39"),
    # What a refusal says is so (RFC 7296 section 2.5).
    PairDefect("version 2.0 is refused", (HYBRID, CLASSICAL), refused_at_once(NotifyType.INVALID_MAJOR_VERSION),
               FAIL, SECOND, "B16", ("",)),
    PairDefect("a critical payload is refused that is not there", (HYBRID, CLASSICAL), refused_at_once(
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, b"\x22"), FAIL, SECOND, "B13", ("",)),
    PairDefect("HMAC is offered beside GCM, and the answer repeats it", (HYBRID,), edited(
        each(SecurityAssociation, with_hmac), ASK, ANSWER), FAIL, FIRST, "B64", ("B06",)),
    PairDefect("the deletion is of a reserved exchange type", (HYBRID, CLASSICAL), lambda p: and_then(*(
        header(m.label, exchange_type=ExchangeType(33)) for m in p.view.messages[-2:]))(p),
        FAIL, FIRST, "B60", ("B29",)),
    # Of which exchange they are (RFC 7296 section 3.1).
    *(
        PairDefect(f"IKE_SA_INIT is {verb} by {exchange}", (HYBRID, CLASSICAL), init_as(label, exchange),
                   FAIL, party, "B60")
        for verb, label, party in (("asked", ASK, FIRST), ("answered", ANSWER, SECOND))
        for exchange in (ExchangeType.IKE_AUTH, ExchangeType.IKE_INTERMEDIATE, ExchangeType.INFORMATIONAL)
    ),
    # None (RFC 7296 sections 1.4, 2.1).
    PairDefect("one request to delete is never answered", (HYBRID, CLASSICAL, REKEY), deletion_left_open(30.1),
               FAIL, SECOND, "B30", ("B29",)),
    PairDefect("and its sender waits", (HYBRID, CLASSICAL, REKEY), deletion_left_open(30.1, "initiator"),
               FAIL, SECOND, "B30", ("B29",)),
    PairDefect("one request to delete at the very end", (HYBRID, CLASSICAL), deletion_left_open(29.9, "initiator"),
               FAIL, NOBODY, "B29"),
    PairDefect("one capture ends with the request to delete", (HYBRID, CLASSICAL, REKEY), lambda p: p.with_datagrams(
        p.wire.datagrams[:-1]), OPEN, NOBODY, ""),
    PairDefect("it does so, and the responder keeps its SAs", (HYBRID, REKEY), lambda p: p.with_datagrams(
        p.wire.datagrams[:-1]).with_step(DELETED, responder=p.report.steps[-2].responder), FAIL, NOBODY, "B29"),
    # To what (RFC 7296 sections 2.1, 2.2).
    PairDefect("an answer to no request", (HYBRID, CLASSICAL), seen_twice(unasked(INFORMATIONAL, initiator=False)),
               FAIL, SECOND, "B22"),
    PairDefect("the initiator's answer to no request", (HYBRID, CLASSICAL, REKEY), seen_twice(
        unasked(INFORMATIONAL, initiator=True)), FAIL, FIRST, "B22"),
    PairDefect("a CREATE_CHILD_SA response to no request", (CLASSICAL,), seen_twice(
        one_more(ExchangeType.CREATE_CHILD_SA, 0, initiator=True, response=True)), FAIL, FIRST, "B22"),
    PairDefect("an answer to no request, in one capture", (HYBRID, CLASSICAL), unasked(INFORMATIONAL, initiator=False),
               OPEN, NOBODY, ""),
    PairDefect("both captures lack the request to delete", (HYBRID, CLASSICAL), seen_twice(lambda p: p.with_datagrams(
        d for d in p.wire.datagrams if d is not p.view.messages[-2].pieces[0].datagram)), OPEN, NOBODY, ""),
    # What an answer holds (RFC 7296 sections 2.6, 3.3.5, 3.3.6).
    PairDefect("the PRF that is chosen has a Key Length", (HYBRID, CLASSICAL, REKEY), with_key_length(
        TransformType.PRF, 256), FAIL, SECOND, "B06"),
    PairDefect("the method that is chosen has a Key Length", (CLASSICAL,), with_key_length(TransformType.KE, 256),
               FAIL, SECOND, "B06"),
    PairDefect("the additional method has a Key Length", (HYBRID,), with_key_length(TransformType.ADDKE1, 768),
               FAIL, SECOND, "B06"),
    PairDefect("the cipher that is chosen has no Key Length", (CLASSICAL,), with_key_length(TransformType.ENCR, 0),
               FAIL, SECOND, "B06"),
    PairDefect("its Key Length is no key's", (CLASSICAL,), with_key_length(TransformType.ENCR, 100),
               FAIL, SECOND, "B06"),
    PairDefect("a Key Length is offered, and the answer repeats it", (HYBRID, CLASSICAL), with_key_length(
        TransformType.PRF, 256, ASK, ANSWER), FAIL, FIRST, "B64", ("B06",)),
    PairDefect("a choice beside a cookie", (HYBRID, CLASSICAL), edited(having(COOKIE), ANSWER), FAIL, SECOND, "B54"),
    PairDefect("a cookie before the choice", (REKEY,), edited(lambda payloads: [COOKIE, *payloads], ANSWER),
               FAIL, SECOND, "B54"),
]  # fmt: skip

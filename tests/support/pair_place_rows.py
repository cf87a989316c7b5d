"""Seeded defects of two products: what stands in the wrong place, or comes out of turn, and what only looks like it.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pair_alterations import ANSWER, ASK, each, edited, having, header, proposals
from pair_builder import FIRST, SECOND
from pair_defect_rows import CLASSICAL, FAIL, HYBRID, REKEY, Alter, PairDefect, and_then
from pair_form_alterations import seen_twice

from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.wire.payloads import Notify, SecurityAssociation, Unknown
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


ROWS: list[PairDefect] = [
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

LEGITIMATE: list[tuple[str, str, Alter]] = [
    (name, scenario, alter)
    for name, scenarios, alter in (
        ("a critical payload of a type that only the two know", (HYBRID, CLASSICAL), edited(
            having(Unknown(PayloadType(200), b"ours", flags=0x80)), ASK)),
        ("USE_PPK beside USE_PPK_INT, and one is returned", (HYBRID,), and_then(
            edited(having(Notify(PPK), Notify(PPK_INT, b"new")), ASK), edited(having(Notify(PPK)), ANSWER))),
    )
    for scenario in scenarios
]  # fmt: skip

"""An answer and the offer that it is held against, where one of them is not there, or not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from case_builder import Case, good
from pair_alterations import ANSWER, ASK, Edit, each, edited, proposals
from pair_builder import SECOND, Pair, good_pair

from harness.registry.messages import Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.negotiation import read_either_way
from harness.verify.wire import SeenMessage, of
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Transform

SUBSET, PREDICTED = "answer-is-a-subset-of-the-offer", "negotiated-as-predicted"
RETRY = "retry-repeats-the-offer"
HYBRID, PAIR = "hybrid/x25519-mlkem768", "pairs/hybrid"
INIT, AUTH, ASKED = "IKE_SA_INIT response 0", "IKE_AUTH response 2", "IKE_SA_INIT request 0"
SN, ENCR, ADDKE1 = TransformType.SN, TransformType.ENCR, TransformType.ADDKE1


def expecting(case: Case, **parts: Any) -> Case:
    return replace(case, expectation=replace(case.expectation, **parts))


def sentences(case: Case) -> list[str]:
    return [each.sentence for each in case.check(PREDICTED).objections]


def test_each_answer_that_is_due_is_missed(role):
    silent = good(HYBRID, role=role).without(INIT)
    of_ike, of_child = (f"no SA payload answers the offer for the {name}" for name in ("IKE SA", "Child SA"))
    assert sentences(silent) == [of_ike, of_child]
    assert sentences(expecting(silent, ike=())) == [of_child]
    assert sentences(expecting(silent, esp=())) == [of_ike]


def changed(message: SeenMessage, kind: TransformType, *instead: Transform) -> SeenMessage:
    """A message of IKE_AUTH with other transforms of a type in its SA payload."""

    def other(payload: Payload) -> Payload:
        if not isinstance(payload, SecurityAssociation):
            return payload
        (proposal,) = payload.proposals
        kept = (each for each in proposal.transforms if each.type != kind)
        return replace(payload, proposals=(replace(proposal, transforms=(*kept, *instead)),))

    assert message.opened is not None
    return replace(message, opened=replace(message.opened, inner=tuple(map(other, message.opened.inner))))


def test_each_answer_is_looked_at_whatever_there_is_of_the_other(role):
    view = good(HYBRID, role=role).view
    wrong = changed(next(m for m in view.messages if m.label == AUTH), ENCR, Transform(ENCR, 20, (Attribute(14, 128),)))
    for gone in (INIT, ASKED):
        kept = tuple(wrong if m.label == AUTH else m for m in view.messages if m.label != gone)
        found = CHECKS[SUBSET](replace(view, messages=kept)).objections
        assert "IKE_AUTH: ENCR 20 was not offered, or not with these attributes" in [each.sentence for each in found]


def with_numbers(*numbers: int) -> Callable[[Sequence[Any]], list[Any]]:
    """The SA payload with these SN transforms in place of its own."""

    def edit(payloads: Sequence[Any]) -> list[Any]:
        made = []
        for p in payloads:
            if isinstance(p, SecurityAssociation):
                kept = [t for t in p.proposals[0].transforms if t.type != SN]
                kept += [Transform(SN, number) for number in numbers]
                made.append(replace(p, proposals=(replace(p.proposals[0], transforms=tuple(kept)),)))
            else:
                made.append(p)
        return made

    return edit


@pytest.mark.parametrize(
    ("label", "offered", "number", "rule"),
    [
        (INIT, (), 1, "B06"),  # RFC 7296 section 3.3.2 has the transform type for AH and ESP alone
        (INIT, (1,), 0, "B47"),
        (AUTH, (0,), 1, "B06"),
        (AUTH, (1,), 0, "B47"),  # what ESN alone means
        (AUTH, (1,), 7, "B06"),
        (AUTH, (1, 7), 0, "B06"),
        (AUTH, (0, 1), 7, "B06"),
        (AUTH, (0, 1), 0, None),
    ],
)
def test_other_sequence_numbers_than_were_offered(role, label, offered, number, rule):
    asked = {INIT: ASKED, AUTH: AUTH.replace("response", "request")}[label]
    case = good(HYBRID, role=role).rewritten(asked, with_numbers(*offered)).rewritten(label, with_numbers(number))
    assert [each.requirement for each in case.check(SUBSET).objections] == ([rule] if rule else [])


def without_sa(payloads: list[Any]) -> list[Any]:
    return [each for each in payloads if not isinstance(each, SecurityAssociation)]


@pytest.mark.parametrize("edit", [without_sa, proposals(protocol=Protocol.ESP), proposals(number=3)])
def test_of_two_products_who_offers_wrongly_is_not_answered_wrongly(edit: Edit):
    pair = edited(edit, ASK)(good_pair(PAIR))
    assert pair.check(SUBSET).objections == ()


def test_an_offer_may_have_a_proposal_of_another_protocol_beside_one_for_an_ike_sa():
    def mixed(payload: SecurityAssociation) -> SecurityAssociation:
        first, *others = payload.proposals
        return replace(payload, proposals=(first, *(replace(each, protocol=Protocol.ESP) for each in others)))

    pair = edited(each(SecurityAssociation, mixed), ASK)(good_pair("pairs/hybrid-or-classical"))
    assert len({p.protocol for sa in of(pair.message(ASK), SecurityAssociation) for p in sa.proposals}) == 2
    assert pair.check(SUBSET).objections == ()
    (objection, *_) = edited(proposals(transforms=(Transform(ENCR, 9999),)), ANSWER)(pair).check(SUBSET).objections
    assert objection.party == SECOND


def unasked(pair: Pair, *malformed: Any) -> list[str]:
    """Who is said to answer no offer, where the request is not there, and this is in its place in both captures."""
    (sa,) = pair.view.ike_sas
    messages = tuple(message for message in sa.messages if message.label != ASK)
    found = CHECKS[SUBSET](replace(sa, messages=messages, malformed=malformed, twice=True)).objections
    assert all(each.requirement == "B07" for each in found)
    return [each.party for each in found]


def test_an_answer_to_no_request_answers_no_offer_unless_what_is_unreadable_may_be_the_request():
    pair = good_pair(PAIR)
    assert unasked(pair) == [SECOND]
    datagram = pair.message(ASK).pieces[0].datagram
    assert unasked(pair, replace(datagram, payload=datagram.payload[:40])) == []


def test_a_demand_behind_the_answer_that_counts_is_none_to_follow(role):
    case = good(HYBRID, role=role)
    answer = case.message(INIT).pieces[0]
    demand = Notify(NotifyType.INVALID_KE_PAYLOAD, (20).to_bytes(2))
    late = Message(answer.message.header, (demand,)).to_bytes()
    behind = replace(answer.datagram, frame=case.datagrams[-1].frame + 1, payload=late)
    (objection,) = case.with_datagrams((*case.datagrams, behind)).check(RETRY).objections
    assert objection.sentence == "no INVALID_KE_PAYLOAD answers a wrong KE"
    (objection,) = case.rewritten(INIT, lambda old: [*old, demand]).check(RETRY).objections
    assert objection.sentence.startswith("INVALID_KE_PAYLOAD asks for method 20")  # it is the answer that has it


def twice(transforms: tuple[Transform, ...], method: int) -> tuple[Transform, ...]:
    """The method of type 4 once more as an additional one."""
    return tuple(Transform(ADDKE1, method) if t.type == ADDKE1 else t for t in transforms)


def either_way(role) -> Case:
    case = good(HYBRID, role=role)
    assert case.view.suite is not None and case.view.suite.key_exchange is not None
    method = case.view.suite.key_exchange

    def edit(payloads):
        for p in payloads:
            if isinstance(p, SecurityAssociation):
                yield replace(
                    p, proposals=tuple(replace(q, transforms=twice(q.transforms, method)) for q in p.proposals)
                )
            else:
                yield p

    return case.rewritten(ASKED, edit).rewritten(INIT, edit)


def test_what_can_be_read_either_way_is_an_answer_to_the_last_offer(role):
    case = either_way(role)
    words = read_either_way(case.view)
    assert words
    other = good(HYBRID, role=role).message(ASKED).pieces[0].datagram
    assert read_either_way(case.with_datagrams((replace(other, frame=0), *case.datagrams)).view) == words
    odd = next(p for p in case.message(INIT).payloads if isinstance(p, SecurityAssociation))
    wrong = replace(odd, proposals=tuple(replace(p, transforms=(Transform(ENCR, 9999),)) for p in odd.proposals))
    assert read_either_way(case.rewritten(INIT, lambda old: [*old, wrong]).view) == words  # the first one counts
    refused = case.rewritten(INIT, lambda old: [*old, Notify(NotifyType.INVALID_SYNTAX)])
    assert read_either_way(refused.view) == ""

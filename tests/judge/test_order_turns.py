"""Whose turn a request is: before IKE_AUTH has ended, in an IKE SA that was rekeyed, and within a window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, good
from extra_messages import behind, in_front_of, protected
from judging import initiator, passes, responder
from pair_alterations import too_early
from pair_builder import FIRST, HYBRID_REKEY, SECOND, SEVEN, good_pair

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS
from harness.verify.pair_view import PairView
from harness.verify.wire import SeenMessage
from harness.wire.payloads import Delete, Notify

WINDOW, ORDER, PAIR, HYBRID = "one-request-at-a-time", "exchanges-in-order", "pairs/hybrid", "hybrid/x25519-mlkem768"
AUTH, AUTH_ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"
REFUSAL, STATUS = Notify(NotifyType.AUTHENTICATION_FAILED), Notify(NotifyType.INITIAL_CONTACT)
GONE = Delete(Protocol.IKE)


@pytest.mark.parametrize("exchange", [ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH])
def test_the_window_is_one_until_ike_auth_is_answered(exchange):
    """What the other side has sealed before tells of no larger one, nor does a side's own request."""
    (objection,) = too_early(exchange)(good_pair(SEVEN)).check(WINDOW).objections
    assert objection.party == FIRST


def rules(case: Case) -> list[tuple[str, str | None]]:
    return [(each.party, each.requirement) for each in case.check(ORDER).objections]


@pytest.mark.parametrize(
    ("payloads", "gives_up"),
    [((), False), ((STATUS,), False), ((GONE,), True), ((REFUSAL,), True), ((STATUS, REFUSAL), True)],
)
def test_an_initiator_may_give_up_before_ike_auth_has_ended(role, payloads, gives_up):
    """It tells of what it cannot accept (RFC 7296 section 2.21.2)."""
    case, by_engine = good(HYBRID, role=role), role is Role.INITIATOR
    early = protected(case, payloads, by_engine=by_engine, message_id=3)
    told = in_front_of(case, AUTH_ANSWER, early, by_engine=by_engine)
    assert rules(told) == ([] if gives_up else [(initiator(role), "B42")])
    ended = case.with_datagrams(d for d in case.datagrams if d.frame < case.message(AUTH_ANSWER).frame)
    unanswered = behind(ended, protected(case, payloads, by_engine=by_engine, message_id=3), by_engine=by_engine)
    assert rules(unanswered) == rules(told)


@pytest.mark.parametrize("payloads", [(), (GONE,), (REFUSAL,)])
def test_a_responder_gives_up_in_its_answer_alone(role, payloads):
    case, by_engine = good(HYBRID, role=role), role is Role.RESPONDER
    early = protected(case, payloads, by_engine=by_engine, message_id=0)
    assert rules(in_front_of(case, AUTH_ANSWER, early, by_engine=by_engine)) == [(responder(role), "B42")]


def test_without_a_request_to_authenticate_nobody_repeated_it(role):
    case, by_engine = good(HYBRID, role=role), role is Role.RESPONDER
    create = protected(case, (), by_engine=by_engine, message_id=0, exchange=ExchangeType.CREATE_CHILD_SA)
    early = case.with_datagrams(d for d in case.datagrams if d.frame < case.message(AUTH).frame)
    assert rules(behind(early, create, by_engine=by_engine)) == [(responder(role), "B42")]


def test_what_has_the_number_of_ike_auth_is_not_behind_it(role):
    """That two have it, another check says."""
    case, by_engine = good(HYBRID, role=role), role is Role.INITIATOR
    same = protected(case, (), by_engine=by_engine, message_id=2, exchange=ExchangeType.IKE_INTERMEDIATE)
    passes(in_front_of(case, AUTH, same, by_engine=by_engine), ORDER)


def of_two(scenario: str, number: int, *more: SeenMessage, up_to: int = 10**6) -> list[Objection]:
    """What is said of one IKE SA with more messages, and without its own from a frame on."""
    view = good_pair(scenario).view.ike_sas[number]
    kept = (message for message in view.messages if message.frame < up_to)
    return list(CHECKS[ORDER](replace(view, messages=(*kept, *more))).objections)


def asked(exchange: ExchangeType, frame: int, *, by: str = FIRST, sealed: bool = True) -> SeenMessage:
    """A request that nobody can read."""
    view: PairView = good_pair(PAIR).view
    model = next(m for m in view.messages if m.exchange == ExchangeType.INFORMATIONAL and not m.response)
    piece = replace(model.pieces[0], datagram=replace(model.pieces[0].datagram, frame=frame))
    bare = piece if sealed else replace(piece, message=replace(piece.message, payloads=()))
    return replace(model, exchange=exchange, message_id=9, from_initiator=by == FIRST, pieces=(bare,))


INTERMEDIATE, FOLLOW = ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_FOLLOWUP_KE
LATE = 1000


def test_the_responder_begins_none_of_the_initial_exchanges():
    for exchange, rule in ((INTERMEDIATE, "I03"), (ExchangeType.IKE_AUTH, "B54")):
        (objection,) = of_two(PAIR, 0, asked(exchange, LATE, by=SECOND))
        assert (objection.party, objection.requirement) == (SECOND, rule)


@pytest.mark.parametrize("exchange", [INTERMEDIATE, ExchangeType.IKE_AUTH])
def test_a_rekeyed_ike_sa_has_none_of_the_initial_exchanges(exchange):
    (objection,) = of_two(HYBRID_REKEY, 1, asked(exchange, LATE))
    assert objection.sentence == f"{exchange} request 9 is sent in a rekeyed IKE SA"


@pytest.mark.parametrize("exchange", [INTERMEDIATE, ExchangeType.IKE_AUTH, FOLLOW, ExchangeType.INFORMATIONAL])
def test_what_is_in_clear_has_no_turn_besides(exchange):
    rule = "I06" if exchange == INTERMEDIATE else "B61"
    for frame in (LATE, 0):
        found = of_two(PAIR, 0, asked(exchange, frame, by=SECOND, sealed=False))
        assert [each.requirement for each in found] == [rule]


def test_a_side_goes_on_with_what_it_has_begun_itself():
    assert of_two(HYBRID_REKEY, 0) == of_two(HYBRID_REKEY, 0, asked(FOLLOW, LATE)) == []
    (objection,) = of_two(HYBRID_REKEY, 0, asked(FOLLOW, LATE, by=SECOND))
    assert (objection.party, objection.requirement) == (SECOND, "A08")


def test_what_nobody_can_read_may_give_up_unless_ike_auth_has_ended():
    early = asked(ExchangeType.INFORMATIONAL, 5)
    answer = next(m.frame for m in good_pair(PAIR).view.find(ExchangeType.IKE_AUTH, response=True))
    assert of_two(PAIR, 0, early, up_to=answer) == []
    (objection,) = of_two(PAIR, 0, early)
    assert (objection.party, objection.requirement) == (FIRST, "B42")
    (theirs,) = of_two(PAIR, 0, asked(ExchangeType.INFORMATIONAL, 5, by=SECOND), up_to=answer)
    assert (theirs.party, theirs.requirement) == (SECOND, "B42")

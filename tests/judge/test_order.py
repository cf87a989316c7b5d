"""Requests that do not wait for an answer, and exchanges that come at another time than theirs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, good
from extra_messages import behind, in_front_of, protected
from judging import initiator, objects, passes, responder
from pair_alterations import too_early
from pair_builder import good_pair

from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import Verdict
from harness.verify.checks.catalogue import CHECKS
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payload import Payload
from harness.wire.payloads import Notify

WINDOW, ORDER = "one-request-at-a-time", "exchanges-in-order"
HYBRID, LIFE, COOKIE = "hybrid/x25519-mlkem768", "lifecycle/liveness-and-delete", "denial-of-service/cookie"
GUESSED = "negotiation/wrong-ke-group-first"


@pytest.mark.parametrize("scenario", [HYBRID, LIFE, COOKIE, GUESSED, "multiple-ke/seven", "authentication/wrong-psk"])
def test_each_request_at_its_time(role, scenario):
    case = good(scenario, role=role)
    passes(case, "one-request-at-a-time")
    passes(case, "exchanges-in-order")


def two_at_once(case: Case, role: Role) -> Case:
    """The initiator asks for life before IKE_AUTH is answered."""
    by_engine = role is Role.INITIATOR
    return in_front_of(
        case, "IKE_AUTH response 2", protected(case, (), by_engine=by_engine, message_id=3), by_engine=by_engine
    )


def test_a_request_before_the_last_one_is_answered(role):
    case = good(HYBRID, role=role)
    early = two_at_once(case, role)
    at = f"wire.pcapng#{case.message('IKE_AUTH response 2').frame}"
    saying = "INFORMATIONAL request 3 is sent while IKE_AUTH request 2 is not answered"
    objects(early, "one-request-at-a-time", saying, party=initiator(role), at=at, requirement="B20")
    assert early.judge().verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)  # our trace may know nothing of it


def asked(case: Case, role: Role, *numbers: int) -> Case:
    """Requests of the responder behind all else, none of them answered."""
    by_engine = role is Role.RESPONDER
    for number in numbers:
        case = behind(case, protected(case, (), by_engine=by_engine, message_id=number), by_engine=by_engine)
    return case


def test_two_requests_where_a_larger_window_was_announced(role):
    case = good(HYBRID, role=role)
    twice = asked(case, role, 0, 1)
    at = f"wire.pcapng#{case.datagrams[-1].frame + 2}"
    objects(twice, WINDOW, "while INFORMATIONAL request 0 is not answered", party=responder(role), at=at)
    larger = case.rewritten("IKE_AUTH request 2", lambda old: [*old, Notify(NotifyType.SET_WINDOW_SIZE, b"\0\0\0\2")])
    passes(asked(larger, role, 0, 1), WINDOW)
    assert asked(larger, role, 0, 1, 2).check(WINDOW).objections
    odd = case.rewritten("IKE_AUTH request 2", lambda old: [*old, Notify(NotifyType.SET_WINDOW_SIZE, b"\2")])
    assert asked(odd, role, 0, 1).check(WINDOW).objections


def test_a_request_that_is_repeated_is_one(role):
    passes(good(HYBRID, role=role).repeated("IKE_AUTH request 2"), WINDOW)


def test_a_request_of_each_side_at_once(role):
    case = good(LIFE, role=role)
    by_engine = role is Role.RESPONDER
    octets = protected(case, (), by_engine=by_engine, message_id=1)
    passes(in_front_of(case, "INFORMATIONAL response 2", octets, by_engine=by_engine), WINDOW)


def test_ike_intermediate_after_ike_auth(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    octets = protected(case, (), by_engine=by_engine, message_id=5, exchange=ExchangeType.IKE_INTERMEDIATE)
    late = behind(case, octets, by_engine=by_engine)
    at = f"wire.pcapng#{case.datagrams[-1].frame + 1}"
    saying = "IKE_INTERMEDIATE request 5 comes after IKE_AUTH"
    objects(late, "exchanges-in-order", saying, party=initiator(role), at=at, requirement="I03")


def test_create_child_sa_before_ike_auth_has_ended(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.RESPONDER
    octets = protected(case, (), by_engine=by_engine, message_id=0, exchange=ExchangeType.CREATE_CHILD_SA)
    early = in_front_of(case, "IKE_AUTH response 2", octets, by_engine=by_engine)
    at = f"wire.pcapng#{case.message('IKE_AUTH response 2').frame}"
    objects(early, ORDER, "comes before IKE_AUTH has ended", party=responder(role), at=at, requirement="B42")
    passes(behind(case, octets, by_engine=by_engine), ORDER)


@pytest.mark.parametrize(
    ("label", "side"), [("IKE_INTERMEDIATE request 1", initiator), ("IKE_INTERMEDIATE response 1", responder)]
)
def test_ike_intermediate_in_clear(role, label, side):
    case = good(HYBRID, role=role)
    message = case.message(label)
    first, *rest = [piece.datagram for piece in message.pieces]
    assert not rest
    octets = Message(message.pieces[0].message.header, message.payloads).to_bytes()
    bare = case.changed(first, replace(first, payload=octets))
    objects(bare, ORDER, "has no Encrypted payload", party=side(role), at=message.pointer, requirement="I06")


def in_clear(case: Case, role: Role, exchange: ExchangeType, number: int, *payloads: Payload) -> bytes:
    """A request of the initiator that should be sealed, and is not: anybody can send it."""
    spis = case.evidence.secrets.initiator_spi, case.evidence.secrets.responder_spi
    return Message(Header(*spis, exchange, INITIATOR, number), payloads).to_bytes()


WIDER = Notify(NotifyType.SET_WINDOW_SIZE, b"\0\0\0\2")
AUTH, AUTH_ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"


def answered(case: Case, role: Role, number: int, *payloads: Payload) -> Case:
    """The initiator answers a request of the responder."""
    by_engine = role is Role.INITIATOR
    octets = protected(case, payloads, by_engine=by_engine, message_id=number, response=True)
    return behind(case, octets, by_engine=by_engine)


def test_within_a_larger_window_the_answers_come_in_any_order(role):
    larger = good(HYBRID, role=role).rewritten(AUTH, lambda old: [*old, WIDER])
    first = answered(asked(larger, role, 0, 1), role, 0)
    passes(asked(first, role, 2), WINDOW)
    assert asked(first, role, 2, 3).check(WINDOW).objections


def test_a_window_counts_from_when_it_is_announced_by_who_has_it_under_seal(role):
    case = good(HYBRID, role=role)
    late = answered(asked(case, role, 0, 1), role, 0, WIDER)
    assert len(late.check(WINDOW).objections) == 1
    own = case.rewritten(AUTH_ANSWER, lambda old: [*old, WIDER])
    assert asked(own, role, 0, 1).check(WINDOW).objections
    forged = behind(case, in_clear(case, role, ExchangeType.INFORMATIONAL, 70, WIDER), by_engine=role is Role.INITIATOR)
    assert asked(forged, role, 0, 1).check(WINDOW).objections
    other = case.rewritten(AUTH, lambda old: [*old, replace(WIDER, notify_type=NotifyType(40_000))])
    assert asked(other, role, 0, 1).check(WINDOW).objections


def test_ike_sa_init_is_to_be_answered_too(role):
    case = good(HYBRID, role=role).without("IKE_SA_INIT response 0")
    first, *_ = case.check(WINDOW).objections
    assert first.sentence == "IKE_INTERMEDIATE request 1 is sent while IKE_SA_INIT request 0 is not answered"


def test_a_request_in_clear_waits_for_nothing(role):
    case = good(HYBRID, role=role)
    forged = in_clear(case, role, ExchangeType.INFORMATIONAL, 70)
    passes(in_front_of(case, AUTH, forged, by_engine=role is Role.INITIATOR), WINDOW)


def test_only_what_comes_after_a_request_from_the_other_side_answers_it(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.RESPONDER
    theirs = protected(case, (), by_engine=not by_engine, message_id=0)
    own = protected(case, (), by_engine=by_engine, message_id=0, response=True)
    crossed = behind(behind(asked(case, role, 0), theirs, by_engine=not by_engine), own, by_engine=by_engine)
    assert [each.party for each in asked(crossed, role, 1).check(WINDOW).objections] == [responder(role)]
    early = asked(answered(case, role, 0), role, 0, 1)
    assert [each.party for each in early.check(WINDOW).objections] == [responder(role)]


def test_what_is_in_clear_is_not_out_of_turn_besides(role):
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    create = in_clear(case, role, ExchangeType.CREATE_CHILD_SA, 9)
    early = in_front_of(case, AUTH_ANSWER, create, by_engine=by_engine)
    assert [each.requirement for each in early.check(ORDER).objections] == ["B61"]
    late = behind(case, in_clear(case, role, ExchangeType.IKE_INTERMEDIATE, 9), by_engine=by_engine)
    assert [each.requirement for each in late.check(ORDER).objections] == ["I06"]


def test_a_word_in_clear_that_no_such_sa_is_there_is_no_exchange(role):
    """RFC 7296 section 1.5: its sender has no keys to seal it with."""
    case = good(HYBRID, role=role)
    by_engine = role is Role.INITIATOR
    for exchange in (ExchangeType.INFORMATIONAL, ExchangeType.IKE_INTERMEDIATE):
        told = in_clear(case, role, exchange, 9, Notify(NotifyType.INVALID_IKE_SPI))
        passes(behind(case, told, by_engine=by_engine), ORDER)
        other = in_clear(case, role, exchange, 9, Notify(NotifyType.NO_PROPOSAL_CHOSEN))
        assert len(behind(case, other, by_engine=by_engine).check(ORDER).objections) == 1


def test_of_two_products_only_what_is_sealed_may_have_told_of_a_larger_window():
    view = too_early(ExchangeType.IKE_INTERMEDIATE)(good_pair("pairs/hybrid")).view
    auth = next(m for m in view.find(ExchangeType.IKE_AUTH, response=True))
    clear = tuple(replace(piece, message=replace(piece.message, payloads=())) for piece in auth.pieces)
    for pieces, objections in ((clear, 1), (auth.pieces, 0)):
        early = tuple(replace(piece, datagram=replace(piece.datagram, frame=0)) for piece in pieces)
        told = replace(view, each=None, messages=(replace(auth, pieces=early), *view.messages))
        assert len(CHECKS[WINDOW](told).objections) == objections


def test_a_responder_whose_answer_was_lost_may_ask_at_once():
    """For it IKE_AUTH has ended; the request that comes again shows that the answer may not have come through."""
    case = good(HYBRID)
    request, response = (next(m.label for m in case.view.messages if m.label.startswith(f"IKE_AUTH {way}"))
                         for way in ("request", "response"))  # fmt: skip
    for lost, broken in ((case, ["B42"]), (case.repeated(request), [])):
        early = in_front_of(lost, response, protected(lost, (), by_engine=False, message_id=0), by_engine=False)
        assert [each.requirement for each in early.check("exchanges-in-order").objections] == broken

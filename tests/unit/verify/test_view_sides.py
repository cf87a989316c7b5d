"""Whose a datagram is, which keys are due, and what our view of a case takes for its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, PEER_NAME, Case, good
from extra_messages import in_front_of, protected

from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.verify.wire import is_esp
from harness.wire.message import Message
from harness.wire.payloads import Nonce, Notify, SecurityAssociation

ROLES = pytest.mark.parametrize("role", list(Role))
HYBRID, SEVEN, EITHER = "hybrid/x25519-mlkem768", "multiple-ke/seven", "hybrid/mlkem768-or-classical"
REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
AUTH, AUTH_ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"
ASKED, ASKED_ANSWER = "IKE_INTERMEDIATE request 1", "IKE_INTERMEDIATE response 1"
ELSEWHERE = "203.0.113.9"


@ROLES
def test_with_our_engine_there_is_one_ike_sa_between_it_and_the_peer(role):
    case = good(role=role)
    view = case.view
    assert view.ike_sas == (view,) and view.rekeyed is False
    assert (view.role, view.peer) == (role, PEER_NAME)
    assert view.responder_spi == case.evidence.secrets.responder_spi


@ROLES
def test_only_what_goes_between_the_two_is_of_the_case(role):
    case = good(role=role)
    first = case.datagrams[0]
    ways = [(ENGINE, PEER), (PEER, ENGINE), (ELSEWHERE, ENGINE), (PEER, ELSEWHERE)]
    moved = [replace(first, source=(here, 500), destination=(there, 500)) for here, there in ways]
    assert [case.view.is_between(each) for each in moved] == [True, True, False, False]
    facts = case.evidence.facts
    for side in ("initiator", "responder"):
        unknown = replace(facts, **{side: replace(getattr(facts, side), address="")})
        assert all(replace(case.view, facts=unknown).is_between(each) for each in moved)


def test_esp_is_what_the_two_sent_of_it():
    case = good()
    due = [each for each in case.datagrams if is_esp(each)]
    assert due and case.view.esp == due
    other = replace(due[-1], source=(ELSEWHERE, 4500))
    assert case.with_datagrams((*case.datagrams, other)).view.esp == due


@ROLES
def test_what_is_no_message_counts_where_one_of_the_two_sent_it(role):
    case = good(role=role)
    first = case.datagrams[0]
    header = replace(case.message(REQUEST).pieces[0].message.header, initiator_spi=b"stranger")
    for source, counts in ((PEER, True), (ELSEWHERE, False)):
        junk = replace(first, source=(source, 500), destination=(ENGINE, 500), payload=b"no message")
        stranger = replace(junk, payload=Message(header, ()).to_bytes())
        view = case.with_datagrams((*case.datagrams, junk, stranger)).view
        assert view.malformed == ((junk,) if counts else ())
        assert [each.datagram for each in view.strangers] == ([stranger] if counts else [])


def idle(case: Case, number: int) -> bytes:
    """An IKE_INTERMEDIATE request of our engine without a key exchange."""
    return protected(case, (), by_engine=True, message_id=number, exchange=ExchangeType.IKE_INTERMEDIATE)


def test_the_numbers_of_the_exchanges_with_keys():
    case = good()
    assert case.view.key_exchanges == [1]
    assert good(SEVEN).view.key_exchanges == [1, 2, 3, 4, 5, 6, 7]
    assert case.without(ASKED_ANSWER).view.key_exchanges == case.without(ASKED).view.key_exchanges == [1]
    assert in_front_of(case, AUTH, idle(case, 0), by_engine=True).view.key_exchanges == [1], "it has none"
    assert case.with_secrets(shared_secrets=()).view.key_exchanges == [1], "it may have one"


@ROLES
def test_other_exchanges_are_due_under_the_last_keys_and_so_is_what_the_responder_asks(role):
    view = good(role=role).view
    asked, answer, auth = (next(m for m in view.messages if m.label == each) for each in (ASKED, ASKED_ANSWER, AUTH))
    assert [view.due_generation(each) for each in (asked, answer, auth)] == [0, 0, 1]
    assert view.due_generation(replace(auth, message_id=0)) == 1
    for turned in (asked, answer):
        assert view.due_generation(replace(turned, from_initiator=not turned.from_initiator)) == 1


def silent(payloads):
    return [p for p in payloads if not isinstance(p, Notify)]


def test_without_an_offer_nothing_is_to_be_skipped():
    assert not good().without(REQUEST).view.skips_additional


def test_who_knows_no_additional_exchange_may_choose_what_names_none():
    case = good(EITHER)
    quiet = case.rewritten(REQUEST, silent).view.allowed
    assert quiet and not any(suite.names_additional for suite in quiet)
    assert any(suite.names_additional for suite in case.view.allowed)


@ROLES
def test_another_notification_does_not_ask_for_transport_mode(role):
    told = good(role=role).rewritten(AUTH, lambda old: [Notify(NotifyType.INITIAL_CONTACT), *old])
    assert told.view.transport_mode(response=False) is None


@ROLES
def test_an_error_in_clear_behind_ike_sa_init_refuses_nothing(role):
    case = good(role=role)
    piece = case.message(AUTH_ANSWER).pieces[0]
    clear = Message(piece.message.header, (Notify(NotifyType.AUTHENTICATION_FAILED),)).to_bytes()
    assert case.changed(piece.datagram, replace(piece.datagram, payload=clear)).view.refusals == []


def test_where_no_spi_is_on_record_that_of_the_first_message_counts():
    case = good()
    labels = [message.label for message in case.view.messages]
    header = replace(case.message(REQUEST).pieces[0].message.header, initiator_spi=b"stranger")
    late = replace(case.datagrams[-1], source=(PEER, 500), destination=(ENGINE, 500), frame=99,
                   payload=Message(header, ()).to_bytes())  # fmt: skip
    unknown = case.with_secrets(initiator_spi=bytes(8))
    view = unknown.with_datagrams((late, *case.datagrams)).view
    assert [message.label for message in view.messages] == labels
    assert [each.datagram for each in view.strangers] == [late]
    assert unknown.with_datagrams(()).view.messages == ()


def test_an_answer_with_a_nonce_and_no_sa_chooses_nothing():
    bare = good().rewritten(ANSWER, lambda old: [p for p in old if not isinstance(p, SecurityAssociation)])
    assert any(isinstance(p, Nonce) for p in bare.message(ANSWER).payloads)
    assert bare.view.suite is None and bare.view.chain is None


def test_the_first_of_two_sa_payloads_makes_the_choice():
    case = good()

    def twice(old):
        none = [replace(p, proposals=(replace(p.proposals[0], transforms=()),)) for p in old
                if isinstance(p, SecurityAssociation)]  # fmt: skip
        return [*old, *none]

    assert case.rewritten(ANSWER, twice).view.suite == case.view.suite

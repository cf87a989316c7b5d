from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import pytest
from case_builder import PEER_NAME, flipped, good
from extra_messages import behind, in_front_of, protected
from pair_builder import good_pair

from harness.oracle.negotiation import TooManySuites
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.scenario.model import Mode
from harness.verify.wire import accepts, announces_intermediate, has_additional, names_additional
from harness.wire.message import INITIATOR, Message
from harness.wire.payloads import Authentication, EncryptedFragment, Nonce, Notify, SecurityAssociation


@pytest.mark.parametrize("role", list(Role))
def test_who_is_who(role):
    view = good(role=role).view
    assert {view.party(initiator=True), view.party(initiator=False)} == {"engine", PEER_NAME}
    assert (view.party(initiator=True) == "engine") == (role is Role.INITIATOR)
    assert view.sender(view.messages[0]) == view.party(initiator=True)


@pytest.mark.parametrize("scenario", ["denial-of-service/cookie", "negotiation/wrong-ke-group-first"])
def test_the_last_request_before_the_answer_counts(scenario):
    view = good(scenario).view
    request, response = view.final_init
    assert request is not None and response is not None
    assert (request.frame, response.frame) == (3, 4)
    assert view.chain is not None
    assert view.established and view.child_established


def test_a_forged_second_answer_changes_nothing():
    case = good()
    forged = case.repeated("IKE_SA_INIT response 0", lambda octets: flipped(octets, -1))
    assert forged.view.suite == case.view.suite
    assert forged.view.established


def test_the_child_sa_of_the_wire():
    case = good()
    child, recorded = case.view.child, case.evidence.secrets.children[0]
    assert child is not None
    assert (child.initiator_spi, child.responder_spi) == (recorded.initiator_spi, recorded.responder_spi)
    assert child.suite == recorded.suite
    assert good("authentication/wrong-psk").view.child is None


def test_without_secrets_the_wire_stays_closed():
    view = good().with_secrets(shared_secrets=()).view
    assert view.chain is None
    assert [m.label for m in view.messages if m.readable] == ["IKE_SA_INIT request 0", "IKE_SA_INIT response 0"]
    assert not view.established
    assert view.suite is not None and view.suite.get(TransformType.ADDKE1) is not None


def test_demands_to_try_again_are_no_refusals():
    assert good("negotiation/wrong-ke-group-first").view.refusals == []
    assert good("denial-of-service/cookie").view.refusals == []
    ((message, kind),) = good("authentication/wrong-psk").view.refusals
    assert (message.label, kind.name) == ("IKE_AUTH response 1", "AUTHENTICATION_FAILED")


def test_a_refusal_that_does_not_decrypt_is_not_read():
    case = good("authentication/wrong-psk")
    datagram = case.message("IKE_AUTH response 1").pieces[0].datagram
    assert case.changed(datagram, replace(datagram, payload=flipped(datagram.payload, -1))).view.refusals == []


HYBRID, CLASSICAL, LIFE = "hybrid/x25519-mlkem768", "classical/ecp384", "lifecycle/liveness-and-delete"
REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
AUTH, AUTH_ANSWER = "IKE_AUTH request 2", "IKE_AUTH response 2"
ROLES = pytest.mark.parametrize("role", list(Role))


@ROLES
def test_a_datagram_of_neither_address_is_the_peers(role):
    view = good(role=role).view
    first = view.wire.datagrams[0]
    for address, party in (("198.51.100.10", "engine"), ("198.51.100.20", PEER_NAME), ("192.0.2.9", PEER_NAME)):
        assert view.source(replace(first, source=(address, 500))) == party


def test_messages_are_found_by_exchange_direction_and_side():
    case = good(LIFE)
    everything = case.view.find(ExchangeType.INFORMATIONAL)
    for initiator in (True, False):
        mine = case.view.find(ExchangeType.INFORMATIONAL, initiator=initiator)
        assert mine == [m for m in everything if m.from_initiator is initiator] != everything
    for response in (True, False):
        mine = case.view.find(ExchangeType.INFORMATIONAL, response=response)
        assert mine == [m for m in everything if m.response is response] != everything


def test_keys_are_not_printed():
    view = good().view
    assert view.chain is not None and "chain" not in repr(view)


def intermediate(case, number, *, by_engine=True, response=False):
    return protected(
        case, (), by_engine=by_engine, message_id=number, exchange=ExchangeType.IKE_INTERMEDIATE, response=response
    )


def test_ike_intermediate_is_sealed_and_before_ike_auth():
    case = good()
    (one,) = case.view.intermediates(response=False)
    assert [one.label] == ["IKE_INTERMEDIATE request 1"]
    for number in (2, 3, 9):
        late = behind(case, intermediate(case, number), by_engine=True)
        assert [m.label for m in late.view.intermediates(response=False)] == [one.label]
    theirs = behind(case, intermediate(case, 1, by_engine=False), by_engine=False)
    assert [m.pointer for m in theirs.view.intermediates(response=False)] == [one.pointer]
    header = replace(one.pieces[0].message.header, message_id=0)
    clear = in_front_of(case, AUTH, Message(header, ()).to_bytes(), by_engine=True)
    assert [m.label for m in clear.view.intermediates(response=False)] == [one.label]
    begun = case.without(AUTH).without(AUTH_ANSWER)
    high = behind(begun, intermediate(begun, 0x9000_0000), by_engine=True)
    assert len(high.view.intermediates(response=False)) == 2, "without IKE_AUTH nothing ends them"


@ROLES
def test_what_is_in_its_place_has_this_header_these_keys_and_its_turn(role):
    case = good(role=role)
    first, *others = case.view.messages
    assert all(case.view.in_place(message) for message in others)
    assert not case.view.in_place(first), "it has no responder's SPI yet"
    two = case.repeated(AUTH_ANSWER, lambda octets: octets[:17] + b"\x30" + octets[18:])
    assert not two.view.in_place(two.message(AUTH_ANSWER)), "one copy is of another version"
    minor = case.rewritten(AUTH_ANSWER, version=0x21)
    assert minor.view.in_place(minor.message(AUTH_ANSWER))
    flags = case.message(AUTH_ANSWER).pieces[0].message.header.flags
    for header in ({"responder_spi": b"7" * 8}, {"flags": flags ^ INITIATOR}):
        other = case.rewritten(AUTH_ANSWER, **header)
        assert not other.view.in_place(other.message(AUTH_ANSWER))
    early = case.rewritten(AUTH_ANSWER, generation=0)
    assert not early.view.in_place(early.message(AUTH_ANSWER))
    alone = case.without(AUTH)
    assert not alone.view.in_place(alone.message(AUTH_ANSWER))
    gap = case.without("IKE_INTERMEDIATE request 1")
    assert not gap.view.in_place(gap.message(AUTH))


@ROLES
def test_an_answer_is_in_its_turn_behind_the_request_of_the_other_side(role):
    case = good(role=role)
    by_engine = role is Role.RESPONDER
    own = protected(case, (), by_engine=by_engine, message_id=0)
    answer = protected(case, (), by_engine=by_engine, message_id=0, response=True)
    both = behind(behind(case, own, by_engine=by_engine), answer, by_engine=by_engine)
    last = both.view.messages[-1]
    assert last.label == "INFORMATIONAL response 0" and not both.view.in_place(last)
    theirs = protected(case, (), by_engine=not by_engine, message_id=0, response=True)
    label = "INFORMATIONAL response 0"
    late = behind(behind(case, own, by_engine=by_engine), theirs, by_engine=not by_engine)
    assert late.view.in_place(late.message(label))
    early = behind(behind(case, theirs, by_engine=not by_engine), own, by_engine=by_engine)
    assert not early.view.in_place(early.message(label))


def silent(payloads):
    return [p for p in payloads if not isinstance(p, Notify)]


@ROLES
def test_the_offer_that_counts_tells_what_is_to_be_skipped(role):
    case = good(role=role)
    assert not case.view.skips_additional
    assert case.rewritten(REQUEST, silent).view.skips_additional
    unanswered = case.rewritten(REQUEST, silent).without(ANSWER)
    assert unanswered.view.skips_additional
    again = case.message(REQUEST).pieces[0].octets
    told = in_front_of(unanswered, "IKE_INTERMEDIATE request 1", again, by_engine=role is Role.INITIATOR)
    assert not told.view.skips_additional, "the last one announces it"
    quiet = case.rewritten(REQUEST, silent)
    late = behind(quiet, again, by_engine=role is Role.INITIATOR)
    assert late.view.skips_additional, "the one that is answered does not"
    empty = Message(case.message(REQUEST).pieces[0].message.header, ()).to_bytes()
    bare = in_front_of(unanswered, "IKE_INTERMEDIATE request 1", empty, by_engine=role is Role.INITIATOR)
    assert bare.view.skips_additional, "the last one with an offer counts"
    assert not good(CLASSICAL, role=role).rewritten(REQUEST, silent).view.skips_additional


def test_of_too_many_suites_those_are_left_that_name_no_additional_one():
    case = good("hybrid/mlkem768-or-classical")
    classical = good("hybrid/mlkem768-or-classical", "strongswan-6.0").expectation.ike
    both = replace(case, expectation=replace(case.expectation, ike=(*case.expectation.ike, *classical)))
    quiet = both.rewritten(REQUEST, silent)
    with patch("harness.verify.view.acceptable_suites", side_effect=TooManySuites("too many")):
        assert quiet.view.allowed == tuple(s for s in both.expectation.ike if not s.names_additional) != ()
        assert both.view.allowed == both.expectation.ike


@ROLES
def test_only_an_answer_to_be_taken_establishes(role):
    case = good(role=role)
    assert case.view.established and case.view.child_established
    piece = case.message(AUTH_ANSWER).pieces[0]
    clear = Message(piece.message.header, case.message(AUTH_ANSWER).payloads).to_bytes()
    in_clear = case.changed(piece.datagram, replace(piece.datagram, payload=clear))
    other = case.rewritten(AUTH_ANSWER, responder_spi=b"7" * 8)
    nameless = case.rewritten(AUTH_ANSWER, lambda old: [p for p in old if not isinstance(p, Authentication)])
    for wrong in (in_clear, other, nameless):
        assert not wrong.view.established and not wrong.view.child_established
    childless = case.rewritten(AUTH_ANSWER, lambda old: [p for p in old if not isinstance(p, SecurityAssociation)])
    assert childless.view.established and not childless.view.child_established
    refused = case.rewritten(AUTH_ANSWER, lambda old: [*old, Notify(NotifyType.TS_UNACCEPTABLE)])
    assert refused.view.established and not refused.view.child_established
    assert refused.view.child is None


def edited(case, label, edit):
    return case.rewritten(label, lambda old: [edit(p) if isinstance(p, SecurityAssociation) else p for p in old])


def numbered(*spis):
    """Proposals 1, 2, ... with these SPIs."""

    def edit(sa):
        (first, *_) = sa.proposals
        return replace(sa, proposals=tuple(replace(first, number=n, spi=s) for n, s in enumerate(spis, start=1)))

    return edit


@ROLES
def test_the_child_sa_is_that_of_the_first_proposal_answered_and_of_its_number_in_the_last_offer(role):
    case = good(role=role)
    spis = case.view.child.initiator_spi, case.view.child.responder_spi
    first, second = b"\xaa" * 4, b"\xbb" * 4
    offered = edited(case, AUTH, numbered(first, second))
    assert offered.view.child.initiator_spi == first
    chosen = edited(offered, AUTH_ANSWER, lambda sa: replace(sa, proposals=(replace(sa.proposals[0], number=2),)))
    assert (chosen.view.child.initiator_spi, chosen.view.child.responder_spi) == (second, spis[1])
    ninth = lambda sa: replace(sa, proposals=(replace(sa.proposals[0], number=9),))  # noqa: E731
    odd = edited(offered, AUTH_ANSWER, ninth)
    assert odd.view.child.initiator_spi == first
    two = edited(
        case, AUTH_ANSWER, lambda sa: replace(sa, proposals=(*sa.proposals, replace(sa.proposals[0], spi=first)))
    )
    assert two.view.child.responder_spi == spis[1]
    answers = case.rewritten(
        AUTH_ANSWER, lambda old: [*old, *(numbered(first)(p) for p in old if isinstance(p, SecurityAssociation))]
    )
    assert answers.view.child.responder_spi == spis[1]
    bare = lambda sa: replace(sa, proposals=(replace(sa.proposals[0], transforms=()),))  # noqa: E731
    suites = case.rewritten(
        AUTH_ANSWER, lambda old: [*old, *(bare(p) for p in old if isinstance(p, SecurityAssociation))]
    )
    assert suites.view.child.suite == case.view.child.suite
    offers = case.rewritten(
        AUTH, lambda old: [*old, *(numbered(second)(p) for p in old if isinstance(p, SecurityAssociation))]
    )
    assert offers.view.child.initiator_spi == second
    assert edited(offers, AUTH_ANSWER, ninth).view.child.initiator_spi == second
    assert case.without(AUTH).view.child is None and case.without(AUTH_ANSWER).view.child is None


TRANSPORT = Notify(NotifyType.USE_TRANSPORT_MODE)


@ROLES
def test_transport_mode_is_what_both_messages_ask_for(role):
    case = good(role=role)
    assert case.view.child.mode is Mode.TUNNEL

    def asking(case, *labels):
        for label in labels:
            case = case.rewritten(label, lambda old: [Notify(NotifyType.INITIAL_CONTACT), TRANSPORT, *old])
        return case

    assert asking(case, AUTH).view.child.mode is Mode.TUNNEL
    assert asking(case, AUTH_ANSWER).view.child.mode is Mode.TUNNEL
    both = asking(case, AUTH, AUTH_ANSWER)
    assert both.view.child.mode is Mode.TRANSPORT
    assert both.view.transport_mode(response=False).label == AUTH
    assert both.view.transport_mode(response=True).label == AUTH_ANSWER


def test_a_child_sa_alone_is_refused_where_only_its_policies_part():
    case = good()
    assert not case.view.child_alone_refused
    without_child = replace(case, expectation=replace(case.expectation, esp=()))
    assert without_child.view.child_alone_refused
    assert not replace(case, expectation=replace(case.expectation, esp=(), ike=())).view.child_alone_refused
    wrong = good("authentication/wrong-psk")
    assert not wrong.expectation.esp and wrong.expectation.ike and not wrong.view.child_alone_refused


@ROLES
def test_refusals_are_errors_in_readable_answers(role):
    case = good(role=role)
    status, error = Notify(NotifyType.INITIAL_CONTACT), Notify(NotifyType.INVALID_SYNTAX)
    assert case.rewritten(AUTH, lambda old: [*old, error]).view.refusals == []
    told = case.rewritten(AUTH_ANSWER, lambda old: [*old, status, error])
    assert [(m.label, kind) for m, kind in told.view.refusals] == [(AUTH_ANSWER, NotifyType.INVALID_SYNTAX)]


def test_additional_key_exchanges_are_named_and_had():
    def of_answer(name, role=Role.INITIATOR):
        return good(name, role=role).message(ANSWER)

    assert has_additional(of_answer(HYBRID)) and names_additional(of_answer(HYBRID))
    assert not has_additional(of_answer(CLASSICAL)) and not names_additional(of_answer(CLASSICAL))
    declined = of_answer("multiple-ke/none-selected")
    assert names_additional(declined) and not has_additional(declined)
    assert announces_intermediate(of_answer(HYBRID))
    assert not announces_intermediate(good().rewritten(ANSWER, silent).message(ANSWER))


@ROLES
def test_an_sa_beside_an_error_agrees_on_nothing(role):
    case = good(role=role)
    assert accepts(case.message(ANSWER)) and accepts(case.message(AUTH_ANSWER))
    for label in (ANSWER, AUTH_ANSWER):
        for kind, agreed in ((NotifyType.INVALID_SYNTAX, False), (NotifyType.INITIAL_CONTACT, True)):
            told = case.rewritten(label, lambda old, kind=kind: [*old, Notify(kind)])
            assert bool(accepts(told.message(label))) is agreed


@ROLES
def test_what_cannot_be_read_refuses_nothing(role):
    case = good(role=role)
    message = case.message(AUTH_ANSWER)
    (sa,) = (p for p in message.payloads if isinstance(p, SecurityAssociation))
    error = Notify(NotifyType.INVALID_SYNTAX)
    octets = Message(message.pieces[0].message.header, (sa, error)).to_bytes()
    clear = case.changed(message.pieces[0].datagram, replace(message.pieces[0].datagram, payload=octets))
    assert accepts(clear.message(AUTH_ANSWER)) == [sa]


@ROLES
def test_the_first_request_of_a_side_has_the_number_zero(role):
    case, by_engine = good(role=role), role is Role.RESPONDER
    skipping = behind(case, protected(case, (), by_engine=by_engine, message_id=1), by_engine=by_engine)
    assert not skipping.view.in_place(skipping.view.messages[-1])
    begun = behind(case, protected(case, (), by_engine=by_engine, message_id=0), by_engine=by_engine)
    assert begun.view.in_place(begun.view.messages[-1])


@ROLES
def test_the_recorded_spi_is_that_of_the_case_although_octets_of_it_are_zero(role):
    case = good(role=role)
    old, least = case.evidence.secrets.initiator_spi, bytes(7) + b"\1"
    renamed = case.with_datagrams(replace(d, payload=d.payload.replace(old, least, 1)) for d in case.datagrams)
    header = replace(case.message(REQUEST).pieces[0].message.header, initiator_spi=b"7" * 8)
    stranger = replace(renamed.datagrams[0], frame=0, payload=Message(header, ()).to_bytes())
    both = renamed.with_datagrams((stranger, *renamed.datagrams)).with_secrets(initiator_spi=least)
    assert [m.label for m in both.view.messages] == [m.label for m in case.view.messages]


def repeated(pair, label):
    first = pair.message(label).pieces[0].datagram
    return pair.changed(first, first, replace(first, frame=first.frame + 100))


def unanswered(pair):
    return [message.label for message in pair.view.unanswered]


def test_of_a_pair_what_was_sent_again_and_has_no_answer_is_unanswered():
    pair = good_pair("pairs/hybrid")
    assert unanswered(pair) == []
    for label in (AUTH, AUTH_ANSWER, REQUEST, ANSWER):
        assert unanswered(repeated(pair, label)) == []
    alone = pair.without(AUTH_ANSWER)
    assert unanswered(alone) == [], "it was sent once"
    assert unanswered(repeated(alone, AUTH)) == [AUTH]
    assert unanswered(repeated(pair.without(ANSWER), REQUEST)) == [], "nobody need answer that"


def test_refusals_of_a_pair_are_errors_in_clear_that_do_not_ask_to_try_again():
    pair = good_pair("pairs/hybrid")
    piece = pair.message(ANSWER).pieces[0]
    retry, error, status = (
        Notify(kind)
        for kind in (NotifyType.INVALID_KE_PAYLOAD, NotifyType.NO_PROPOSAL_CHOSEN, NotifyType.INITIAL_CONTACT)
    )
    octets = Message(piece.message.header, (status, retry, error)).to_bytes()
    told = pair.changed(piece.datagram, replace(piece.datagram, payload=octets))
    assert [kind for _, kind in told.view.refusals] == [NotifyType.NO_PROPOSAL_CHOSEN]
    assert told.view.suite is None and pair.view.suite is not None


@ROLES
def test_the_first_of_two_nonces_makes_the_keys(role):
    """That there are two is another check's finding."""
    for label in (REQUEST, ANSWER):
        two = good(role=role).rewritten(label, lambda old: [*old, Nonce(bytes(32))])
        assert two.view.established
        turned = good(role=role).rewritten(label, lambda old: [Nonce(bytes(32)), *old])
        assert not turned.view.established


def test_fragments_of_a_message_are_no_repetition():
    pair = good_pair("pairs/hybrid").without(AUTH_ANSWER)
    piece = pair.message(AUTH).pieces[0]
    marker = piece.datagram.payload[: -len(piece.octets)]
    parts = [
        replace(piece.datagram, payload=marker + Message(piece.message.header, (each,)).to_bytes())
        for each in (EncryptedFragment(PayloadType.SA, number, 2, bytes(40)) for number in (1, 2))
    ]
    assert unanswered(pair.changed(piece.datagram, *parts)) == []
    assert unanswered(pair.changed(piece.datagram, piece.datagram, *parts)) == [AUTH], "whole, and again in parts"

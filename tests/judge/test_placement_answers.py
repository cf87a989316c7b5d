"""Which request an answer belongs to, and what it may hold for that; the same of messages that no case has."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from case_builder import good
from rekeying import esp, ike

from harness.registry.identities import AuthenticationMethod, ConfigurationType, IdentificationType
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.verify.checks.catalogue import CHECKS
from harness.verify.wire import SeenMessage
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Configuration,
    ExtensibleAuthentication,
    IdentificationInitiator,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)

PLACE = "payloads-in-their-place"
AUTH, CREATE, INFORMATIONAL = ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA, ExchangeType.INFORMATIONAL
REQUEST, REPLY, ACK = (
    Configuration(kind, ())
    for kind in (ConfigurationType.CFG_REQUEST, ConfigurationType.CFG_REPLY, ConfigurationType.CFG_ACK)
)
PROOF = Authentication(AuthenticationMethod.SHARED_KEY_MESSAGE_INTEGRITY_CODE, bytes(32))
WHO = IdentificationInitiator(IdentificationType.ID_FQDN, b"x")
EAP, CONTACT = ExtensibleAuthentication(b"\3\1\0\4"), Notify(NotifyType.INITIAL_CONTACT)


def compression(transform: int, cpi: int = 7) -> Notify:
    return Notify(NotifyType.IPCOMP_SUPPORTED, cpi.to_bytes(2) + bytes((transform,)))


def message(
    exchange: ExchangeType, number: int, frame: int, *payloads: Payload, response: bool = False, sealed: bool = True,
    opens: bool = True,
) -> SeenMessage:  # fmt: skip
    """A request of the initiator, or the answer to it."""
    model = next(m for m in good().view.messages if m.exchange == INFORMATIONAL)
    assert model.opened is not None
    piece = replace(model.pieces[0], datagram=replace(model.pieces[0].datagram, frame=frame))
    if not sealed:
        piece = replace(piece, message=replace(piece.message, payloads=payloads))
    opened = replace(model.opened, outer=(), inner=payloads) if opens else None
    return replace(
        model, exchange=exchange, message_id=number, response=response, from_initiator=not response, pieces=(piece,),
        opened=opened,
    )  # fmt: skip


def rules(*messages: SeenMessage) -> list[str | None]:
    return [each.requirement for each in CHECKS[PLACE](replace(good().view, messages=messages)).objections]


def answered(asked: Iterable[Payload], *payloads: Payload, exchange: ExchangeType = AUTH) -> list[str | None]:
    return rules(message(exchange, 1, 1, *asked), message(exchange, 1, 2, *payloads, response=True))


SELECTORS = TrafficSelectorsInitiator(()), TrafficSelectorsResponder(())


def of_both() -> SecurityAssociation:
    """An offer with a proposal of each protocol."""
    (one,), (other,) = esp().proposals, ike().proposals
    return SecurityAssociation((one, replace(other, number=2)))


@pytest.mark.parametrize("selectors", SELECTORS, ids=["TSi", "TSr"])
def test_a_rekey_of_the_ike_sa_alone_has_no_selectors(selectors):
    assert rules(message(CREATE, 1, 1, ike(), selectors)) == ["B54"]
    for offer in ([esp()], [of_both()], []):
        assert rules(message(CREATE, 1, 1, *offer, selectors)) == []
    assert rules(message(CREATE, 1, 1, ike(), Nonce(bytes(32)))) == rules(message(AUTH, 1, 1, ike(), selectors)) == []


def test_an_answer_to_a_configuration_is_no_request():
    assert rules(message(INFORMATIONAL, 1, 1, REPLY)) == rules(message(INFORMATIONAL, 1, 1, REQUEST, REPLY)) == ["B62"]
    assert (
        rules(message(INFORMATIONAL, 1, 1, REQUEST)) == rules(message(INFORMATIONAL, 1, 1, REPLY, sealed=False)) == []
    )


def test_the_initiators_identity_is_in_its_request():
    assert rules(message(AUTH, 1, 1, WHO)) == []
    assert rules(message(AUTH, 1, 2, WHO, response=True)) == ["B54"]
    assert rules(message(CREATE, 1, 2, WHO, response=True)) == ["B54"]  # once
    assert rules(message(AUTH, 1, 2, WHO, response=True, sealed=False)) == []


def test_a_configuration_is_answered_where_it_was_asked_for():
    assert answered([REQUEST], REPLY) == answered([], ACK) == answered([REQUEST, ACK], REPLY) == []
    assert answered([], REPLY) == answered([ACK], REPLY) == ["B62"]


def test_an_answer_belongs_to_the_request_of_its_number_but_in_ike_auth():
    asks, asks_not = (message(INFORMATIONAL, number, number, *held) for number, held in ((1, [REQUEST]), (2, [])))
    late = message(INFORMATIONAL, 2, 3, REPLY, response=True)
    assert rules(asks, asks_not, late) == ["B62"]
    assert rules(asks, asks_not, replace(late, message_id=1)) == []
    assert rules(asks, replace(late, exchange=CREATE, message_id=1)) == []  # to which no request is there
    first, last = (replace(each, exchange=AUTH) for each in (asks, asks_not))
    assert rules(first, last, replace(late, exchange=AUTH)) == []
    assert rules(replace(asks, from_initiator=False), asks_not, late) == ["B62"]


def test_nothing_is_said_of_an_answer_whose_request_is_not_known():
    bare, late = message(AUTH, 1, 1), message(AUTH, 1, 5, REPLY, response=True)
    assert rules(late) == rules(message(AUTH, 1, 9), late) == rules(message(AUTH, 1, 1, opens=False), late) == []
    assert rules(bare, message(AUTH, 2, 2, opens=False), late) == []
    assert rules(bare, late) == rules(bare, message(AUTH, 2, 9, opens=False), late) == ["B62"]


def test_an_answer_of_the_other_side_is_no_request():
    asked = replace(message(INFORMATIONAL, 1, 1), from_initiator=False)
    other = message(INFORMATIONAL, 1, 2, response=True, opens=False)
    reply = replace(message(INFORMATIONAL, 1, 3, REPLY, response=True), from_initiator=True)
    assert rules(asked, other, reply) == rules(asked, reply) == ["B62"]


@pytest.mark.parametrize(("many", "broken"), [(50, ["B62"]), (51, [])])
def test_of_a_flood_of_requests_nobody_knows_which_one_was_answered(many, broken):
    requests = [message(AUTH, number, number) for number in range(1, many + 1)]
    assert rules(*requests, message(AUTH, 1, many + 1, REPLY, response=True)) == broken


def test_a_compression_is_accepted_as_it_was_offered():
    """Each side names a CPI of its own (RFC 7296 section 2.22)."""
    one, other, theirs = compression(1), compression(2), compression(1, cpi=9)
    assert answered([esp(), one, other], esp(), theirs) == []
    with_attributes = replace(one, data=one.data + b"\1\2")
    assert answered([esp(), with_attributes], esp(), theirs) == answered([esp(), one], esp(), with_attributes) == []
    assert answered([esp(), other], esp(), theirs) == answered([esp()], esp(), theirs) == ["B63"]
    assert answered([esp(), one, other], esp(), one, other) == ["B63"]
    assert answered([esp(), one, Notify(NotifyType(40_000), other.data)], esp(), other) == ["B63"]
    assert answered([esp(), one], esp(), one, Notify(NotifyType(40_000), other.data)) == []


def test_a_compression_is_of_a_child_sa():
    one = compression(1)
    for offer in ([esp()], [of_both()]):
        assert rules(message(CREATE, 1, 1, *offer, one)) == []
    for other in ([ike()], []):
        assert rules(message(CREATE, 1, 1, *other, one)) == ["B63"]
        assert rules(message(CREATE, 1, 1, *other, one, sealed=False)) == []


@pytest.mark.parametrize(
    ("exchange", "broken"), [(AUTH, []), (CREATE, ["B65"]), (INFORMATIONAL, ["B65"]), (ExchangeType(99), [])]
)
def test_who_has_no_other_ike_sa_says_so_as_it_authenticates(exchange, broken):
    assert rules(message(exchange, 1, 1, CONTACT)) == broken
    assert rules(message(exchange, 1, 1, CONTACT, sealed=False)) == []


def test_extensible_authentication_goes_on_until_the_last_request_has_auth():
    first, last = message(AUTH, 1, 1), message(AUTH, 2, 3, PROOF)
    assert rules(first, last, message(AUTH, 1, 2, EAP, response=True)) == []
    assert rules(first, last, message(AUTH, 2, 4, EAP, response=True)) == ["B54"]
    assert rules(replace(last, message_id=1), message(AUTH, 2, 5), message(AUTH, 2, 6, EAP, response=True)) == []
    assert rules(first, last, message(AUTH, 2, 4, PROOF, response=True)) == []


def test_what_nobody_can_read_is_not_counted():
    def detail(*messages: SeenMessage) -> Any:
        return CHECKS[PLACE](replace(good().view, messages=messages)).detail

    assert detail(message(AUTH, 1, 1), message(AUTH, 2, 2, opens=False)).startswith("1 messages")

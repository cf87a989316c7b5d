"""The responder's choice must lie within the initiator's offer (RFC 7296 sections 2.7 and 3.3.6; RFC 9370 2.2.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from engine_arrows import arrows, assert_established, closed, exchanges, message_of, misbehaving, rewrite
from engine_pair import pair, policy, proposal, run

from harness.ike.events import Negotiated
from harness.policy.deviation import Deviation
from harness.policy.proposals import Policy
from harness.registry.algorithms import Algorithm
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, KeyExchangeMethod, TransformType
from harness.wire.message import Message
from harness.wire.payload import Payload
from harness.wire.payloads import KeyExchange, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

OFFER = policy(ke="curve25519 ecp384", addke1="ecp256 ecp384", encr="aes-256-gcm-16 aes-128-gcm-16")
Alter = Callable[[Proposal], Sequence[Proposal]]


def with_sa(alter: Alter) -> Callable[[Message], Message]:
    def payload(old: Payload) -> Payload:
        return SecurityAssociation(tuple(alter(old.proposals[0]))) if isinstance(old, SecurityAssociation) else old

    return lambda message: replace(message, payloads=tuple(payload(old) for old in message.payloads))


def transforms(change: Callable[[list[Transform]], list[Transform]]) -> Alter:
    return lambda proposal: [replace(proposal, transforms=tuple(change(list(proposal.transforms))))]


def replaced(kind: TransformType, **changes: object) -> Alter:
    return transforms(lambda old: [replace(t, **changes) if t.type == kind else t for t in old])  # type: ignore[arg-type]


def without(kind: TransformType) -> Alter:
    return transforms(lambda old: [t for t in old if t.type != kind])


def key_length(bits: int) -> tuple[Attribute, ...]:
    return (Attribute(AttributeType.KEY_LENGTH, bits),)


ALTERED: dict[str, tuple[Alter, str]] = {
    "two proposals": (lambda p: [p, replace(p, number=2)], "one proposal"),
    "a number that was not offered": (lambda p: [replace(p, number=2)], "the number and protocol"),
    "another protocol": (lambda p: [replace(p, protocol=Protocol.ESP)], "the number and protocol"),
    "no transforms": (lambda p: [replace(p, transforms=())], "a transform of type ENCR"),
    "two transforms of one type": (
        transforms(lambda old: [*old, Transform(TransformType.ADDKE1, KeyExchangeMethod.ECP_384)]),
        "one transform of each type",
    ),
    "a transform that was not offered": (replaced(TransformType.PRF, identifier=7), "a transform of the offer"),
    "a type that was not offered": (
        transforms(lambda old: [*old, Transform(TransformType.ADDKE2, KeyExchangeMethod.ML_KEM_768)]),
        "a transform of the offer",
    ),
    "another key length": (replaced(TransformType.ENCR, attributes=key_length(192)), "a transform of the offer"),
    "no key length": (replaced(TransformType.ENCR, attributes=()), "a transform of the offer"),
    "one more attribute": (
        replaced(TransformType.ENCR, attributes=(*key_length(256), Attribute(AttributeType(99), 1))),
        "a transform of the offer",
    ),
    "a type left out": (without(TransformType.ADDKE1), "a transform of type ADDKE1"),
    "no PRF": (without(TransformType.PRF), "a transform of type PRF"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_answer_outside_the_offer_ends_the_handshake(name: str) -> None:
    alter, expected = ALTERED[name]
    engines = pair(OFFER)
    engines.tamper = rewrite(with_sa(alter), by_initiator=False)
    run(engines)
    event = closed(engines, "initiator")
    assert (event.kind, event.party) == ("misbehaved", "peer")
    assert f"IKE_SA_INIT response: expected {expected}" in event.reason
    assert arrows(engines) == ["-> IKE_SA_INIT 0", "<- IKE_SA_INIT 0"]


def test_a_method_selected_twice_ends_the_handshake() -> None:
    """Each alone was offered, together they are forbidden."""
    engines = pair(policy(ke="curve25519", addke1="curve25519 ecp256"))
    alter = replaced(TransformType.ADDKE1, identifier=int(KeyExchangeMethod.CURVE25519))
    engines.tamper = rewrite(with_sa(alter), by_initiator=False)
    run(engines)
    assert "no key exchange method twice" in closed(engines, "initiator").reason


def test_a_ke_payload_of_another_method_than_the_selected_one_ends_the_handshake() -> None:
    def other(message: Message) -> Message:
        payloads = [
            replace(p, method=KeyExchangeMethod(20)) if isinstance(p, KeyExchange) else p for p in message.payloads
        ]
        return replace(message, payloads=tuple(payloads))

    engines = pair(OFFER)
    engines.tamper = rewrite(other, by_initiator=False)
    run(engines)
    assert "expected KE of method CURVE25519" in closed(engines, "initiator").reason


@pytest.mark.parametrize("kind", [SecurityAssociation, KeyExchange])
@pytest.mark.parametrize("by_initiator", [True, False])
def test_a_missing_payload_ends_the_handshake(kind: type[Payload], by_initiator: bool) -> None:
    def strip(message: Message) -> Message:
        return replace(message, payloads=tuple(p for p in message.payloads if not isinstance(p, kind)))

    engines = pair(OFFER)
    engines.tamper = rewrite(strip, by_initiator=by_initiator)
    run(engines)
    event = closed(engines, "responder" if by_initiator else "initiator")
    assert event.kind == "misbehaved" and "one of them missing" in event.reason


# IKE_INTERMEDIATE is not negotiated (RFC 9370 section 2.2.1).

ANNOUNCEMENT = Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)
UNANNOUNCED = Deviation.INTERMEDIATE_UNANNOUNCED
ADDITIONAL, OPTIONAL = policy(ke="curve25519", addke1="ecp384"), policy(ke="curve25519", addke1="ecp384 none")
PLAIN = policy(ke="curve25519")


def unannounced(message: Message) -> Message:
    return replace(message, payloads=tuple(p for p in message.payloads if p != ANNOUNCEMENT))


def test_a_responder_skips_the_proposals_with_additional_key_exchanges() -> None:
    engines = run(pair((*ADDITIONAL, *OPTIONAL, *PLAIN), initiator_deviation=UNANNOUNCED))
    assert_established(engines)
    (told,) = engines.of("responder", Negotiated)
    assert told.suite.proposal_number == 3 and not told.suite.names_additional
    assert arrows(engines) == exchanges("IKE_SA_INIT", "IKE_AUTH")


@pytest.mark.parametrize("offer", [ADDITIONAL, OPTIONAL, (*ADDITIONAL, *OPTIONAL)])
def test_no_proposal_is_chosen_where_none_is_left(offer: Policy) -> None:
    """With NONE beside the method, too: the transform type itself counts as unknown."""
    engines = run(pair(offer, initiator_deviation=UNANNOUNCED))
    engines.advance(0.2)
    assert arrows(engines) == ["-> IKE_SA_INIT 0", "<- IKE_SA_INIT 0 NO_PROPOSAL_CHOSEN"]
    event = closed(engines, "responder")
    assert event.kind == "incompatible" and "none without additional key exchanges" in event.reason
    assert closed(engines, "initiator").notify == NotifyType.NO_PROPOSAL_CHOSEN


def test_a_type_with_nothing_but_none_is_skipped_like_any_other() -> None:
    engines = pair((*policy(ke="curve25519", addke1="none"), *PLAIN))
    engines.tamper = rewrite(unannounced, by_initiator=True)
    run(engines)
    (told,) = engines.of("responder", Negotiated)
    assert told.suite.proposal_number == 2


@pytest.mark.parametrize("offer", [ADDITIONAL, (*ADDITIONAL, *PLAIN)])
def test_an_initiator_goes_no_further_without_the_announcement_in_the_answer(offer: Policy) -> None:
    engines = run(pair(offer, responder_deviation=UNANNOUNCED))
    event = closed(engines, "initiator")
    assert event.kind == "misbehaved" and "INTERMEDIATE_EXCHANGE_SUPPORTED" in event.reason
    assert not [arrow for arrow in arrows(engines) if "IKE_INTERMEDIATE" in arrow or "IKE_AUTH" in arrow]


def test_a_responder_that_selects_none_returns_the_announcement() -> None:
    """As in RFC 9370 appendix A.2: without it the transform type of its own answer would be an unknown one."""
    engines = run(pair(OPTIONAL, PLAIN))
    assert_established(engines)
    answer = Message.parse(engines.wire[1].payload)
    assert ANNOUNCEMENT in answer.payloads
    assert arrows(engines) == exchanges("IKE_SA_INIT", "IKE_AUTH")


REFUSED: dict[str, tuple[Policy, Policy]] = {
    "no common cipher": (policy(ke="curve25519", encr="aes-128-gcm-16"), policy(ke="curve25519")),
    "no common method": (policy(ke="curve25519"), policy(ke="ecp384")),
    "a type the responder does not know": (policy(ke="curve25519", addke1="ml-kem-768"), policy(ke="curve25519")),
    "a type the initiator leaves out": (policy(ke="curve25519"), policy(ke="curve25519", addke1="ml-kem-768")),
    "the same method twice and no other": (
        policy(ke="curve25519", addke1="ecp256", addke2="ecp256"),
        policy(ke="curve25519", addke1="ecp256", addke2="ecp256"),
    ),
    "another key length": (
        policy(ke="curve25519", encr="aes-256-cbc", integ="hmac-sha2-256-128"),
        policy(ke="curve25519", encr="aes-128-cbc", integ="hmac-sha2-256-128"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_without_common_ground_no_proposal_is_chosen(name: str) -> None:
    engines = run(pair(*REFUSED[name]))
    engines.advance(0.2)
    assert arrows(engines) == ["-> IKE_SA_INIT 0", "<- IKE_SA_INIT 0 NO_PROPOSAL_CHOSEN"]
    assert closed(engines, "responder").kind == "incompatible"
    assert closed(engines, "initiator").notify == NotifyType.NO_PROPOSAL_CHOSEN


def test_an_unknown_attribute_makes_only_its_transform_unacceptable() -> None:
    """Section 3.3.6: the siblings of the same type go on as usual."""

    def add(message: Message) -> Message:
        unknown = Transform(TransformType.ENCR, 20, (*key_length(256), Attribute(AttributeType(99), b"new")))
        return with_sa(transforms(lambda old: [unknown, *old]))(message)

    engines = pair(policy(ke="curve25519"))
    engines.tamper = rewrite(add, by_initiator=True)
    run(engines)
    (negotiated,) = engines.of("responder", Negotiated)
    assert negotiated.suite.get(TransformType.ENCR) == Algorithm(20, 256)
    chosen = message_of(engines.wire[1]).first(SecurityAssociation)
    assert chosen is not None
    assert chosen.proposals[0].transforms[0].attributes == key_length(256)


CHILD_ESP = (proposal(encr="aes-256-gcm-16 aes-128-gcm-16", sn="no-esn"),)


@pytest.mark.parametrize(
    "name",
    ["two proposals", "another key length", "a transform that was not offered", "no SN transform", "an SPI of 8"],
)
def test_the_child_sa_s_answer_is_held_to_the_same_rules(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    alter = {
        "a transform that was not offered": replaced(TransformType.SN, identifier=1),
        "no SN transform": transforms(lambda old: [t for t in old if t.type != TransformType.SN]),
        "an SPI of 8": lambda p: [replace(p, spi=bytes(8))],
    }.get(name) or ALTERED[name][0]

    def change(payloads: Sequence[Payload]) -> Sequence[Payload]:
        kept = [p for p in payloads if not isinstance(p, SecurityAssociation)]
        (sa,) = [p for p in payloads if isinstance(p, SecurityAssociation)]
        return [*kept, SecurityAssociation(tuple(alter(sa.proposals[0])))]

    misbehaving(monkeypatch, change, initiator=False, exchange=ExchangeType.IKE_AUTH)
    engines = run(pair(policy(ke="curve25519"), esp=CHILD_ESP))
    assert closed(engines, "initiator").kind == "misbehaved"
    assert arrows(engines)[-1].startswith(("-> INFORMATIONAL 2", "<- INFORMATIONAL 2"))


@pytest.mark.parametrize("octets", [0, 3, 5, 8, 255])
def test_an_esp_offer_whose_spi_is_not_of_4_octets_is_misbehaviour(
    octets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody could send a packet that is marked with it (section 3.3.1)."""

    def change(payloads: Sequence[Payload]) -> Sequence[Payload]:
        return [
            replace(p, proposals=tuple(replace(each, spi=bytes(octets)) for each in p.proposals))
            if isinstance(p, SecurityAssociation)
            else p
            for p in payloads
        ]

    misbehaving(monkeypatch, change, initiator=True, exchange=ExchangeType.IKE_AUTH)
    engines = run(pair(policy(ke="curve25519")))
    event = closed(engines, "responder")
    assert (event.kind, event.party, event.notify) == ("misbehaved", "peer", NotifyType.INVALID_SYNTAX)
    assert f"expected an ESP SPI of 4 octets, got {octets} octets" in event.reason
    assert closed(engines, "initiator").notify == NotifyType.INVALID_SYNTAX

"""Choosing from what a stranger offers: the first acceptable suite, at a cost that is linear in the offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from budget import assert_within_budget
from engine_pair import policy, proposal

from harness.ike.errors import PeerMisbehaved
from harness.ike.negotiation import check_numbers, choose, offer
from harness.policy.proposals import Policy
from harness.registry.algorithms import Algorithm
from harness.registry.messages import Protocol
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType
from harness.wire.payloads.security_association import Proposal, SecurityAssociation, Transform

METHODS = "curve25519 ecp256 ecp384 ecp521 modp2048 modp3072 modp4096"
EVERYTHING: Policy = (
    proposal(
        encr="aes-256-gcm-16 aes-128-gcm-16",
        prf="hmac-sha2-256 hmac-sha2-512",
        ke=METHODS,
        **{f"addke{n}": f"{METHODS} none" for n in range(1, 8)},
    ),
    proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", prf="hmac-sha2-256", ke=METHODS),
)
"""A policy that leaves an offer as much as there is to search."""


def offered(transforms: Sequence[Transform], protocol: Protocol = Protocol.IKE, count: int = 1) -> SecurityAssociation:
    return SecurityAssociation(tuple(Proposal(n, protocol, tuple(transforms)) for n in range(1, count + 1)))


def repeated(accepted: Policy, times: int) -> list[Transform]:
    return [each for each in offer(accepted[:1], Protocol.IKE).proposals[0].transforms for _ in range(times)]


def costs_little(sa: SecurityAssociation, accepted: Policy, protocol: Protocol = Protocol.IKE) -> None:
    octets = len(sa.body())
    assert SecurityAssociation.parse(sa.body()) == sa
    assert_within_budget(octets, lambda: choose(sa, accepted, protocol))


@pytest.mark.parametrize("impossible", [TransformType.KE, 13, 241])
def test_duplicates_before_a_type_that_cannot_be_had(impossible: int) -> None:
    """Forty times the same of each of four types: two and a half million combinations, of which none is acceptable."""
    chosen = policy(encr="aes-256-cbc", integ="hmac-sha2-256-128", ke="curve25519")
    sa = offered([*repeated(chosen, 40), Transform(TransformType(impossible), 4711)], count=6)
    costs_little(sa, (*chosen, *policy(encr="aes-256-cbc", ke="curve25519", addke1="ecp256")))


def test_an_esp_offer_of_duplicates() -> None:
    chosen = (proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", sn="no-esn"),)
    sa = offered([*repeated(chosen, 60), Transform(TransformType(241), 4711)], Protocol.ESP, count=8)
    costs_little(sa, chosen, Protocol.ESP)


def test_eight_key_exchanges_of_seven_methods() -> None:
    """No method twice (RFC 9370 section 2.2.1): with one method too few there is no choice, whatever is tried."""
    kinds = (TransformType.KE, *ADDITIONAL_KEY_EXCHANGES)
    methods = [one.identifier for one in EVERYTHING[0].of(TransformType.KE)]
    rest = offer(policy(), Protocol.IKE).proposals[0].transforms
    sa = offered([*rest, *(Transform(kind, method) for kind in kinds for method in methods)], count=30)
    costs_little(sa, EVERYTHING)
    assert choose(sa, EVERYTHING, Protocol.IKE) is None


def test_thousands_of_empty_proposals() -> None:
    costs_little(offered([], count=255), EVERYTHING)
    empty = Proposal(1, Protocol.IKE, ())
    with pytest.raises(PeerMisbehaved):  # the numbers end with the octet, and so does what is looked at
        check_numbers(SecurityAssociation((empty,) * 2000))


@pytest.mark.parametrize("numbers", [(0,), (2,), (1, 1), (1, 3), (2, 1)])
def test_an_offer_that_is_numbered_otherwise_is_misbehaviour(numbers: tuple[int, ...]) -> None:
    """ "The first proposal in an SA payload MUST be 1, and subsequent proposals MUST be one more" (section 3.3.1)."""
    sa = SecurityAssociation(tuple(Proposal(number, Protocol.IKE, ()) for number in numbers))
    with pytest.raises(PeerMisbehaved, match="SA payload of an offer: expected proposal"):
        check_numbers(sa)


def test_an_offer_that_is_numbered_as_it_is_due() -> None:
    for count in (1, 2, 255):
        check_numbers(SecurityAssociation(tuple(Proposal(n, Protocol.IKE, ()) for n in range(1, count + 1))))


def test_the_widest_offer_of_ours() -> None:
    costs_little(offer(EVERYTHING * 12, Protocol.IKE), EVERYTHING)


def test_a_repeated_transform_counts_once_and_the_order_stays() -> None:
    accepted = policy(ke="ecp384 ecp256", addke1="ecp384")
    sa = offer(accepted, Protocol.IKE)
    twice = SecurityAssociation(tuple(Proposal(p.number, p.protocol, p.transforms * 2) for p in sa.proposals))
    found = choose(twice, accepted, Protocol.IKE)
    assert found is not None and choose(sa, accepted, Protocol.IKE)[0] == found[0]  # type: ignore[index]
    assert found[0].get(TransformType.KE) == Algorithm(19)  # ecp256, as ecp384 is wanted for the exchange that follows


def without(kind: TransformType, sa: SecurityAssociation) -> SecurityAssociation:
    first = sa.proposals[0]
    return SecurityAssociation((replace(first, transforms=tuple(t for t in first.transforms if t.type != kind)),))


@pytest.mark.parametrize("sn", ["no-esn", "esn no-esn"])
def test_an_esp_proposal_without_sequence_numbers_is_unacceptable(sn: str) -> None:
    """SN is mandatory (section 3.3.3), so that its 0 is no NONE: it says that the numbers have 32 bits."""
    accepted = (proposal(encr="aes-256-gcm-16", sn=sn),)
    sa = offer(accepted, Protocol.ESP)
    assert choose(sa, accepted, Protocol.ESP) is not None
    assert choose(without(TransformType.SN, sa), accepted, Protocol.ESP) is None
    assert choose(sa, (proposal(encr="aes-256-gcm-16"),), Protocol.ESP) is None


@pytest.mark.parametrize(("kind", "name"), [(TransformType.INTEG, "integ"), (TransformType.ADDKE1, "addke1")])
def test_an_optional_type_may_be_left_out_by_either_side(kind: TransformType, name: str) -> None:
    bare, spelt = policy(), policy(**{name: "none"})
    left_out = choose(offer(bare, Protocol.IKE), spelt, Protocol.IKE)
    said = choose(offer(spelt, Protocol.IKE), bare, Protocol.IKE)
    assert left_out is not None and kind not in left_out[0].transforms
    assert said is not None and said[0].transforms[kind] == Algorithm(0)


def test_an_optional_type_that_one_side_wants_is_no_choice() -> None:
    bare, wanting = policy(), policy(addke1="ml-kem-768")
    assert choose(offer(bare, Protocol.IKE), wanting, Protocol.IKE) is None
    assert choose(offer(wanting, Protocol.IKE), bare, Protocol.IKE) is None

"""Predictions from wide and hostile policies: bounded, and where they cannot be had it is said."""

from __future__ import annotations

from dataclasses import replace

import pytest
from budget import assert_within_budget
from case_builder import expect_of
from engine_pair import policy, proposal

from harness.ike.negotiation import offer as as_offered
from harness.oracle.negotiation import TooManySuites, acceptable_suites, have_common_ground, may_choose
from harness.oracle.prediction import expect
from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy, Suite
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.messages import Protocol
from harness.registry.transforms import TransformType
from harness.scenario.catalogue import load_scenarios
from harness.scenario.peer_file import load_peers

METHODS = "curve25519 ecp256 ecp384 ecp521 modp2048 modp3072 modp4096 modp6144"
WIDE = proposal(encr="aes-256-gcm-16", prf="hmac-sha2-256", ke=METHODS, **{f"addke{n}": METHODS for n in range(1, 8)})
"""Eight exchanges of eight methods: 40,320 orders, and no party likes one better in every place."""


def offered_octets(offered: Policy) -> int:
    return len(as_offered(offered, Protocol.IKE).body())


def numbered(kind: TransformType, count: int, start: int = 1000) -> dict[TransformType, tuple[Algorithm, ...]]:
    return {kind: tuple(Algorithm(start + n) for n in range(count))}


def test_a_set_of_40320_suites_is_not_counted_to_its_end() -> None:
    with pytest.raises(TooManySuites, match="more suites to choose from than can be compared"):
        acceptable_suites((WIDE,), (WIDE,))


def test_a_prediction_that_cannot_be_had_is_a_case_that_is_not_sent(root, checks) -> None:
    scenario = replace(load_scenarios(root / "scenarios", checks)["classical/x25519"], offer=PartyPolicy((WIDE,), ()))
    scenario = replace(scenario, accept=scenario.offer)
    peer = load_peers(root / "peers")["strongswan-6.1"]
    everything = replace(
        peer,
        capabilities=replace(
            peer.capabilities, ike={kind: frozenset(those) for kind, those in WIDE.transforms.items()}
        ),
    )
    for role in Role:
        assert "more suites to choose from" in expect_of(scenario, everything, role).skipped
    assert "more suites to choose from" in expect(scenario, everything, everything).skipped


def test_eight_methods_too_few_are_told_at_once() -> None:
    narrow = ProposalPolicy({**WIDE.transforms, TransformType.ADDKE7: WIDE.of(TransformType.KE)[:1]})
    seven = [ProposalPolicy({k: those[:7] if k.is_key_exchange else those for k, those in narrow.transforms.items()})]
    assert acceptable_suites(tuple(seven), tuple(seven)) == ()
    assert_within_budget(offered_octets(tuple(seven)), lambda: acceptable_suites(tuple(seven), tuple(seven)))


def test_what_one_order_decides_is_found_among_thousands_of_combinations() -> None:
    kinds = [TransformType.KE, *(TransformType(number) for number in range(6, 13))]
    apart = {kind: numbered(kind, 31, 1000 * kind)[kind] for kind in kinds}
    both = (ProposalPolicy({**policy()[0].transforms, **apart}),)
    (found,) = acceptable_suites(both, both)
    assert [found.get(kind) for kind in kinds] == [those[0] for those in apart.values()]
    assert_within_budget(offered_octets(both), lambda: acceptable_suites(both, both))


def hostile(count: int, accept: Policy) -> Policy:
    """Proposals that differ from each other and nearly agree with what is accepted."""
    base = accept[0].transforms
    last = max(base)
    return tuple(
        ProposalPolicy({**base, last: (Algorithm(2000 + n),), TransformType.ENCR: base[TransformType.ENCR]})
        for n in range(count)
    )


@pytest.mark.parametrize("shape", ["duplicates", "nearly", "eight exchanges", "long lists"])
def test_an_offer_of_a_stranger_is_asked_about_one_suite_in_linear_time(shape: str) -> None:
    accept: Policy = (WIDE, *policy(ke="curve25519", addke1="ml-kem-768"), *policy(ke="ecp384"), *policy(ke="ecp256"))
    offer: Policy = {
        "duplicates": (ProposalPolicy({k: those * 31 for k, those in accept[1].transforms.items()}),) * 12,
        "nearly": hostile(250, accept[1:2]),
        "eight exchanges": (WIDE,) * 28,
        "long lists": (ProposalPolicy({**accept[1].transforms, **numbered(TransformType.ADDKE1, 250)}),) * 8,
    }[shape]
    suite = Suite(len(offer), {kind: those[-1] for kind, those in offer[-1].transforms.items()})
    assert 8000 < offered_octets(offer) < 20000
    assert_within_budget(offered_octets(offer), lambda: may_choose(suite, offer, accept))
    assert_within_budget(offered_octets(offer), lambda: have_common_ground(offer, accept[1:]))

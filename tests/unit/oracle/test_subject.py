"""What a scenario is about decides what an emulated vendor, whose policy is its own, can say to it."""

import pytest
from case_builder import expect_of

from harness.lab.laboratory import project_root
from harness.oracle.negotiation import first_child
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome
from harness.scenario.catalogue import load_scenarios
from harness.scenario.peer_file import load_peers
from harness.verify.checks.catalogue import CHECKS

PEERS = load_peers(project_root() / "peers")
SCENARIOS = load_scenarios(project_root() / "scenarios", CHECKS)
EMULATED = [peer for peer in PEERS.values() if peer.emulated]


@pytest.mark.parametrize("peer", EMULATED, ids=lambda peer: peer.name)
def test_an_exchange_is_tested_with_the_vendors_own_policy_on_both_sides(peer):
    expected = expect_of(SCENARIOS["lifecycle/liveness-and-delete"], peer, Role.INITIATOR)
    assert expected.outcome is Outcome.HYBRID
    assert expected.initiator.ike == expected.responder.ike == peer.profile.policy.ike
    assert expected.initiator.esp == first_child(peer.profile.policy.esp)  # no key exchange in IKE_AUTH


@pytest.mark.parametrize("peer", EMULATED, ids=lambda peer: peer.name)
def test_a_wrong_key_is_refused_for_the_key_and_for_nothing_else(peer):
    expected = expect_of(SCENARIOS["authentication/wrong-psk"], peer, Role.INITIATOR)
    assert (expected.refusal, expected.unsupported) == (NotifyType.AUTHENTICATION_FAILED, "")


def test_an_offer_that_ends_before_what_it_is_about_is_not_sent():
    expected = expect_of(SCENARIOS["negotiation/unknown-transform-type-first"], EMULATED[0], Role.INITIATOR)
    assert expected.skipped.startswith("its published policy has no curve25519")


def test_missing_methods_are_unsupported_where_the_methods_are_the_subject():
    expected = expect_of(SCENARIOS["pq-only/mlkem512-in-sa-init"], EMULATED[0], Role.INITIATOR)
    assert expected.unsupported == "its published policy has no ml-kem-512"


def test_a_real_product_is_not_concerned():
    for role in Role:
        expected = expect_of(SCENARIOS["negotiation/wrong-ke-group-first"], PEERS["strongswan-6.1"], role)
        assert expected.initiator.ike != expected.responder.ike

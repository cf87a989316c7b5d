import json
from dataclasses import replace

import pytest
from case_builder import ROOT, expect_of

from harness.json_codec import from_json, to_json
from harness.oracle.expectation import Expectation
from harness.oracle.reaction import Duty, reaction_to
from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Outcome
from harness.scenario.catalogue import load_scenarios
from harness.scenario.model import Parties
from harness.scenario.peer_file import load_peers
from harness.verify.checks.catalogue import CHECKS

SCENARIOS, PEERS = load_scenarios(ROOT / "scenarios", CHECKS), load_peers(ROOT / "peers")
INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
OLD, MIDDLE, NEW = "strongswan-5.9", "strongswan-6.0", "strongswan-6.1"
CISCO, FORTINET = "emulated/cisco-8000-26.1.1", "emulated/fortinet-fortios-7.6.6"
CLOUDFLARE = "emulated/cloudflare-ipsec-2026.07"
REFUSED, CLASSICAL, HYBRID, PQ_ONLY = Outcome.REFUSED, Outcome.CLASSICAL, Outcome.HYBRID, Outcome.PQ_ONLY


@pytest.fixture(scope="module")
def scenarios():
    return SCENARIOS


@pytest.fixture(scope="module")
def peers():
    return PEERS


@pytest.fixture
def predict(scenarios, peers):
    def of(scenario: str, peer: str, role: Role = INITIATOR, unavailable=None) -> Expectation:
        return expect_of(scenarios[scenario], peers[peer], role, unavailable)

    return of


@pytest.mark.parametrize("role", [INITIATOR, RESPONDER])
@pytest.mark.parametrize(
    ("scenario", "outcome"),
    [
        ("classical/x25519", CLASSICAL),
        ("hybrid/x25519-mlkem512", HYBRID),
        ("hybrid/x25519-mlkem768", HYBRID),
        ("hybrid/x25519-mlkem1024", HYBRID),
        ("hybrid/ecp384-mlkem1024", HYBRID),
        ("hybrid/mlkem768-or-classical", HYBRID),
        ("pq-only/mlkem512-in-sa-init", PQ_ONLY),
        ("multiple-ke/seven", HYBRID),
        ("multiple-ke/two-with-a-gap", CLASSICAL),
        ("multiple-ke/none-selected", CLASSICAL),
        ("multiple-ke/classical-additional", CLASSICAL),
        ("fragmentation/mlkem1024-at-576", HYBRID),
        ("negotiation/wrong-ke-group-first", CLASSICAL),
    ],
)
def test_a_peer_with_everything_does_what_the_scenario_says(predict, scenario, outcome, role):
    found = predict(scenario, NEW, role)
    assert (found.outcome, found.skipped, found.unsupported, found.refusal) == (outcome, "", "", None)
    assert found.establishes and len(found.ike) == 1 and len(found.esp) == 1


@pytest.mark.parametrize("peer", [OLD, MIDDLE])
@pytest.mark.parametrize("scenario", ["x25519-mlkem512", "x25519-mlkem768", "x25519-mlkem1024", "ecp384-mlkem1024"])
def test_hybrid_only_to_a_responder_without_the_method_is_refused_and_unsupported(predict, peer, scenario):
    found = predict(f"hybrid/{scenario}", peer)
    assert (found.outcome, found.refusal, found.ike, found.esp) == (REFUSED, NotifyType.NO_PROPOSAL_CHOSEN, (), ())
    assert found.unsupported.startswith(f"strongSwan {peer[-3:]} has no ")
    assert not found.responder.ike[0].has_additional_key_exchange, (
        "the rendered half must not name what the build lacks"
    )


@pytest.mark.parametrize("peer", [OLD, MIDDLE])
def test_hybrid_first_classical_second_falls_back_without_being_unsupported(predict, peer):
    found = predict("hybrid/mlkem768-or-classical", peer)
    assert (found.outcome, found.unsupported) == (CLASSICAL, "")
    assert [one.proposal_number for one in found.ike] == [2]


@pytest.mark.parametrize(
    ("scenario", "peer"),
    [
        ("hybrid/x25519-mlkem768", OLD),
        ("hybrid/x25519-mlkem768", MIDDLE),
        ("hybrid/mlkem768-or-classical", OLD),
        ("multiple-ke/none-selected", MIDDLE),
        ("pq-only/mlkem512-in-sa-init", MIDDLE),
        ("multiple-ke/private-id-beside-mlkem768", NEW),
        ("negotiation/unknown-transform-type-first", NEW),
    ],
)
def test_a_product_that_cannot_send_the_thing_under_test_is_skipped(predict, scenario, peer):
    found = predict(scenario, peer, RESPONDER)
    assert found.outcome is None and not found.ike and found.refusal is None
    assert "cannot send what is under test" in found.skipped
    assert predict(scenario, peer, INITIATOR).skipped == "", "as responder it is a result like any other"


def test_multiple_key_exchanges_without_ml_kem_pass_both_ways(predict):
    for scenario in ("multiple-ke/two-with-a-gap", "multiple-ke/classical-additional"):
        for role in Role:
            assert predict(scenario, MIDDLE, role).outcome is CLASSICAL


def test_an_unknown_type_never_gets_through(predict):
    for peer in (OLD, MIDDLE, NEW):
        assert [one.proposal_number for one in predict("negotiation/unknown-transform-type-first", peer).ike] == [2]


def test_a_private_number_is_passed_over_for_its_sibling(predict):
    (chosen,) = predict("multiple-ke/private-id-beside-mlkem768", NEW).ike
    assert chosen.additional_key_exchanges == (KeyExchangeMethod.ML_KEM_768,)


@pytest.mark.parametrize("role", [INITIATOR, RESPONDER])
@pytest.mark.parametrize("peer", [OLD, MIDDLE, NEW])
def test_a_wrong_key_is_a_refusal_after_the_ike_sa_was_agreed(predict, peer, role):
    found = predict("authentication/wrong-psk", peer, role)
    assert (found.outcome, found.refusal) == (REFUSED, NotifyType.AUTHENTICATION_FAILED)
    assert found.ike and not found.esp and not found.unsupported


def test_a_method_that_this_machine_lacks_skips_what_needs_it(predict):
    missing = {KeyExchangeMethod.ML_KEM_512: "liboqs is missing: make liboqs"}
    for role in Role:
        found = predict("hybrid/x25519-mlkem512", NEW, role, missing)
        assert (found.outcome, found.skipped) == (None, "liboqs is missing: make liboqs")
        assert predict("hybrid/x25519-mlkem768", NEW, role, missing).outcome is HYBRID


def test_a_role_that_the_scenario_or_the_peer_lacks_is_skipped_with_its_reason(scenarios, peers):
    only = replace(scenarios["classical/ecp384"], roles=(INITIATOR,), role_reason="because")
    assert expect_of(only, peers[NEW], RESPONDER).skipped == "because"
    assert expect_of(only, peers[NEW], INITIATOR).skipped == ""
    found = expect_of(scenarios["classical/ecp384"], peers[CLOUDFLARE], RESPONDER)
    assert found.outcome is None and "responder only" in found.skipped


@pytest.mark.parametrize("peer", [CISCO, FORTINET, CLOUDFLARE])
def test_every_vendor_is_met_on_its_own_ground(predict, peers, peer):
    for scenario in ("hybrid/ecp384-mlkem1024", "fragmentation/mlkem1024-at-576"):
        found = predict(scenario, peer)
        assert (found.outcome, found.unsupported) == (HYBRID, "")
        assert found.responder == peers[peer].profile.policy, (
            "a vendor's half is its published policy, not the scenario's"
        )


@pytest.mark.parametrize("peer", [CISCO, FORTINET])
def test_a_vendor_initiates_only_what_its_policy_contains(predict, peer):
    assert predict("hybrid/ecp384-mlkem1024", peer, RESPONDER).outcome is HYBRID
    for scenario in ("hybrid/mlkem768-or-classical", "hybrid/x25519-mlkem768", "classical/ecp384",
                     "multiple-ke/private-id-beside-mlkem768", "negotiation/wrong-ke-group-first"):  # fmt: skip
        assert "not what this scenario tests" in predict(scenario, peer, RESPONDER).skipped


def test_a_vendor_refuses_by_policy(predict):
    assert predict("hybrid/x25519-mlkem768", CLOUDFLARE).unsupported == "its published policy has no curve25519"
    required = predict("classical/ecp384", FORTINET)
    assert (required.outcome, required.unsupported) == (
        REFUSED,
        "its published policy requires an additional key exchange",
    )
    assert predict("classical/ecp384", CLOUDFLARE).outcome is CLASSICAL


def test_a_child_that_the_policy_lacks_is_refused_in_an_agreed_ike_sa(scenarios, peers):
    scenario = scenarios["classical/ecp384"]
    esp = scenarios["classical/x25519"].offer.esp
    half = replace(scenario.offer, esp=esp)
    found = expect_of(replace(scenario, offer=half, accept=half), peers[CLOUDFLARE], INITIATOR)
    assert found.ike and not found.esp
    assert (found.outcome, found.unsupported) == (REFUSED, "its published policy has no ESP chacha20-poly1305")


def test_a_case_that_would_not_show_its_point_is_skipped(scenarios, peers, predict):
    assert "does not select NONE" in predict("multiple-ke/none-selected", CISCO).skipped
    scenario = scenarios["negotiation/wrong-ke-group-first"]
    same = replace(scenario, accept=scenario.offer)
    assert "nothing to retry" in expect_of(same, peers[NEW], INITIATOR).skipped


def test_a_scenario_whose_halves_cannot_agree_asks_for_a_refusal_that_is_nobodys_lack(scenarios, peers):
    scenario = replace(
        scenarios["classical/ecp384"], accept=scenarios["classical/modp3072"].offer, expects_refusal=True
    )
    found = expect_of(scenario, peers[NEW], INITIATOR)
    assert (found.outcome, found.refusal, found.unsupported, found.skipped) == (
        REFUSED,
        NotifyType.NO_PROPOSAL_CHOSEN,
        "",
        "",
    )


def test_each_strongswan_has_at_least_eighteen_scenarios_that_are_sent(scenarios, peers):
    for peer in (OLD, MIDDLE, NEW):
        sent = {one.id for one in scenarios.values() if not expect_of(one, peers[peer], INITIATOR).skipped}
        assert len(sent) >= 18
        assert any(not expect_of(one, peers[peer], RESPONDER).skipped for one in scenarios.values())


def test_every_prediction_survives_json(scenarios, peers):
    for scenario in scenarios.values():
        for peer in peers.values():
            for role in Role:
                found = expect_of(scenario, peer, role)
                assert from_json(Expectation, json.loads(json.dumps(to_json(found)))) == found


def test_every_prediction_is_whole(scenarios, peers):
    for scenario in (each for each in scenarios.values() if each.parties is not Parties.PUBLISHED):
        for peer in peers.values():
            for role in Role:
                found = expect_of(scenario, peer, role)
                assert (found.outcome is None) == bool(found.skipped)
                assert not (found.skipped and found.unsupported)
                spoiled = found.reaction is not None and found.reaction.duty is not Duty.CARRY_ON
                assert found.establishes == bool(found.ike and found.esp and not spoiled)
                # An initiator that rejects a response of ours owes no error.
                owed = found.outcome is REFUSED and not (spoiled and role is RESPONDER)
                assert (found.refusal is not None) == owed
                if found.outcome is REFUSED:
                    assert scenario.expects_refusal or found.unsupported, (scenario.id, peer.name, role)


def test_a_deviation_decides_what_a_peer_has_to_do(predict):
    refusing = predict("errors/critical-payload-in-ike-auth", OLD)
    assert (refusing.outcome, refusing.refusal) == (REFUSED, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD)
    abandoning = predict("intermediate/int-auth-wrong", NEW, RESPONDER)
    assert (abandoning.outcome, abandoning.refusal) == (REFUSED, None)
    parted = predict("multiple-ke/ciphertext-altered", NEW, RESPONDER)
    assert (parted.outcome, parted.refusal) == (Outcome.BROKEN, None)
    assert predict("errors/unknown-payload-everywhere", OLD).outcome is CLASSICAL


def test_a_deviation_that_would_not_be_reached_is_not_tried(predict):
    lacking = predict("multiple-ke/encapsulation-key-short", MIDDLE)
    assert lacking.skipped == "strongSwan 6.0 has no ml-kem-768 as ADDKE1, so the case would end before the deviation"
    emulated = predict("multiple-ke/encapsulation-key-short", CISCO)
    assert "is a published policy: its reaction to a deviation would be another product's" in emulated.skipped


def test_a_scenario_says_that_it_expects_a_refusal_where_its_deviation_asks_for_one(scenarios):
    for scenario in scenarios.values():
        if scenario.deviation is not None:
            another = not all(proposal.has_additional_key_exchange for proposal in scenario.offer.ike)
            duties = {reaction_to(scenario.deviation, role, another=another).duty for role in scenario.roles}
            assert scenario.expects_refusal == (duties == {Duty.REFUSE}), scenario.id


MISSING = "multiple-ke/configured-but-missing"


@pytest.mark.parametrize("peer", [OLD, MIDDLE, "libreswan-5.2", "openiked-7.4"])
def test_what_is_configured_beyond_the_sheet_is_predicted_by_the_sheet(peer, predict, scenarios):
    expected = predict(MISSING, peer)
    assert expected.responder == scenarios[MISSING].accept  # as it is written
    assert (expected.outcome, expected.refusal) == (REFUSED, NotifyType.NO_PROPOSAL_CHOSEN)
    assert expected.unsupported


def test_what_is_configured_within_the_sheet_is_agreed_as_ever(predict):
    assert (predict(MISSING, NEW).outcome, predict(MISSING, NEW).unsupported) == (HYBRID, "")
    assert "published policy" in predict(MISSING, CISCO).skipped
    assert predict(MISSING, MIDDLE, RESPONDER).skipped


@pytest.mark.parametrize("peer", ["openiked-7.2", "openiked-7.4"])
def test_a_product_lacks_what_its_sheet_lacks_whatever_else_went_with_the_proposal(predict, peers, peer):
    title = peers[peer].title
    assert predict("classical/x25519", peer).unsupported == f"{title} has no chacha20-poly1305"
    skipped = predict("classical/x25519", peer, RESPONDER).skipped
    assert skipped.startswith(f"as initiator {title} cannot offer chacha20-poly1305, ESP chacha20-poly1305, so")


UNANNOUNCED, ALONE = "multiple-ke/unannounced-classical-second", "multiple-ke/unannounced-alone"
ANSWERS = ("multiple-ke/answer-unannounced-classical-second", "multiple-ke/answer-unannounced-alone")


@pytest.mark.parametrize("peer", [MIDDLE, NEW, "engine"])
def test_additional_key_exchanges_that_were_not_announced_are_skipped(predict, peer):
    """RFC 9370 section 2.2.1: the other proposal is chosen, and where there is none the offer is refused."""
    found = predict(UNANNOUNCED, peer)
    assert (found.outcome, found.refusal, found.skipped, found.unsupported) == (CLASSICAL, None, "", "")
    assert [(one.proposal_number, one.names_additional) for one in found.ike] == [(2, False)]
    assert (found.reaction.duty, found.reaction.rule) == (Duty.CARRY_ON, "A16") and found.establishes
    found = predict(ALONE, peer)
    assert (found.outcome, found.refusal, found.ike, found.esp) == (REFUSED, NotifyType.NO_PROPOSAL_CHOSEN, (), ())
    assert (found.reaction.duty, found.reaction.rule, found.unsupported) == (Duty.REFUSE, "A16", "")


@pytest.mark.parametrize("peer", [MIDDLE, NEW, "engine"])
@pytest.mark.parametrize("scenario", ANSWERS)
def test_an_answer_that_is_not_announced_is_not_gone_on_from(predict, scenario, peer):
    found = predict(scenario, peer, RESPONDER)
    assert (found.outcome, found.refusal) == (REFUSED, None)
    assert [one.proposal_number for one in found.ike] == [1]
    assert (found.reaction.duty, found.reaction.rule) == (Duty.REFUSE, "A16")


@pytest.mark.parametrize(
    ("scenario", "role"), [(UNANNOUNCED, INITIATOR), (ALONE, INITIATOR), *((each, RESPONDER) for each in ANSWERS)]
)
@pytest.mark.parametrize("peer", [OLD, "libreswan-5.2", CISCO])
def test_what_is_not_announced_says_nothing_of_a_peer_that_would_not_choose_it(predict, scenario, role, peer):
    assert predict(scenario, peer, role).skipped

"""What a case must end in, rule by rule: scenarios, policies and parties are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from case_builder import ROOT, expect_of
from made_up import ESN, ESP, able, ike, scenario

from harness.oracle.expectation import Expectation
from harness.oracle.negotiation import first_child
from harness.oracle.prediction import expect, published, rekeyer
from harness.oracle.reaction import Duty
from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.results.model import Outcome
from harness.scenario.model import AuthenticationMethod, Mode, Parties, Settings, Step, Subject
from harness.scenario.party import ENGINE
from harness.scenario.peer import Peer, Published
from harness.scenario.peer_file import load_peers

PEERS = load_peers(ROOT / "peers")
PRODUCT, OTHER = (replace(able(PEERS["strongswan-6.1"], transport_mode=True), title=title) for title in ("A", "B"))
VENDOR = PEERS["emulated/cisco-8000-26.1.1"]
INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
HYBRID = {"ke": "ecp384", "addke1": "ml-kem-768"}
PLAIN = scenario(ike("ecp384"))
PAIR = replace(PLAIN, parties=Parties.PRODUCTS)
_KE = TransformType.KE


def without_methods(peer: Peer) -> Peer:
    return able(peer, ike={**peer.capabilities.ike, _KE: frozenset()})


def wearing(policy: PartyPolicy) -> Peer:
    """The vendor with this policy."""
    assert VENDOR.profile is not None
    return replace(VENDOR, profile=replace(VENDOR.profile, policy=policy))


def test_one_party_is_under_test():
    with pytest.raises(ValueError, match="one party under test"):
        expect(PLAIN, ENGINE, ENGINE)
    assert expect(PLAIN, ENGINE, PRODUCT).outcome is expect(PLAIN, PRODUCT, ENGINE).outcome is Outcome.CLASSICAL


def test_policies_that_nobody_can_compare_are_not_sent():
    one = {TransformType(kind): tuple(Algorithm(number) for number in range(1, 40)) for kind in (1, 2, 3, 4)}
    other = {kind: tuple(reversed(those)) for kind, those in one.items()}
    wide = {TransformType(kind): frozenset(those) for kind, those in one.items()}
    case = scenario((ProposalPolicy(one),), (ProposalPolicy(other),))
    found = expect(case, ENGINE, able(PRODUCT, ike=wide))
    assert found.outcome is None and found.skipped.startswith("the two policies leave more suites")
    assert (found.ike, found.esp, found.initiator, found.responder) == ((), (), *[PartyPolicy((), ())] * 2)


@pytest.mark.parametrize("role", Role)
def test_our_half_is_the_scenarios_and_the_peers_what_it_can_do(role):
    case = scenario(ike("ecp384 curve25519", HYBRID), ike("ecp384", HYBRID))
    found = expect_of(case, able(PRODUCT, additional_key_exchange=False), role)
    assert found.of(role) == (case.offer if role is INITIATOR else case.accept)
    assert not any(proposal.has_additional_key_exchange for proposal in found.of(role.other).ike)
    assert found.echo is True and expect_of(case, able(PRODUCT, echo=False), role).echo is False


def test_what_is_configured_as_written_is_predicted_by_what_it_can_do():
    case = replace(scenario(ike(HYBRID)), settings=Settings(as_written=True))
    found = expect_of(case, able(PRODUCT, additional_key_exchange=False), INITIATOR)
    assert found.responder == case.accept and (found.outcome, found.ike) == (Outcome.REFUSED, ())
    assert found.unsupported == "A has no multiple key exchanges (RFC 9370)"


@pytest.mark.parametrize("role", Role)
def test_an_exchange_is_tried_by_a_vendors_own_policy_on_both_sides(role):
    policy = PartyPolicy(ike("ecp256"), ESP)
    exchange = replace(PLAIN, subject=Subject.EXCHANGE)
    found = expect_of(exchange, wearing(policy), role)
    assert found.outcome is Outcome.CLASSICAL
    assert found.of(role) == PartyPolicy(policy.ike, first_child(policy.esp))
    assert expect_of(exchange, PRODUCT, role).of(role) == PLAIN.offer
    assert expect_of(PLAIN, wearing(policy), INITIATOR).outcome is Outcome.REFUSED
    as_written = expect_of(replace(PLAIN, settings=Settings(as_written=True)), wearing(policy), role)
    assert (as_written.outcome, as_written.of(role.other)) == (None, policy)


def test_a_peer_that_does_not_know_the_types_skips_what_has_them():
    """As responder alone: what it offers has none, and our engine knows them."""
    none = {"ke": "ecp384", "addke1": "none ml-kem-768"}
    case, unknowing = scenario(ike(none, "ecp384"), ike("ecp384")), able(PRODUCT, additional_key_exchange=False)
    for peer, number in ((PRODUCT, 1), (unknowing, 2)):
        assert [one.proposal_number for one in expect_of(case, peer, INITIATOR).ike] == [number]
    assert expect_of(case, unknowing, INITIATOR).knows_additional is False
    assert expect_of(PLAIN, unknowing, RESPONDER).knows_additional is True


def test_a_child_sa_needs_an_ike_sa_and_common_ground_of_its_own():
    apart = replace(PLAIN, accept=PartyPolicy(PLAIN.accept.ike, ESN))
    kernel = able(PRODUCT, esp={**PRODUCT.capabilities.esp, TransformType.SN: frozenset((Algorithm(0), Algorithm(1)))})
    found = expect_of(apart, kernel, INITIATOR)
    assert (bool(found.ike), found.esp, found.outcome) == (True, (), Outcome.REFUSED)
    nothing = expect_of(scenario(ike("ecp384"), ike("ecp256")), PRODUCT, INITIATOR)
    assert (nothing.ike, nothing.esp, nothing.refusal) == ((), (), NotifyType.NO_PROPOSAL_CHOSEN)


def test_a_lack_is_told_where_the_scenarios_halves_themselves_would_meet():
    lacking = without_methods(PRODUCT)
    assert expect_of(PLAIN, lacking, INITIATOR).unsupported == "A has no ecp384"
    assert expect_of(scenario(ike("ecp384"), ike("ecp256")), lacking, INITIATOR).unsupported == ""


def test_in_transport_mode_who_lacks_it_gets_an_ike_sa_alone():
    case = replace(PLAIN, settings=Settings(mode=Mode.TRANSPORT))
    found = expect_of(case, able(PRODUCT, transport_mode=False), INITIATOR)
    assert (found.outcome, bool(found.ike), found.esp) == (Outcome.REFUSED, True, ())
    assert (found.unsupported, found.refusal) == ("A has no transport mode", NotifyType.NO_PROPOSAL_CHOSEN)
    assert expect_of(case, PRODUCT, INITIATOR).outcome is Outcome.CLASSICAL
    assert expect_of(PLAIN, able(PRODUCT, transport_mode=False), INITIATOR).outcome is Outcome.CLASSICAL


@pytest.mark.parametrize("role", Role)
def test_with_a_wrong_key_the_ike_sa_is_agreed_and_refused(role):
    found = expect_of(replace(PLAIN, settings=Settings(wrong_psk=True)), PRODUCT, role)
    assert (found.outcome, found.refusal) == (Outcome.REFUSED, NotifyType.AUTHENTICATION_FAILED)
    assert (bool(found.ike), found.esp, found.unsupported) == (True, (), "")


def test_what_comes_up_has_no_refusal():
    found = expect_of(scenario(ike(HYBRID)), PRODUCT, INITIATOR)
    assert (found.outcome, found.refusal, found.reaction, found.skipped) == (Outcome.HYBRID, None, None, "")


def test_of_several_suites_the_initiators_best_is_the_outcome():
    either = scenario(ike(HYBRID, "ecp384"), ike("ecp384", HYBRID))
    carried_on = replace(either, deviation=Deviation.UNKNOWN_PAYLOAD_EVERYWHERE)
    founds = (
        *(expect_of(each, PRODUCT, role) for role in Role for each in (either, carried_on)),
        expect(replace(either, parties=Parties.PRODUCTS), PRODUCT, OTHER),
    )
    assert [(len(found.ike), found.outcome) for found in founds] == [(2, Outcome.HYBRID)] * 5


def skipped(found: Expectation) -> str:
    assert (found.outcome is None) == bool(found.skipped)
    return found.skipped


def test_a_method_that_our_machine_lacks_is_told_before_all_but_a_role():
    lacking = {KeyExchangeMethod(20): "no ecp384 here"}
    assert skipped(expect_of(PLAIN, PRODUCT, INITIATOR, lacking)) == "no ecp384 here"
    assert skipped(expect_of(PLAIN, PRODUCT, INITIATOR, {KeyExchangeMethod(19): "no ecp256 here"})) == ""
    other = replace(PLAIN, roles=(RESPONDER,), role_reason="for responders")
    assert skipped(expect_of(other, PRODUCT, INITIATOR, lacking)) == "for responders"


@pytest.mark.parametrize("role", Role)
def test_a_role_that_the_scenario_or_the_peer_does_not_take(role):
    only = replace(PLAIN, roles=(role,), role_reason="for one role")
    assert [skipped(expect_of(only, PRODUCT, each)) for each in (role, role.other)] == ["", "for one role"]
    peer = able(PRODUCT, roles=(role,), role_reason="it has one role")
    assert [skipped(expect_of(PLAIN, peer, each)) for each in (role.other, role)] == ["", "it has one role"]


CRITICAL, UNANNOUNCED = Deviation.CRITICAL_PAYLOAD_IN_IKE_AUTH, Deviation.INTERMEDIATE_UNANNOUNCED


@pytest.mark.parametrize("role", Role)
def test_a_deviation_that_the_peer_would_see_decides(role):
    found = expect_of(replace(PLAIN, deviation=CRITICAL), PRODUCT, role)
    assert found.reaction is not None and found.reaction.duty is Duty.REFUSE
    assert (found.outcome, found.skipped) == (Outcome.REFUSED, "")


def test_a_vendor_that_wears_a_policy_reacts_as_another_product():
    words = "is a published policy: its reaction to a deviation would be another product's"
    found = expect_of(replace(PLAIN, deviation=CRITICAL), wearing(PLAIN.offer), INITIATOR)
    assert skipped(found).endswith(words)
    assert skipped(expect_of(PLAIN, wearing(PLAIN.offer), INITIATOR)) == ""


def test_a_case_that_ends_before_our_deviation_is_not_sent():
    case = replace(PLAIN, deviation=CRITICAL)
    words = "so the case would end before the deviation"
    assert skipped(expect_of(case, without_methods(PRODUCT), INITIATOR)) == f"A has no ecp384, {words}"
    apart = replace(case, accept=PartyPolicy(ike("ecp256"), ESP))
    assert skipped(expect_of(apart, PRODUCT, INITIATOR)) == f"A has no common ground with this offer, {words}"
    no_child = able(PRODUCT, esp={})
    assert skipped(expect_of(case, no_child, INITIATOR)) == f"A has no ESP aes-256-gcm-16, ESP no-esn, {words}"


def test_what_is_not_announced_has_to_be_chosen_by_a_peer():
    classical = replace(scenario(ike("ecp384", HYBRID)), deviation=UNANNOUNCED)
    words = "A has no additional key exchange in common with us, and so none that would be announced"
    assert skipped(expect_of(classical, PRODUCT, INITIATOR)) == words
    either = replace(scenario(ike(HYBRID, "ecp384"), ike("ecp384", HYBRID)), deviation=UNANNOUNCED)
    for case in (replace(classical, deviation=CRITICAL), either):
        assert skipped(expect_of(case, PRODUCT, INITIATOR)) == ""


def test_of_what_was_not_announced_the_rest_is_taken_or_all_is_refused():
    beside = expect_of(replace(scenario(ike(HYBRID, "ecp384")), deviation=UNANNOUNCED), PRODUCT, INITIATOR)
    assert [one.proposal_number for one in beside.ike] == [2] and beside.esp
    assert (beside.outcome, beside.unsupported) == (Outcome.CLASSICAL, "")
    alone = expect_of(replace(scenario(ike(HYBRID)), deviation=UNANNOUNCED), PRODUCT, INITIATOR)
    assert (alone.ike, alone.esp, alone.outcome) == ((), (), Outcome.REFUSED)
    assert alone.reaction is not None and alone.reaction.duty is Duty.REFUSE


def test_two_products_come_up_by_what_each_can_do():
    found = expect(PAIR, PRODUCT, OTHER)
    assert (found.outcome, found.skipped, found.unsupported, found.refusal) == (Outcome.CLASSICAL, "", "", None)
    hybrid = replace(scenario(ike(HYBRID, "ecp384")), parties=Parties.PRODUCTS)
    unknowing = able(OTHER, additional_key_exchange=False)
    below = expect(hybrid, PRODUCT, unknowing)
    assert (below.outcome, below.knows_additional) == (Outcome.CLASSICAL, False)
    assert expect(hybrid, PRODUCT, OTHER).outcome is Outcome.HYBRID
    lacking = expect(PAIR, PRODUCT, without_methods(OTHER))
    assert (lacking.outcome, lacking.ike, lacking.esp) == (Outcome.REFUSED, (), ())
    assert lacking.unsupported == "B has no ecp384"
    childless = expect(PAIR, PRODUCT, able(OTHER, esp={}))
    assert (bool(childless.ike), childless.esp, childless.outcome) == (True, (), Outcome.REFUSED)
    assert childless.unsupported == "B has no ESP aes-256-gcm-16, ESP no-esn"


def test_the_types_that_a_responder_does_not_know_it_skips():
    none = {"ke": "ecp384", "addke1": "none ml-kem-768"}
    case = replace(scenario(ike(none, "ecp384"), ike("ecp384")), parties=Parties.PRODUCTS)
    for peer, number in ((OTHER, 1), (able(OTHER, additional_key_exchange=False), 2)):
        assert [one.proposal_number for one in expect(case, PRODUCT, peer).ike] == [number]


def test_two_products_that_cannot_play_their_parts_are_not_sent():
    only = able(PRODUCT, roles=(RESPONDER,), role_reason="a responder only")
    assert skipped(expect(PAIR, only, OTHER)) == "a responder only"
    assert skipped(expect(PAIR, OTHER, only)) == ""
    assert "cannot offer ecp384" in skipped(expect(PAIR, without_methods(PRODUCT), OTHER))


def test_certificates_are_for_both():
    case = replace(PAIR, settings=Settings(authentication=AuthenticationMethod.CERTIFICATE))
    bare = able(OTHER, certificates=False, certificates_reason="it takes none")
    assert skipped(expect(case, PRODUCT, bare)) == skipped(expect(case, bare, PRODUCT)) == "B: it takes none"
    assert skipped(expect(case, PRODUCT, OTHER)) == skipped(expect(PAIR, PRODUCT, bare)) == ""


@pytest.mark.parametrize("step", [Step.REKEY_CHILD, Step.REKEY_IKE])
def test_one_of_the_two_has_to_start_a_rekey(step):
    case = replace(PAIR, steps=(Step.TRAFFIC, step))
    first, second = able(PRODUCT, rekeys=False), able(OTHER, rekeys=False)
    assert skipped(expect(case, first, second)) == "neither A nor B can be told to rekey"
    assert skipped(expect(PAIR, first, second)) == ""
    for one, other, who in ((PRODUCT, second, INITIATOR), (first, OTHER, RESPONDER), (PRODUCT, OTHER, INITIATOR)):
        assert (skipped(expect(case, one, other)), rekeyer(one, other)) == ("", who)
    assert rekeyer(first, second) is None


AS_PUBLISHED = replace(PLAIN, parties=Parties.PUBLISHED)


def publishing(peer: Peer, policy: PartyPolicy | None) -> Peer:
    return replace(peer, published=None if policy is None else Published(policy, ()))


def test_what_is_published_is_a_vendors_profile_or_a_products_defaults():
    policy = PartyPolicy(ike("ecp256"), ESP)
    assert published(wearing(policy)) == published(publishing(PRODUCT, policy)) == policy
    assert published(publishing(PRODUCT, None)) is None


def test_published_policies_meet_as_they_are():
    ours, theirs = PartyPolicy(ike("ecp384 ecp256"), ESP), PartyPolicy(ike("ecp256"), ESP)
    found = expect(AS_PUBLISHED, publishing(PRODUCT, ours), publishing(OTHER, theirs))
    assert (found.outcome, found.initiator, found.responder, found.skipped) == (Outcome.CLASSICAL, ours, theirs, "")
    for one, other, title in ((None, theirs, "A"), (ours, None, "B")):
        words = f"no published policy of {title} is on record"
        assert skipped(expect(AS_PUBLISHED, publishing(PRODUCT, one), publishing(OTHER, other))) == words
    assert expect(PAIR, publishing(PRODUCT, None), publishing(OTHER, None)).outcome is Outcome.CLASSICAL


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        (PartyPolicy(ike("ecp256"), ESP), "no IKE proposal in common: KE: A offers ecp384, B accepts ecp256"),
        (PartyPolicy(ike("ecp384"), ESN), "no ESP proposal in common: SN: A offers no-esn, B accepts esn"),
    ],
)
def test_where_two_published_policies_part_is_told(theirs, words):
    found = expect(AS_PUBLISHED, publishing(PRODUCT, PLAIN.offer), publishing(OTHER, theirs))
    assert found.outcome is Outcome.REFUSED
    assert found.unsupported == f"the two published policies have {words}"


def test_the_key_exchange_of_a_child_sa_is_for_later_ones():
    with_group: Any = tuple(ProposalPolicy({**each.transforms, _KE: ike("ecp384")[0].of(_KE)}) for each in ESP)
    ours, theirs = PartyPolicy(ike("ecp384"), with_group), PartyPolicy(ike("ecp384"), ESP)
    for one, other in ((ours, theirs), (theirs, ours)):
        assert expect(AS_PUBLISHED, publishing(PRODUCT, one), publishing(OTHER, other)).esp
    parted = PartyPolicy(ike("ecp384"), ESN)
    found = expect(AS_PUBLISHED, publishing(PRODUCT, ours), publishing(OTHER, parted))
    assert found.unsupported.endswith("in common: SN: A offers no-esn, B accepts esn")
    half = replace(PLAIN, offer=ours, accept=theirs)
    product = able(PRODUCT, esp={**PRODUCT.capabilities.esp, _KE: frozenset(ike("ecp384")[0].of(_KE))})
    assert expect(half, ENGINE, product).esp and expect(half, product, ENGINE).esp

"""Why a case would not test what its scenario is about, sentence by sentence: parties and policies are made up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ROOT
from made_up import ESN, ESP, able, ike, proposal, scenario

from harness.oracle.applicability import RETRY_CHECK, WITHOUT_UDP_CHECK, cannot_offer, first_guess, why_not, why_refused
from harness.oracle.negotiation import acceptable_suites
from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.scenario.model import Expect, Mode, Scenario, Settings, Subject
from harness.scenario.peer import Peer
from harness.scenario.peer_file import load_peers

PEERS = load_peers(ROOT / "peers")
PRODUCT, VENDOR = PEERS["strongswan-6.1"], PEERS["emulated/cisco-8000-26.1.1"]
INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
UNKNOWN = TransformType(200)


def asking(check: str) -> tuple[Expect, ...]:
    """A scenario asks for it beside another check."""
    return Expect("negotiated-as-predicted", "B06"), Expect(check, "B06")


def said(case: Scenario, peer: Peer, role: Role, theirs: PartyPolicy | None = None) -> str:
    own = theirs or (case.accept if role is INITIATOR else case.offer)
    sides = (case.offer.ike, own.ike) if role is INITIATOR else (own.ike, case.accept.ike)
    return why_not(case, peer, role, own, acceptable_suites(*sides))


def test_the_first_guess_is_the_first_method_of_the_first_proposal():
    assert first_guess(ike("ecp384 ecp256", "curve25519")) == KeyExchangeMethod(20)
    assert first_guess(ike({}, "curve25519")) is None
    assert first_guess(()) is None


def test_a_first_guess_that_may_be_accepted_leaves_nothing_to_retry():
    """Each side prefers another method, so that either may be chosen."""
    either = scenario(ike("ecp384 ecp256"), ike("ecp256 ecp384"), expect=asking(RETRY_CHECK))
    other = scenario(ike("ecp384 ecp256"), ike("ecp256"), expect=asking(RETRY_CHECK))
    for role in Role:
        assert (
            said(either, PRODUCT, role)
            == "strongSwan 6.1 accepts the first key exchange guess, so there is nothing to retry"
        )
        assert said(other, PRODUCT, role) == ""
    assert said(replace(either, expect=()), PRODUCT, INITIATOR) == ""


def test_of_a_vendor_that_initiates_its_own_first_guess_counts():
    theirs = PartyPolicy(ike("ecp256 ecp384"), ESP)
    retried = scenario(ike("ecp384 ecp256"), ike("ecp256"), expect=asking(RETRY_CHECK))
    assert "nothing to retry" in said(retried, VENDOR, RESPONDER, theirs)
    guessed = scenario(ike("ecp256 ecp384"), ike("ecp384"), expect=asking(RETRY_CHECK))
    assert said(guessed, VENDOR, RESPONDER, PartyPolicy(ike("ecp256 ecp384"), ESP)) == ""


def test_none_has_to_be_the_only_choice():
    optional = {"ke": "ecp384", "addke1": "ml-kem-768 none"}
    case = scenario(ike(optional), ike(optional), expect=asking("no-intermediate-exchange"))
    either = scenario(
        ike(optional), ike({"ke": "ecp384", "addke1": "none ml-kem-768"}), expect=asking("no-intermediate-exchange")
    )
    without = scenario(ike(optional), ike("ecp384"), expect=asking("no-intermediate-exchange"))
    words = "strongSwan 6.1 does not select NONE: its policy asks for the additional key exchange"
    assert [said(each, PRODUCT, INITIATOR) for each in (case, either, without)] == [words, words, ""]
    assert said(replace(case, expect=()), PRODUCT, INITIATOR) == ""


TRANSPORT = {"settings": Settings(mode=Mode.TRANSPORT)}
BARE = {"expect": asking(WITHOUT_UDP_CHECK)}


@pytest.mark.parametrize("parts", [TRANSPORT, BARE], ids=["transport", "without-udp"])
@pytest.mark.parametrize("role", Role)
def test_nobody_publishes_how_he_carries_esp(parts, role):
    case = scenario(VENDOR.profile.policy.ike, **parts)
    assert said(case, VENDOR, role).endswith("does not say how it carries ESP")
    assert said(case, able(PRODUCT, transport_mode=True, esp_without_udp=True), role) == ""


def test_who_puts_esp_into_udp_always_shows_nothing_without_it():
    case, tunnel = scenario(ike("ecp384"), **BARE), scenario(ike("ecp384"), expect=asking("esp-both-ways"))
    for role in Role:
        assert said(case, able(PRODUCT, esp_without_udp=False), role).endswith(
            "puts ESP into UDP always: it feigns a NAT"
        )
        assert said(case, able(PRODUCT, esp_without_udp=True), role) == ""
        assert said(tunnel, able(PRODUCT, esp_without_udp=False), role) == ""


def test_a_product_cannot_ask_for_a_mode_that_it_lacks_and_can_be_asked_for_it():
    case, unable = scenario(ike("ecp384"), **TRANSPORT), able(PRODUCT, transport_mode=False)
    assert "cannot use transport mode" in said(case, unable, RESPONDER)
    assert said(case, unable, INITIATOR) == ""
    assert said(case, able(PRODUCT, transport_mode=True), RESPONDER) == ""
    assert said(scenario(ike("ecp384")), unable, RESPONDER) == ""


def test_a_cookie_is_for_the_responder_to_demand():
    case, unable = scenario(ike("ecp384"), settings=Settings(require_cookie=True)), able(PRODUCT, demands_cookies=False)
    assert said(case, unable, INITIATOR) == "as responder strongSwan 6.1 never demands a COOKIE"
    assert said(case, unable, RESPONDER) == ""
    assert said(case, able(PRODUCT, demands_cookies=True), INITIATOR) == ""
    assert said(scenario(ike("ecp384")), unable, INITIATOR) == ""


def test_only_the_shape_of_an_offer_needs_common_ground_with_a_vendor():
    ours, theirs = ike("curve25519"), PartyPolicy(ike("ecp384"), ESP)
    words = "its published policy has no curve25519, so the case would end before what it is about"
    assert said(scenario(ours, subject=Subject.OFFER), VENDOR, INITIATOR, theirs) == words
    assert said(scenario(ours, subject=Subject.METHODS), VENDOR, INITIATOR, theirs) == ""
    assert said(scenario(ours, subject=Subject.OFFER), PRODUCT, INITIATOR, theirs) == ""
    assert said(scenario(ours, subject=Subject.OFFER), VENDOR, INITIATOR, PartyPolicy(ours, ESP)) == ""


def test_what_is_configured_as_written_is_no_policy_of_a_vendor():
    case = scenario(ike("ecp384"), settings=Settings(as_written=True))
    assert "is a published policy: it has no build that could lack" in said(case, VENDOR, INITIATOR)
    assert said(case, PRODUCT, INITIATOR) == ""
    assert said(scenario(ike("ecp384")), VENDOR, INITIATOR) == ""


NOT_TESTED = "which is not what this scenario tests"


def initiates(offer: Policy, theirs: Policy, accept: Policy | None = None, esp: Policy = ESP) -> bool:
    """Whether a vendor with this policy sends what the scenario is about."""
    words = said(scenario(offer, accept), VENDOR, RESPONDER, PartyPolicy(theirs, esp))
    assert words == "" or words.endswith(NOT_TESTED)
    return words == ""


def test_a_vendor_initiates_what_is_part_of_its_policy():
    hybrid = {"ke": "ecp384", "addke1": "ml-kem-1024"}
    assert initiates(ike("ecp384"), ike("ecp384"))
    assert initiates(ike("ecp384"), ike("curve25519", "ecp384"))  # one of its proposals covers it
    assert initiates(ike(hybrid), ike(hybrid))
    assert not initiates(ike(hybrid), ike("ecp384"))
    assert not initiates(ike("ecp384"), ike(hybrid))
    assert not initiates(ike("ecp384", "curve25519"), ike("ecp384"))  # and every proposal has to be covered
    assert not initiates(ike("ecp384 curve25519"), ike("ecp384"))


def test_a_vendor_has_to_come_to_a_suite_of_the_scenario():
    assert not initiates(ike("ecp384"), ike("ecp384 curve25519"), ike("curve25519"))  # to another method
    assert initiates(ike("ecp384"), ike("ecp384 curve25519"), ike("ecp384"))
    assert not initiates(ike("ecp384"), ike("ecp384"), ike("ecp256"))  # to none
    assert not initiates(ike("ecp384"), ike("ecp384"), esp=(proposal(encr="aes-128-cbc", integ="hmac-sha2-256-128"),))


def test_a_type_that_nobody_knows_is_part_of_what_is_offered():
    strange = (ProposalPolicy({**ike("ecp384")[0].transforms, UNKNOWN: (Algorithm(1),)}),)
    both = (*strange, *ike("ecp384"))
    assert initiates(both, both)
    assert not initiates(both, ike("ecp384"))
    assert not initiates(ike("ecp384"), strange, strange)
    of_another_kind = (ProposalPolicy({**ike("ecp384")[0].transforms, UNKNOWN: (Algorithm(2),)}), *ike("ecp384"))
    assert not initiates(both, of_another_kind, of_another_kind)


def test_what_else_a_proposal_has_is_the_vendors_own():
    theirs = (proposal(encr="aes-256-gcm-16 aes-128-gcm-16", prf="hmac-sha2-512 hmac-sha2-256", ke="ecp384"),)
    assert initiates(ike("ecp384"), theirs)


def lacks(case: Scenario, peer: Peer, theirs: PartyPolicy, agreed: bool = False) -> str:
    return why_refused(case, peer, theirs, agreed)


def test_a_product_that_knows_no_additional_key_exchange_lacks_that():
    """Where one proposal of several has one, it was not offered, so that nothing else is told to be missing."""
    hybrid = {"ke": "ecp384", "addke1": "ml-kem-1024"}
    plain = able(PRODUCT, additional_key_exchange=False)
    for offer in (ike(hybrid), ike(hybrid, "ecp384")):
        case = scenario(offer)
        assert lacks(case, plain, case.accept) == "strongSwan 6.1 has no multiple key exchanges (RFC 9370)"
        assert lacks(case, PRODUCT, case.accept) == ""
        assert lacks(case, plain, case.accept, agreed=True) == ""
    assert lacks(scenario(ike("ecp384")), plain, PartyPolicy((), ())) == ""


def test_of_an_agreed_ike_sa_the_child_lacks_something():
    sheet = {TransformType.ENCR: frozenset(ESP[0].of(TransformType.ENCR)), TransformType.SN: frozenset()}
    case = scenario(ike("curve25519 ecp384"), esp=ESN)
    product = able(PRODUCT, esp=sheet, ike={**PRODUCT.capabilities.ike, TransformType.KE: frozenset()})
    assert lacks(case, product, case.accept, agreed=True) == "strongSwan 6.1 has no ESP esn"
    assert lacks(case, product, case.accept) == "strongSwan 6.1 has no curve25519, ecp384"


def test_sequence_numbers_without_extension_may_be_lacking_too():
    only = able(PRODUCT, esp={**PRODUCT.capabilities.esp, TransformType.SN: frozenset((Algorithm(1),))})
    case = scenario(ike("ecp384"))
    assert lacks(case, only, case.accept, agreed=True) == "strongSwan 6.1 has no ESP no-esn"
    assert lacks(case, PRODUCT, case.accept, agreed=True) == ""


def test_additional_methods_are_those_of_a_sheet_and_are_named_by_their_type():
    case = scenario(ike({"ke": "ecp384", "addke1": "none ml-kem-1024"}))
    product = able(
        PRODUCT, ike={**PRODUCT.capabilities.ike, TransformType.KE: frozenset((algorithm(TransformType.KE, "ecp384"),))}
    )
    assert lacks(case, product, case.accept) == "strongSwan 6.1 has no ml-kem-1024 as ADDKE1"  # NONE is no method
    assert lacks(case, PRODUCT, case.accept) == ""


def test_a_type_that_nobody_knows_is_named_by_its_number():
    strange = (ProposalPolicy({**ike("ecp384")[0].transforms, UNKNOWN: (Algorithm(1),)}),)
    assert lacks(scenario(strange), PRODUCT, PartyPolicy((), ())) == "strongSwan 6.1 has no transform type 200"
    knowing = able(PRODUCT, ike={**PRODUCT.capabilities.ike, UNKNOWN: frozenset((Algorithm(1),))})
    assert lacks(scenario(strange), knowing, PartyPolicy((), ())) == ""


def test_what_a_vendor_lacks_is_what_its_policy_lacks():
    case = scenario(ike("ecp384"))
    hybrid = ike({"ke": "ecp384", "addke1": "ml-kem-1024"})
    for theirs, words in (
        (PartyPolicy(ike("curve25519"), ESP), "its published policy has no ecp384"),
        (PartyPolicy(hybrid, ESP), "its published policy requires an additional key exchange"),
        (PartyPolicy((*hybrid, *ike("ecp384")), ESP), "its published policy accepts no such proposal"),
    ):
        assert lacks(case, VENDOR, theirs) == words
    assert lacks(case, VENDOR, PartyPolicy(ike("ecp384"), ()), agreed=True).startswith(
        "its published policy has no ESP "
    )


def test_what_a_product_cannot_offer_is_told_once():
    case = scenario(ike("curve25519", "curve25519 ecp384"), esp=ESN)
    product = able(PRODUCT, ike={**PRODUCT.capabilities.ike, TransformType.KE: frozenset()}, esp={})
    assert cannot_offer(case, product, case.offer) == (
        "as initiator strongSwan 6.1 cannot offer curve25519, ecp384, ESP aes-256-gcm-16, ESP esn, "
        "so it cannot send what is under test"
    )
    plain = scenario(ike("curve25519"))
    assert "cannot offer these proposals" in cannot_offer(plain, PRODUCT, plain.offer)
    assert "cannot offer these proposals" in said(plain, PRODUCT, RESPONDER, PartyPolicy((), ()))

"""What a recorded prediction may say, rule by rule: scenarios, policies and parties are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from case_builder import ROOT, expect_of
from made_up import ESN, ESP, able, ike, scenario

from harness.oracle.confirmed import contradiction
from harness.oracle.expectation import Expectation
from harness.oracle.negotiation import acceptable_suites
from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Outcome
from harness.scenario.model import Mode, Parties, Scenario, Settings, Subject
from harness.scenario.peer_file import load_peers

PEERS = load_peers(ROOT / "peers")
PRODUCT = able(PEERS["strongswan-6.1"], transport_mode=True)
INITIATOR, RESPONDER = Role.INITIATOR, Role.RESPONDER
HYBRID = {"ke": "ecp384", "addke1": "ml-kem-768"}
OTHERWISE = "the two policies give other suites than the predicted ones"


def said(case: Scenario, recorded: Expectation, engine: Role | None, *, emulated: bool = False) -> str:
    return contradiction(case, recorded, engine, emulated=emulated)


def of_products(case: Scenario, **parts: Any) -> Expectation:
    """The prediction of two products that have all that the scenario asks for."""
    suites = acceptable_suites(case.offer.ike, case.accept.ike), acceptable_suites(case.offer.esp, case.accept.esp)
    outcome = Outcome.CLASSICAL if all(suites) else Outcome.REFUSED
    return replace(Expectation(outcome, *suites, "", "", case.offer, case.accept), **parts)


@pytest.mark.parametrize("role", Role)
def test_what_follows_is_not_doubted(role):
    for case in (scenario(ike("ecp384")), scenario(ike(HYBRID)), scenario(ike("ecp384"), ike("ecp256"))):
        assert said(case, expect_of(case, PRODUCT, role), role) == ""
        assert said(case, expect_of(case, able(PRODUCT, additional_key_exchange=False), INITIATOR), INITIATOR) == ""
    plain = scenario(ike("ecp384"))
    assert said(plain, of_products(plain), None) == ""


@pytest.mark.parametrize("role", Role)
def test_our_own_policy_is_the_scenarios_but_for_a_vendor_in_an_exchange(role):
    case = scenario(ike("ecp384"))
    exchange = replace(case, subject=Subject.EXCHANGE)
    other = PartyPolicy(ike("curve25519"), ESP)
    suites = acceptable_suites(other.ike, other.ike)
    recorded = replace(expect_of(case, PRODUCT, role), initiator=other, responder=other, ike=suites)
    words = "our engine's policy is not the scenario's"
    assert said(exchange, recorded, role, emulated=True) == ""
    assert said(exchange, recorded, role) == words
    assert said(case, recorded, role, emulated=True) == words
    assert said(case, recorded, None) != words


def test_whose_policy_is_ours_goes_by_our_role():
    case = scenario(ike("ecp384 ecp256"), ike("ecp256"))
    for role in Role:
        recorded = expect_of(case, PRODUCT, role)
        mine = {role.value: PartyPolicy(ike("ecp256 curve25519"), ESP)}
        theirs = {role.other.value: PartyPolicy(ike("ecp256"), ESP)}
        assert said(case, replace(recorded, **mine), role) == "our engine's policy is not the scenario's"
        assert said(case, replace(recorded, **theirs), role) != "our engine's policy is not the scenario's"


def test_policies_that_nobody_can_compare_are_no_prediction():
    one = {TransformType(kind): tuple(Algorithm(number) for number in range(1, 40)) for kind in (1, 2, 3, 4)}
    other = {kind: tuple(reversed(those)) for kind, those in one.items()}
    case = scenario((ProposalPolicy(one),), (ProposalPolicy(other),))
    recorded = replace(of_products(scenario(ike("ecp384"))), initiator=case.offer, responder=case.accept)
    assert said(case, recorded, None).startswith("the two policies leave more suites to choose from")


def test_only_a_product_may_not_know_additional_key_exchanges():
    case = scenario(ike(HYBRID, "ecp384"))
    second = acceptable_suites(case.offer.ike, case.accept.ike, knows_additional=False)
    assert [suite.proposal_number for suite in second] == [2]
    for engine, words in ((INITIATOR, ""), (None, ""), (RESPONDER, OTHERWISE)):
        recorded = of_products(case, ike=second, outcome=Outcome.CLASSICAL)
        assert said(case, recorded, engine) == words


def test_what_was_not_announced_is_skipped():
    case = scenario(ike(HYBRID, "ecp384"), deviation=Deviation.INTERMEDIATE_UNANNOUNCED)
    recorded = expect_of(case, PRODUCT, INITIATOR)
    assert said(case, recorded, INITIATOR) == ""
    first = acceptable_suites(case.offer.ike, case.accept.ike)
    assert said(case, replace(recorded, ike=first), INITIATOR) == OTHERWISE
    assert "refused, and not as it lacks a method" in said(*_refusing(unsupported="it lacks a method"), INITIATOR)
    assert said(*_refusing(), INITIATOR) == ""


def _refusing(**parts: Any) -> tuple[Scenario, Expectation]:
    """Nothing is offered beside what was not announced."""
    case = scenario(ike(HYBRID), deviation=Deviation.INTERMEDIATE_UNANNOUNCED)
    return case, replace(expect_of(case, PRODUCT, INITIATOR), **parts)


WRONG = {"settings": Settings(wrong_psk=True)}


@pytest.mark.parametrize("role", Role)
def test_with_a_wrong_key_no_child_sa_comes(role):
    case = scenario(ike("ecp384"), **WRONG)
    recorded = expect_of(case, PRODUCT, role)
    assert (recorded.refusal, said(case, recorded, role)) == (NotifyType.AUTHENTICATION_FAILED, "")
    child = acceptable_suites(ESP, ESP)
    assert said(case, replace(recorded, esp=child), role) == OTHERWISE
    plain = replace(recorded, refusal=NotifyType.NO_PROPOSAL_CHOSEN)
    assert said(case, plain, role).startswith("refusal ")
    assert said(case, replace(plain, unsupported="it lacks something"), role) == ""


@pytest.mark.parametrize("role", Role)
def test_a_wrong_key_where_the_ike_sa_is_not_agreed(role):
    case = scenario(ike("ecp384"), **WRONG)
    lacking = able(PRODUCT, ike={**PRODUCT.capabilities.ike, TransformType.KE: frozenset()})
    recorded = expect_of(case, lacking, INITIATOR)
    assert recorded.unsupported and said(case, recorded, INITIATOR) == ""
    untold = replace(recorded, unsupported="")
    assert said(case, untold, INITIATOR) == "both policies of the scenario meet, and nothing is said to be lacking"


def test_only_in_transport_mode_what_is_lacking_may_be_the_mode():
    transport, tunnel = scenario(ike("ecp384"), settings=Settings(mode=Mode.TRANSPORT)), scenario(ike("ecp384"))
    recorded = expect_of(transport, able(PRODUCT, transport_mode=False), INITIATOR)
    assert recorded.unsupported and said(transport, recorded, INITIATOR) == ""
    assert said(tunnel, recorded, INITIATOR) == OTHERWISE
    assert said(transport, replace(recorded, unsupported=""), INITIATOR) == OTHERWISE
    assert said(transport, expect_of(transport, PRODUCT, INITIATOR), INITIATOR) == ""


def test_what_is_configured_as_written_a_build_may_lack():
    case = scenario(ike("ecp384"), settings=Settings(as_written=True))
    whole = expect_of(case, PRODUCT, INITIATOR)
    refused = replace(
        whole, outcome=Outcome.REFUSED, refusal=NotifyType.NO_PROPOSAL_CHOSEN, unsupported="it lacks a method", esp=()
    )
    for recorded in (refused, replace(refused, ike=())):
        assert said(case, recorded, INITIATOR) == ""
        assert said(scenario(ike("ecp384")), recorded, INITIATOR) == OTHERWISE
    assert said(case, replace(whole, ike=()), INITIATOR) == OTHERWISE


def test_where_the_ike_sa_is_agreed_and_the_child_is_not():
    case = scenario(ike("ecp384"))
    apart = replace(case, accept=PartyPolicy(case.accept.ike, ESN))
    pair = of_products(apart)
    assert (pair.ike != (), pair.esp, pair.outcome) == (True, (), Outcome.REFUSED)
    assert said(apart, pair, None) == ""
    assert said(apart, replace(pair, outcome=Outcome.CLASSICAL), None).startswith("outcome CLASSICAL is predicted")


def test_a_child_sa_is_refused_for_a_lack_or_because_the_scenario_has_it_so():
    case = scenario(ike("ecp384"))
    recorded = expect_of(case, able(PRODUCT, esp={}), INITIATOR)
    assert recorded.ike and not recorded.esp and said(case, recorded, INITIATOR) == ""
    untold = replace(recorded, unsupported="")
    assert said(case, untold, INITIATOR) == "both policies of the scenario meet, and nothing is said to be lacking"
    apart = replace(case, accept=PartyPolicy(case.accept.ike, ESN))
    both = frozenset((Algorithm(0), Algorithm(1)))
    able_to = able(PRODUCT, esp={**PRODUCT.capabilities.esp, TransformType.SN: both})
    refused = expect_of(apart, able_to, INITIATOR)
    assert refused.ike and not refused.esp and refused.unsupported == ""
    assert said(apart, refused, INITIATOR) == ""


def test_two_products_that_come_up_lack_nothing():
    case = scenario(ike("ecp384"))
    assert said(case, of_products(case, unsupported="it lacks a method"), None).startswith("it is said to come up")
    assert said(case, of_products(case, outcome=Outcome.HYBRID), None).startswith("outcome HYBRID is predicted")


def test_the_outcome_is_that_of_the_suite_that_the_initiator_likes_best():
    case = scenario(ike(HYBRID, "ecp384"), ike("ecp384", HYBRID))
    assert len(acceptable_suites(case.offer.ike, case.accept.ike)) == 2
    assert said(case, of_products(case, outcome=Outcome.HYBRID), None) == ""
    assert said(case, of_products(case, outcome=Outcome.CLASSICAL), None).startswith("outcome CLASSICAL")
    for role in Role:
        recorded = expect_of(case, PRODUCT, role)
        assert (recorded.outcome, said(case, recorded, role)) == (Outcome.HYBRID, "")


def test_a_refusal_of_two_products_or_of_published_policies_may_be_nobodys_lack():
    case = scenario(ike("ecp384"))
    apart = PartyPolicy(ike("ecp256"), ESP)
    recorded = of_products(case, initiator=apart, ike=(), esp=(), outcome=Outcome.REFUSED)
    assert said(case, recorded, None) == ""
    with_us = replace(recorded, initiator=case.offer, responder=apart, refusal=NotifyType.NO_PROPOSAL_CHOSEN)
    assert "nothing is said to be lacking" in said(case, with_us, INITIATOR)
    assert said(replace(case, parties=Parties.PUBLISHED), with_us, INITIATOR) == ""
    assert said(case, replace(with_us, unsupported="it lacks ecp384"), INITIATOR) == ""
    assert said(scenario(ike("ecp384"), ike("ecp256")), with_us, INITIATOR) == ""  # the halves themselves do not meet


@pytest.mark.parametrize("engine", Role)
def test_what_our_deviation_asks_for_is_no_outcome_of_the_policies(engine):
    case = scenario(ike("ecp384"), deviation=Deviation.CRITICAL_PAYLOAD_IN_IKE_AUTH)
    recorded = expect_of(case, PRODUCT, engine)
    assert recorded.reaction is not None and said(case, recorded, engine) == ""
    assert said(case, replace(recorded, reaction=None), engine).startswith("reaction none is predicted")
    theirs: dict[str, Any] = {engine.other.value: PartyPolicy(ike("ecp256"), ESP)}
    lacking = replace(
        recorded, ike=(), esp=(), unsupported="it lacks ecp384", refusal=NotifyType.NO_PROPOSAL_CHOSEN, reaction=None,
        **theirs,
    )  # fmt: skip
    assert said(case, lacking, engine) == ""

"""Which checks a case undergoes, and for which requirement each then speaks."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import Case, good, requirements

from harness.policy.role import Role
from harness.registry.notifications import NotifyType
from harness.verify.check import Due
from harness.verify.checks.catalogue import ENGINE_CHECKS
from harness.verify.with_keys import due_checks
from harness.wire.message import Message
from harness.wire.payloads import Notify, SecurityAssociation

CLASSICAL, EITHER = "classical/x25519", "hybrid/mlkem768-or-classical"
WRONG_PSK = "authentication/wrong-psk"


def due(case: Case) -> dict[str, str]:
    """The requirement of each check, by its name."""
    found = [(each.check.name, each.requirement) for each in due_checks(case.view)]
    assert len(dict(found)) == len(found), "each once"
    return dict(found)


def of(*when: Due) -> set[str]:
    return {check.name for check in ENGINE_CHECKS.values() if check.due in when}


def without_addke(old):
    for payload in old:
        if isinstance(payload, SecurityAssociation):
            (proposal,) = payload.proposals
            kept = tuple(each for each in proposal.transforms if not each.type.is_additional_key_exchange)
            yield replace(payload, proposals=(replace(proposal, transforms=kept),))
        else:
            yield payload


def test_a_tunnel_undergoes_what_is_due_of_one_and_what_always_is(role):
    case = good(role=role)
    assert set(due(case)) == {"came-up-as-predicted", *(e.check for e in case.scenario.expect), *of(Due.UP, Due.ALWAYS)}
    assert due(case)["came-up-as-predicted"] == case.scenario.requirements[0].id
    bare = replace(case, scenario=replace(case.scenario, expect=()))
    assert set(due(bare)) == {"came-up-as-predicted", *of(Due.UP, Due.ALWAYS)}
    for name in of(Due.UP):
        assert due(bare)[name] == (ENGINE_CHECKS[name].requirement or case.scenario.requirements[0].id)
    for name in of(Due.ALWAYS):
        assert due(bare)[name] == ENGINE_CHECKS[name].requirement


def test_the_first_of_several_requirements_is_the_cases_own():
    case = good(CLASSICAL)
    two = replace(case.scenario, requirements=(requirements()["A06"], requirements()["K01"]))
    assert due(replace(case, scenario=two))["came-up-as-predicted"] == "A06"
    assert due(replace(case, scenario=replace(two, requirements=())))["came-up-as-predicted"] == ""


@pytest.mark.parametrize(("kind", "up"), [("", True), ("misbehaved", False), ("malformed", False), ("timeout", True)])
def test_a_tunnel_on_the_wire_that_our_engine_does_not_report_is_one_unless_it_was_rejected(kind, up):
    case = good(role=Role.RESPONDER).with_report(child_established=False, closed_kind=kind)
    assert of(Due.UP) <= set(due(case)) if up else of(Due.NOT_UP) <= set(due(case))
    assert (of(Due.UP) - of(Due.NOT_UP) <= set(due(case))) is up


def test_int_auth_is_due_where_an_intermediate_exchange_took_place_with_a_key_exchange_or_without(role):
    plain = good(CLASSICAL, role=role)
    assert due(plain)["authenticated"] == "K03"
    bare = good(role=role).rewritten("IKE_SA_INIT response 0", without_addke)
    assert (due(bare)["authenticated"], due(bare)["keys-depend-on-every-exchange"]) == ("I08", "K01")
    asked = bare.without("IKE_INTERMEDIATE response 1")
    assert due(asked)["authenticated"] == "K03"
    assert due(good(role=role))["keys-depend-on-every-exchange"] == "A06"


def test_where_nothing_is_chosen_yet_one_predicted_suite_with_an_additional_method_is_enough(role):
    case = good(EITHER, role=role)
    plain = [each for each in good(CLASSICAL, role=role).expectation.ike if not each.additional_key_exchanges]
    assert plain
    case = replace(case, expectation=replace(case.expectation, ike=(*case.expectation.ike[:1], *plain)))
    silent = case.with_datagrams(case.datagrams[:1])
    assert any(each.additional_key_exchanges for each in silent.expectation.ike)
    assert {len(each.instead) for each in due_checks(silent.view)} == {0}


FOR_THE_REFUSAL = {"answer-is-a-subset-of-the-offer", "negotiated-as-predicted", "keys-depend-on-every-exchange"}


def asking(case: Case, *names: str) -> Case:
    """The same case of a scenario that asks for these checks."""
    one = case.scenario.expect[0]
    expect = tuple(replace(one, check=name, requirement="K01", arguments={}) for name in names)
    return replace(case, scenario=replace(case.scenario, expect=expect))


def test_a_refusal_in_ike_auth_undergoes_what_went_before_it(role):
    case = good(WRONG_PSK, role=role)
    assert set(due(asking(case))) == {"refused-with", *FOR_THE_REFUSAL, *of(Due.ALWAYS)}
    (refused,) = (each for each in due_checks(case.view) if each.check.name == "refused-with")
    assert refused.arguments == {"notify": "AUTHENTICATION_FAILED"}


def test_a_scenario_that_means_the_refusal_says_what_for_and_what_else(role):
    case = asking(good(WRONG_PSK, role=role), "refused-with", "esp-both-ways")
    asked = {each.check.name: (each.requirement, each.arguments) for each in due_checks(case.view)}
    assert asked["refused-with"] == ("K01", {"notify": "AUTHENTICATION_FAILED"})
    assert asked["esp-both-ways"] == ("K01", {})
    lacking = replace(case, expectation=replace(case.expectation, unsupported="it lacks something"))
    assert due(lacking)["refused-with"] == "B08"
    assert "esp-both-ways" not in due(lacking)


def test_of_a_scenario_that_means_a_tunnel_nothing_is_asked_of_a_refusal(role):
    case = asking(good(WRONG_PSK, role=role), "esp-both-ways")
    case = replace(case, scenario=replace(case.scenario, expects_refusal=False))
    assert "esp-both-ways" not in due(case)
    assert due(case)["refused-with"] == "B08"


def test_without_both_messages_of_ike_auth_or_keys_there_is_no_key_to_prove(role):
    case = good(WRONG_PSK, role=role)
    assert "keys-depend-on-every-exchange" in due(case)
    assert "keys-depend-on-every-exchange" not in due(case.without("IKE_AUTH response 1"))
    assert "keys-depend-on-every-exchange" not in due(case.without("IKE_AUTH request 1"))
    assert "keys-depend-on-every-exchange" not in due(case.with_secrets(shared_secrets=()))


def test_a_refusal_for_want_of_a_method_undergoes_that_alone():
    case = good("hybrid/x25519-mlkem768", "strongswan-6.0")
    assert set(due(case)) == {"refused-with", *of(Due.ALWAYS)}
    assert due(case)["refused-with"] == "B08"


def test_an_answer_among_other_responses_is_looked_at():
    """After a demand to try again there is one response without an SA payload."""
    case = good("authentication/wrong-psk")
    first = case.message("IKE_SA_INIT response 0").pieces[0]
    demand = Message(first.message.header, (Notify(NotifyType.COOKIE, bytes(8)),)).to_bytes()
    both = case.changed(first.datagram, replace(first.datagram, payload=demand), first.datagram)
    assert set(due(asking(case))) == set(due(asking(both))) >= {"answer-is-a-subset-of-the-offer"}


def test_a_child_sa_alone_refused_leaves_auth_to_be_looked_at():
    case = good("esp/transport", "strongswan-6.1")
    assert case.view.child_alone_refused
    assert set(due(case)) >= {"refused-with", "auth-is-as-due"}
    assert not {each.check for each in case.scenario.expect} <= set(due(case)), "what it lacks is not asked of it"
    assert "auth-is-as-due" not in set(due(good(WRONG_PSK))) - {each.check for each in good(WRONG_PSK).scenario.expect}


@pytest.mark.parametrize(
    ("scenario", "owed"),
    [("pq-only/ciphertext-short", "deviation-refused"), ("pq-only/ciphertext-altered", "keys-differ")],
)
def test_a_deviation_undergoes_what_the_peer_owes_after_it(scenario, owed):
    case = good(scenario, role=Role.RESPONDER)
    own = {each.check for each in case.scenario.expect}
    assert set(due(case)) == {owed, *own, *of(Due.NOT_UP, Due.ALWAYS)}
    bare = replace(case, scenario=replace(case.scenario, expect=()))
    assert set(due(bare)) == {owed, *of(Due.NOT_UP, Due.ALWAYS)}
    assert due(bare)[owed] == case.expectation.reaction.rule
    named = replace(case.scenario.expect[0], check=owed, requirement="K01", arguments={})
    twice = replace(case, scenario=replace(case.scenario, expect=(named,)))
    assert due(twice)[owed] == "K01", "a scenario that names it says what for"


def test_where_our_engine_alone_says_that_a_child_sa_stood_all_of_its_checks_are_due(role):
    case = good(role=role)
    gone = case.rewritten("IKE_AUTH response 2", lambda old: [p for p in old if not isinstance(p, SecurityAssociation)])
    names = {due.check.name for due in due_checks(gone.view)}
    assert {"esp-both-ways", "authenticated"} <= names and "auth-is-as-due" not in names

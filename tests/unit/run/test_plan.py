"""The plan: which cases there are, why some are not sent, and a hash that changes with what is asked alone."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.registry.transforms import KeyExchangeMethod
from harness.run.plan import Selection, make_plan, plan_hash, stale_known_failures
from harness.scenario.model import Expect, Parties, Step
from harness.scenario.peer import KnownFailure
from harness.scenario.selection import NothingSelected
from harness.scenario.toml_source import InvalidData


def test_a_plan_crosses_scenarios_peers_and_roles(inputs):
    cases = make_plan(inputs, Selection(suite="full", roles=("initiator", "responder")))
    with_engine = [scenario for scenario in inputs.scenarios.values() if scenario.parties is Parties.ENGINE]
    assert len(cases) == len(with_engine) * len(inputs.peers) * len(Role)
    assert len({case.id for case in cases}) == len(cases)
    for case in cases:
        assert case.id == f"{case.scenario.id}@{case.peers[0].name}@{case.role}"


def test_the_order_is_that_of_scenario_peer_and_role_whatever_the_patterns_say(inputs):
    forth = Selection(("classical/*", "hybrid/*"), ("strongswan-6.1", "strongswan-5.9"))
    back = Selection(("hybrid/*", "classical/*"), ("strongswan-5.9", "strongswan-6.1"))
    assert make_plan(inputs, forth) == make_plan(inputs, back)


def test_a_suite_may_name_its_peers_and_one_asked_for_by_name_runs_all_the_same(inputs):
    smoke = {peer.name for case in make_plan(inputs, Selection(suite="smoke")) for peer in case.peers}
    assert "strongswan-6.1" in smoke
    assert {peer.esp_implementation for peer in inputs.peers.values() if peer.name in smoke} == {"userspace"}
    asked = make_plan(inputs, Selection(peers=("libreswan-5.2",), suite="smoke"))
    assert all("libreswan-5.2" in {peer.name for peer in case.peers} for case in asked)


def test_a_selection_narrows_each_dimension(inputs):
    cases = make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.?",), ("responder",)))
    assert {case.engine for case in cases} == {Role.RESPONDER}
    assert {case.peers[0].name for case in cases} == {"strongswan-6.0", "strongswan-6.1"}
    assert {case.scenario.topic for case in cases} == {"hybrid"}


def test_a_scenario_named_runs_whatever_the_suite_holds(inputs, tmp_path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "smoke.toml").write_text('title = "one"\nscenarios = ["classical/x25519"]\n')
    narrow = replace(inputs, scenario_folder=tmp_path)
    assert {case.scenario.id for case in make_plan(narrow, Selection())} == {"classical/x25519"}
    named = make_plan(narrow, Selection(("hybrid/x25519-mlkem768",)))
    assert {case.scenario.id for case in named} == {"hybrid/x25519-mlkem768"}


@pytest.fixture(scope="module")
def full(inputs):
    return make_plan(inputs, Selection(suite="full"))


def test_every_case_of_the_full_plan_can_be_named(inputs, full):
    assert make_plan(inputs, Selection(cases=tuple(case.id for case in full))) == full


def test_one_case_by_its_name_is_just_that_one(inputs, full):
    kinds = {(case.scenario.parties, case.id.rpartition("@")[2]): case for case in full}
    assert len(kinds) >= 4
    for case in kinds.values():
        assert make_plan(inputs, Selection(cases=(case.id,))) == (case,)


def test_a_pattern_of_case_names_reaches_over_their_parts(inputs, full):
    found = {case.id for case in make_plan(inputs, Selection(cases=("pairs/c*libreswan-5.2+*@pair",)))}
    assert found == {
        case.id for case in full if case.id.startswith("pairs/c") and "@libreswan-5.2+" in case.id
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [("classical/x25519@strongswan-6.1@pair", "did you mean 'classical/x25519@strongswan-6.1@"),
     ("classical/x25518@strongswan-6.1@initiator", "scenario 'classical/x25518' matches nothing")],
)  # fmt: skip
def test_a_case_that_is_not_in_the_full_plan_is_an_error(inputs, name, words):
    with pytest.raises(NothingSelected, match=re.escape(words)):
        make_plan(inputs, Selection(cases=(name,)))


@pytest.mark.parametrize(
    "selection",
    [Selection(("nothing/*",)), Selection(peers=("nobody",)), Selection(roles=("bystander",)),
     Selection(("hybrid/*", "nothing/*"))],
)  # fmt: skip
def test_a_pattern_that_matches_nothing_is_an_error(inputs, selection):
    with pytest.raises(NothingSelected, match="matches nothing"):
        make_plan(inputs, selection)


def test_an_unknown_suite_is_an_error_that_lists_those_there_are(inputs):
    with pytest.raises(InvalidData, match="no suite 'huge'; known: full, smoke, standard"):
        make_plan(inputs, Selection(suite="huge"))


def test_what_a_product_cannot_send_is_skipped_with_the_reason(inputs):
    [case] = make_plan(inputs, Selection(("hybrid/x25519-mlkem768",), ("strongswan-5.9",), ("responder",)))
    assert case.expectation.skipped.startswith("as initiator strongSwan 5.9 cannot offer ml-kem-768 as ADDKE1")
    assert case.expectation.outcome is None


def test_without_kernel_esp_the_peers_that_need_it_are_planned_and_not_sent(inputs):
    chosen = Selection(("classical/x25519",), ("strongswan-6.1", "libreswan-5.2"), kernel_esp=False)
    by_peer = {case.peers[0].name: case.expectation for case in make_plan(inputs, chosen)}
    assert by_peer["strongswan-6.1"].skipped == ""
    assert (
        by_peer["libreswan-5.2"].skipped == "Libreswan 5.2 needs a kernel for its ESP, and this run was to do without"
    )
    assert by_peer["libreswan-5.2"].outcome is None


def test_what_this_machine_lacks_is_skipped_with_the_reason(inputs):
    lacking = {KeyExchangeMethod.ML_KEM_512: "liboqs is not there: make liboqs"}
    cases = make_plan(inputs, Selection(("hybrid/x25519-mlkem*",), ("strongswan-6.1",)), lacking)
    skipped = {case.scenario.id: case.expectation.skipped for case in cases if case.expectation.skipped}
    assert set(skipped) == {"hybrid/x25519-mlkem512"}
    assert "make liboqs" in skipped["hybrid/x25519-mlkem512"]


@pytest.fixture
def cases(inputs):
    return make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.1",)))


def test_the_hash_is_that_of_the_plan(inputs, cases):
    again = make_plan(inputs, Selection(("hybrid/*",), ("strongswan-6.1",)))
    assert plan_hash(cases) == plan_hash(again)
    assert len(bytes.fromhex(plan_hash(cases))) == 32


CHANGES = {
    "case": lambda case: replace(case, initiator=case.responder, responder=case.initiator),
    "settings": lambda case: replace(
        case, scenario=replace(case.scenario, settings=replace(case.scenario.settings, fragment_size=700))
    ),
    "steps": lambda case: replace(case, scenario=replace(case.scenario, steps=(Step.DELETE,))),
    "checks": lambda case: replace(case, scenario=replace(case.scenario, expect=(Expect("authenticated", "I08"),))),
    "deviation": lambda case: replace(
        case, scenario=replace(case.scenario, deviation=Deviation.UNKNOWN_PAYLOAD_EVERYWHERE)
    ),
    "prediction": lambda case: replace(case, expectation=replace(case.expectation, unsupported="it lacks something")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_the_hash_changes_with_what_is_asked(cases, name):
    first, *others = cases
    assert plan_hash([CHANGES[name](first), *others]) != plan_hash(cases)


def test_the_hash_does_not_change_with_words(cases):
    first, *others = cases
    renamed = replace(first, scenario=replace(first.scenario, title="the same in other words"))
    assert plan_hash([renamed, *others]) == plan_hash(cases)


def with_known(inputs, peer, scenario, role=None):
    entry = KnownFailure(scenario, role, "A06", "reason", "https://example.org", "peers/x/peer.toml:7")
    peers = {**inputs.peers, peer: replace(inputs.peers[peer], known_failures=(entry,))}
    return replace(inputs, peers=peers)


@pytest.mark.parametrize(
    ("peer", "scenario", "role", "stale"),
    [
        ("strongswan-6.1", "hybrid/x25519-mlkem768", None, False),
        ("strongswan-6.1", "hybrid/long-gone", None, True),
        ("strongswan-5.9", "hybrid/x25519-mlkem768", Role.INITIATOR, False),
        ("strongswan-5.9", "hybrid/x25519-mlkem768", Role.RESPONDER, True),  # planned SKIPPED: it can never fail
    ],
)
def test_a_known_failure_must_match_a_case_that_is_sent(inputs, peer, scenario, role, stale):
    lines = stale_known_failures(with_known(inputs, peer, scenario, role))
    assert bool(lines) == stale
    assert all(line.startswith("peers/x/peer.toml:7: known failure of ") for line in lines)


def test_a_known_failure_concerns_its_role_alone(inputs):
    known = with_known(inputs, "strongswan-6.1", "hybrid/x25519-mlkem768", Role.RESPONDER)
    cases = make_plan(known, Selection(("hybrid/x25519-mlkem768",), ("strongswan-6.1",)))
    assert [case.known_failure is not None for case in cases] == [False, True]

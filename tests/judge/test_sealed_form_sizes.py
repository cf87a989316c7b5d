"""Two products: what an IKE_FOLLOWUP_KE message has room for, and whose turn it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair
from pair_form_alterations import holding, message_of, sized

from harness.evidence.model import CapturedDatagram
from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.scenario.model import Step
from harness.verify.checks.catalogue import PAIR_CHECKS
from harness.verify.wire import SeenMessage

SIZES = "pair-follow-up-sizes"
KEY = (8 + 16 + 1) + (4 + 4)
"""Octets of IV, ICV and Pad Length; of a KE payload in front of its data."""


def inside(pair: Pair, label: str, octets: int) -> Pair:
    return holding(label, sized(octets))(pair)


def in_follow_up(which: Callable[[SeenMessage], bool], octets: int) -> Pair:
    pair = good_pair(HYBRID_REKEY)
    (label,) = [m.label for m in pair.view.messages if m.exchange == ExchangeType.IKE_FOLLOWUP_KE and which(m)]
    return inside(pair, label, octets)


@pytest.mark.parametrize(("response", "party"), [(False, FIRST), (True, SECOND)])
def test_a_follow_up_has_room_for_its_key(response, party):
    due = KEY + KEY_EXCHANGE_OCTETS[KeyExchangeMethod.ML_KEM_768][int(response)]
    assert in_follow_up(lambda m: m.response == response, due).check(SIZES).objections == ()
    (objection,) = in_follow_up(lambda m: m.response == response, due - 1).check(SIZES).objections
    assert (objection.party, objection.requirement) == (party, "")


def test_where_it_is_not_known_which_method_it_is_of_no_size_is_due():
    small = in_follow_up(lambda m: not m.response, 30)
    assert len(small.check(SIZES).objections) == 1
    steps = tuple(s for s in small.report.steps if s.step != Step.REKEY_IKE)
    assert small.with_report(steps=steps).check(SIZES).objections == (), "no rekey was asked for"
    assert small.without("IKE_FOLLOWUP_KE response 4").check(SIZES).objections == ()
    created = small.message("CREATE_CHILD_SA request 3").pieces[0].datagram
    late = replace(created, frame=99)
    moved = small.with_datagrams((*(d for d in small.wire.datagrams if d is not created), late))
    assert len(moved.check(SIZES).objections) == 1, "the answer to it is still in front"
    both = moved.without("CREATE_CHILD_SA response 3")
    assert both.check(SIZES).objections == ()
    of_child = Suite(1, {TransformType.ADDKE1: algorithm(TransformType.ADDKE1, "ml-kem-768")})
    for esp in ((of_child,), (of_child, Suite(2, {}))):
        known = replace(small.expectation, esp=esp)
        assert replace(small, expectation=known).check(SIZES).objections == (), "a Child SA may have some, too"


def numbered(pair: Pair, *datagrams: CapturedDatagram) -> Pair:
    return pair.with_datagrams(replace(d, frame=n) for n, d in enumerate(datagrams, start=1))


def test_one_message_in_front_of_all_rekeys_is_enough_to_know_nothing():
    small = in_follow_up(lambda m: not m.response, 30)
    created = {small.message(f"CREATE_CHILD_SA {way} 3").pieces[0].datagram.frame for way in ("request", "response")}
    request = small.message("CREATE_CHILD_SA request 3").pieces[0].datagram
    rest = [d for d in small.wire.datagrams if d.frame not in created]
    at = next(n for n, d in enumerate(rest) if d is small.message("IKE_FOLLOWUP_KE response 4").pieces[0].datagram)
    assert numbered(small, *rest[:at], request, *rest[at:]).check(SIZES).objections == ()


def test_each_of_two_methods_has_its_turn():
    pair = good_pair(HYBRID_REKEY)
    second = [message_of(pair, ExchangeType.IKE_FOLLOWUP_KE, 9, initiator=i, response=not i) for i in (True, False)]
    answer = pair.message("IKE_FOLLOWUP_KE response 4").pieces[0].datagram
    at = pair.wire.datagrams.index(answer) + 1
    both = numbered(pair, *pair.wire.datagrams[:at], *second, *pair.wire.datagrams[at:])
    methods = {TransformType.ADDKE1: "ml-kem-768", TransformType.ADDKE2: "ecp384"}
    suite = Suite(1, {kind: algorithm(kind, name) for kind, name in methods.items()})
    view = replace(both.view, suite=suite)
    check = PAIR_CHECKS[SIZES]
    assert [each.party for each in check(view, {}).objections] == []
    small = inside(both, "IKE_FOLLOWUP_KE request 9", 30)
    (objection,) = check(replace(small.view, suite=suite), {}).objections
    assert objection.party == FIRST and objection.sentence.endswith("too few for ECP_384")


def test_of_a_private_method_no_size_is_known():
    suite = Suite(1, {TransformType.ADDKE1: algorithm(TransformType.ADDKE1, "private-use-1080")})
    for response in (False, True):
        pair = in_follow_up(lambda m, way=response: m.response == way, 0)
        assert PAIR_CHECKS[SIZES](replace(pair.view, suite=suite), {}).objections == ()

"""Two products: IKE_FOLLOWUP_KE follows the CREATE_CHILD_SA that rekeys the IKE SA (RFC 9370 section 2.2.4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, HYBRID_REKEYS, Pair, good_pair
from pair_rekey_rows import follow_up_first

from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType
from harness.scenario.model import Step
from harness.verify.checks.exchanges import _before_its_rekey
from harness.verify.pair_view import PairView


def told(view: PairView) -> list[tuple[str, str]]:
    return [(each.party, each.sentence) for each in _before_its_rekey(view)]


def with_number(number: int, *, turned: bool = False, elsewhere: bool = False) -> PairView:
    """The case in which the IKE_FOLLOWUP_KE request has this number, is the responder's, or is of another IKE SA."""
    view = good_pair(HYBRID_REKEYS).view
    (message,) = view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False)
    (piece,) = message.pieces
    octets = b"another!" + piece.octets[8:] if elsewhere else piece.octets
    from_initiator = message.from_initiator != turned
    other = replace(message, message_id=number, from_initiator=from_initiator, pieces=(replace(piece, octets=octets),))
    return replace(view, messages=tuple(other if m is message else m for m in view.messages))


def created() -> int:
    """The number of the CREATE_CHILD_SA request that rekeys the IKE SA."""
    return good_pair(HYBRID_REKEYS).view.find(ExchangeType.CREATE_CHILD_SA, response=False)[-1].message_id


def test_it_comes_behind_the_request_that_rekeys_the_ike_sa():
    words = f"IKE_FOLLOWUP_KE request {created() - 1} comes before CREATE_CHILD_SA request {created()}, which rekeys"
    assert told(good_pair(HYBRID_REKEYS).view) == []
    ((party, sentence),) = told(with_number(created() - 1))
    assert (party, sentence) == (FIRST, f"{words} the IKE SA")
    assert len(told(with_number(0))) == 1, "that of a Child SA has none"
    assert told(with_number(created())) == []


@pytest.mark.parametrize("way", ["turned", "elsewhere"])
def test_of_another_side_or_ike_sa_the_numbers_are_others(way):
    assert told(with_number(0, turned=way == "turned", elsewhere=way == "elsewhere")) == []


def test_where_it_is_not_known_what_was_rekeyed_nothing_is_told():
    view = with_number(0)
    steps = tuple(step for step in view.report.steps if step.step != Step.REKEY_CHILD)
    assert told(replace(view, report=replace(view.report, steps=steps))) == []
    of_child = Suite(1, {TransformType.ADDKE1: algorithm(TransformType.ADDKE1, "ml-kem-768")})
    for esp in ((of_child,), (Suite(2, {}), of_child)):
        assert told(replace(view, expectation=replace(view.expectation, esp=esp))) == []


def test_the_check_tells_of_it_unless_there_are_too_many():
    def said(pair: Pair) -> list[str]:
        return [each.requirement or "A08" for each in pair.check("pair-follow-up-exchanges").objections]

    assert said(good_pair(HYBRID_REKEYS)) == []
    assert said(follow_up_first(good_pair(HYBRID_REKEYS))) == ["A08"]

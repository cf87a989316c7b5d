"""Methods that must differ, against the plainest thing that can be right: try every combination."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.oracle.ground import NONE, Option, can_agree, can_be_distinct, choices, common_ground, worth_trying
from harness.policy.proposals import ProposalPolicy
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType

METHODS = st.sampled_from([None, NONE, *(Algorithm(number) for number in (31, 35, 36, 37))])


@settings(deadline=None)
@given(st.lists(st.sets(METHODS, max_size=4), max_size=5))
def test_it_is_what_trying_every_combination_finds(lists):
    taken = ([one for one in combination if one not in (None, NONE)] for combination in product(*lists))
    assert can_be_distinct(lists) == any(len(set(those)) == len(those) for those in taken)


@pytest.mark.parametrize(("methods", "possible"), [(7, False), (8, True), (200, True)])
def test_eight_key_exchanges_need_eight_methods(methods, possible):
    assert can_be_distinct([{Algorithm(1024 + number) for number in range(methods)}] * 8) is possible


@pytest.mark.parametrize(
    ("one", "other", "suits", "beats"),
    [
        ((0, 0), (0, 0), True, False),
        ((0, 0), (0, 1), True, True),
        ((0, 0), (1, 0), True, True),
        ((1, 0), (0, 1), False, False),
        ((0, 1), (1, 0), False, False),
        ((1, 1), (0, 0), False, False),
    ],
)
def test_an_option_beats_another_where_one_party_likes_it_better_and_none_less(one, other, suits, beats):
    first, second = Option(Algorithm(31), *one), Option(Algorithm(35), *other)
    assert (first.suits(second), first.beats(second)) == (suits, beats)


ENCR, SN, INTEG, ADDKE1 = TransformType.ENCR, TransformType.SN, TransformType.INTEG, TransformType.ADDKE1
AES = {ENCR: (Algorithm(20, 256),)}


@pytest.mark.parametrize(("kind", "optional"), [(SN, False), (INTEG, True), (ADDKE1, True)])
def test_a_type_that_one_side_has_may_be_nothing_where_it_is_optional(kind, optional):
    """Identifier 0 says NONE of INTEG and ADDKE; of SN it is an algorithm like any other."""
    with_it, without = ProposalPolicy({**AES, kind: (Algorithm(12), NONE)}), ProposalPolicy(AES)
    offered, accepted = common_ground(with_it, without), common_ground(without, with_it)
    assert (offered is not None, accepted is not None) == (optional, optional)
    if optional:
        assert (offered[kind], accepted[kind]) == ((Option(NONE, 1, 0),), (Option(None, 0, 1),))
    assert common_ground(ProposalPolicy({**AES, kind: (Algorithm(12),)}), without) is None


def test_the_first_place_of_a_repeated_algorithm_is_its_rank():
    one, two = Algorithm(20, 128), Algorithm(20, 256)
    ground = common_ground(ProposalPolicy({ENCR: (two, one, two)}), ProposalPolicy({ENCR: (one, one, two)}))
    assert ground == {ENCR: (Option(two, 0, 2), Option(one, 1, 0))}


def test_a_number_may_stand_for_a_method_and_for_something_else():
    """KE 31 and PRF 31 are two things; KE 31 and ADDKE1 31 are one."""
    one = (Option(Algorithm(31), 0, 0),)
    assert can_agree({TransformType.PRF: one, TransformType.KE: one})
    assert not can_agree({ADDKE1: one, TransformType.KE: one})


def ranked(*numbers: int) -> tuple[Option, ...]:
    """Both parties like them in this order; 0 is NONE."""
    return tuple(Option(Algorithm(number), rank, rank) for rank, number in enumerate(numbers))


GCM, CHACHA, CBC = 20, 28, 12
KE, PRF = TransformType.KE, TransformType.PRF


@pytest.mark.parametrize(
    ("ground", "kept"),
    [
        ({PRF: (5, 6, 7)}, {PRF: (5,)}),
        ({ENCR: (GCM, CHACHA, CBC)}, {ENCR: (GCM, CBC)}),
        ({ENCR: (CBC, GCM, CHACHA)}, {ENCR: (CBC, GCM)}),
        ({INTEG: (0, 12, 13)}, {INTEG: (0, 12)}),
        ({KE: (31, 20), ADDKE1: (36, 37)}, {KE: (31,), ADDKE1: (36,)}),
        ({KE: (31, 20), ADDKE1: (31, 36)}, {KE: (31, 20), ADDKE1: (31, 36)}),
        ({KE: (31, 20, 21), ADDKE1: (31, 36)}, {KE: (31, 20), ADDKE1: (31, 36)}),
        ({KE: (31, 20), ADDKE1: (37, 36, 31)}, {KE: (31, 20), ADDKE1: (37,)}),
        ({KE: (31,), ADDKE1: (0, 36)}, {KE: (31,), ADDKE1: (0,)}),
        ({KE: (31, 20), PRF: (31,)}, {KE: (31,), PRF: (31,)}),
    ],
)
def test_what_is_beaten_whatever_else_is_chosen_is_not_tried(ground, kept):
    """A method is tried beside a better one only as long as another type may take that one."""
    tried = worth_trying({kind: ranked(*numbers) for kind, numbers in ground.items()})
    assert {kind: tuple(each.algorithm.identifier for each in options) for kind, options in tried.items()} == kept


def test_what_only_one_party_likes_better_is_tried():
    options = (Option(Algorithm(5), 0, 1), Option(Algorithm(6), 1, 0))
    assert worth_trying({PRF: options}) == {PRF: options}


def test_every_valid_choice_is_made_and_each_that_is_begun_is_counted():
    begun = []
    ground = {PRF: ranked(31, 5), KE: ranked(31, 20), ADDKE1: ranked(31, 0), SN: ranked(31)}
    found = choices(ground, lambda: begun.append(1))
    made = [tuple(one.algorithm.identifier for one in choice.values()) for choice in found]
    assert made == [
        (31, 31, 0, 31), (31, 20, 31, 31), (31, 20, 0, 31), (5, 31, 0, 31), (5, 20, 31, 31), (5, 20, 0, 31),
    ]  # fmt: skip
    assert len(begun) == 1 + 2 + 4 + 6 + 6

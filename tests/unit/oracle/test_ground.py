"""Methods that must differ, against the plainest thing that can be right: try every combination."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.oracle.ground import NONE, can_be_distinct
from harness.registry.algorithms import Algorithm

METHODS = st.sampled_from([None, NONE, *(Algorithm(number) for number in (31, 35, 36, 37))])


@settings(deadline=None)
@given(st.lists(st.sets(METHODS, max_size=4), max_size=5))
def test_it_is_what_trying_every_combination_finds(lists):
    taken = ([one for one in combination if one not in (None, NONE)] for combination in product(*lists))
    assert can_be_distinct(lists) == any(len(set(those)) == len(those) for those in taken)


@pytest.mark.parametrize(("methods", "possible"), [(7, False), (8, True), (200, True)])
def test_eight_key_exchanges_need_eight_methods(methods, possible):
    assert can_be_distinct([{Algorithm(1024 + number) for number in range(methods)}] * 8) is possible

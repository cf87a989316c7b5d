"""Distinct choices, against the plainest thing that can be right: try every combination."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.ike.distinct import can_be_distinct, first_distinct

LISTS = st.lists(st.lists(st.integers(0, 4), max_size=4, unique=True), max_size=4)


def tried(lists: list[list[int]], free: tuple[int, ...]) -> list[int] | None:
    for combination in product(*lists):
        real = [value for value in combination if value not in free]
        if len(set(real)) == len(real):
            return list(combination)
    return None


@settings(deadline=None)
@given(LISTS, st.sampled_from([(), (0,), (0, 1)]))
def test_the_first_combination_is_found(lists, free):
    assert first_distinct(lists, free) == tried(lists, free)
    assert can_be_distinct(lists, free) == (tried(lists, free) is not None)


def test_a_later_list_may_have_to_make_room():
    assert first_distinct([[1, 2], [1, 2], [2, 3]]) == [1, 2, 3]
    assert first_distinct([[1, 2, 3], [1, 2], [1]]) == [3, 2, 1]
    assert first_distinct([[1], [1]]) is None


def test_impossible_choices_of_many_are_told_at_once():
    """Sixty lists of the same fifty-nine values: there are more combinations than atoms."""
    assert first_distinct([list(range(59))] * 60) is None
    assert first_distinct([list(range(60))] * 60) == list(range(60))

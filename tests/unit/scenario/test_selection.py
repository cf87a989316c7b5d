import pytest

from harness.scenario.selection import NothingSelected, select

NAMES = ["hybrid/x25519-mlkem768", "hybrid/ecp384-mlkem1024", "classical/x25519"]


def test_no_pattern_selects_everything_in_order():
    assert select(NAMES, []) == tuple(NAMES)


def test_patterns_add_up_and_keep_the_order_of_the_names():
    assert select(NAMES, ["classical/*", "*768"]) == (NAMES[0], NAMES[2])


def test_a_pattern_that_matches_nothing_is_an_error_even_beside_one_that_does():
    with pytest.raises(NothingSelected, match=r"--scenario 'hybrids/\*' matches nothing"):
        select(NAMES, ["hybrid/*", "hybrids/*"], "--scenario")


def test_a_near_miss_is_named():
    with pytest.raises(NothingSelected, match="did you mean 'classical/x25519'"):
        select(NAMES, ["classical/25519"])


def test_at_most_five_names_are_shown_however_many_there_are():
    names = [f"hybrid/number-{n}" for n in range(40)]
    with pytest.raises(NothingSelected) as told:
        select(names, ["hybrid/number"], "scenario")
    text = str(told.value)
    assert text.count("'hybrid/number-") == 5
    assert text.endswith("? ... and 35 more; `ipsec-interop list scenarios` shows them all")
    with pytest.raises(NothingSelected) as told:
        select(names, ["zzz"], "case")
    assert str(told.value).startswith("case 'zzz' matches nothing; there are: hybrid/number-0, ")
    assert str(told.value).endswith("hybrid/number-4 ... and 35 more")


def test_without_any_name_there_is_none():
    with pytest.raises(NothingSelected, match=r"peer 'x' matches nothing; there are: none$"):
        select([], ["x"], "peer")

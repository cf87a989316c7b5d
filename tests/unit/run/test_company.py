"""Who was on a daemon at the same time."""

from __future__ import annotations

from harness.run.company import Company

FIRST, SECOND = object(), object()


def test_those_who_overlap_have_met_whoever_came_first():
    company = Company()
    with company.of("a", [FIRST]) as met_by_a:
        with company.of("b", [FIRST]) as met_by_b:
            pass
        with company.of("c", [FIRST]) as met_by_c:
            pass
    assert (met_by_a, met_by_b, met_by_c) == ({"b", "c"}, {"a"}, {"a"})


def test_another_daemon_is_another_company():
    company = Company()
    with company.of("a", [FIRST]) as met, company.of("b", [SECOND]):
        pass
    assert met == set()


def test_a_pair_meets_the_company_of_both_its_sides():
    company = Company()
    with company.of("a", [FIRST]), company.of("b", [SECOND]), company.of("pair", [FIRST, SECOND]) as met:
        pass
    assert met == {"a", "b"}

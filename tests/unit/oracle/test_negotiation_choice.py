"""A suite that was seen: whether a responder may choose it, and whether the two policies allow it at all."""

from __future__ import annotations

import pytest
from made_up import proposal

from harness.oracle.negotiation import (
    acceptable_suites,
    first_child,
    have_common_ground,
    is_acceptable,
    is_common,
    may_choose,
    negotiate,
    normalised,
)
from harness.policy.proposals import Policy, ProposalPolicy, Suite

GCM = {"encr": "aes-256-gcm-16", "prf": "hmac-sha2-256"}
CBC = {"encr": "aes-256-cbc", "prf": "hmac-sha2-256"}


def of(**lists: str) -> ProposalPolicy:
    return proposal(**{**GCM, **lists})


def chosen(number: int, **one: str) -> Suite:
    """A suite with an algorithm of each type; without ENCR and PRF where they are ""."""
    lists = {kind: name for kind, name in {**GCM, **one}.items() if name}
    return Suite(number, {kind: those[0] for kind, those in proposal(**lists).transforms.items()})


def said(suite: Suite, offer: Policy, accept: Policy) -> str:
    """ "chosen" where a conforming responder may choose it, "allowed" where both policies only allow it, or ""."""
    may, common = may_choose(suite, offer, accept), is_common(suite, offer, accept)
    assert common or not may
    assert may == is_acceptable(suite, acceptable_suites(offer, accept))
    return "chosen" if may else "allowed" if common else ""


BOTH = (of(ke="ecp384 ecp256"),)


@pytest.mark.parametrize(
    ("suite", "offer", "accept", "expected"),
    [
        (chosen(1, ke="ecp384"), BOTH, BOTH, "chosen"),
        (chosen(1, ke="ecp256"), BOTH, BOTH, "allowed"),  # both like the other one better
        (chosen(1, ke="ecp256"), BOTH, (of(ke="ecp256 ecp384"),), "chosen"),  # the responder likes it best
        (chosen(1, ke="ecp384"), BOTH, (of(ke="ecp256 ecp384"),), "chosen"),
        (chosen(1, ke="ecp521"), BOTH, BOTH, ""),
        (chosen(2, ke="ecp384"), BOTH, BOTH, ""),
        (chosen(0, ke="ecp384"), BOTH, BOTH, ""),
        (
            chosen(2, ke="ecp384"),
            (of(ke="ecp256"), of(ke="ecp384")),
            BOTH,
            "chosen",
        ),  # the acceptance's first
        (chosen(2, ke="ecp256"), BOTH * 2, BOTH, "allowed"),
        (chosen(2, ke="ecp384"), BOTH * 2, BOTH, "allowed"),  # the first proposal has the same
        (chosen(1, ke="ecp384"), BOTH * 2, BOTH, "chosen"),
        (chosen(1, ke="ecp384"), BOTH, (of(ke="ecp256"), of(ke="ecp384")), "chosen"),  # the initiator's best
        (chosen(1, ke="ecp256"), BOTH, (of(ke="ecp256"), of(ke="ecp384")), "chosen"),
        (chosen(1, ke="ecp256"), BOTH, (of(ke="ecp384"), of(ke="ecp256")), "allowed"),
        (chosen(1, ke="ecp384", prf=""), BOTH, BOTH, ""),  # of PRF nothing may be left out
        (chosen(1, ke="ecp384", sn="esn"), BOTH, BOTH, ""),  # a type that was not offered
        (chosen(1, ke="ecp384", addke1="none"), BOTH, BOTH, "chosen"),  # but for one that says NONE
        (chosen(1, ke="ecp384", addke1="ml-kem-768"), BOTH, BOTH, ""),
    ],
)
def test_what_a_responder_may_choose(suite, offer, accept, expected):
    assert said(suite, offer, accept) == expected


OPTIONAL = (of(ke="ecp384", addke1="ml-kem-768 none"),)


@pytest.mark.parametrize(
    ("one", "accept", "expected"),
    [
        ({"addke1": "ml-kem-768"}, OPTIONAL, "chosen"),
        ({"addke1": "none"}, OPTIONAL, "allowed"),
        ({}, OPTIONAL, "allowed"),
        ({"addke1": "none"}, (of(ke="ecp384"),), "chosen"),
        ({}, (of(ke="ecp384"),), "chosen"),
        ({"addke1": "ml-kem-768"}, (of(ke="ecp384"),), ""),
        ({"addke1": "none"}, (of(ke="ecp384", addke1="none ml-kem-768"),), "chosen"),
        ({"addke1": "none"}, (of(ke="ecp384", addke1="ml-kem-768"),), ""),
    ],
)
def test_what_is_optional_may_say_none_or_nothing(one, accept, expected):
    assert said(chosen(1, ke="ecp384", **one), OPTIONAL, accept) == expected
    other = {**one, "addke2": "none"}
    assert said(chosen(1, ke="ecp384", **other), OPTIONAL, accept) == expected


def test_a_choice_breaks_no_rule_between_the_types():
    """No method twice, INTEG where the cipher needs it, and none where it has its own."""
    twice = (of(ke="ecp384 ecp256", addke1="ecp384 ecp256"),)
    assert said(chosen(1, ke="ecp384", addke1="ecp256"), twice, twice) == "chosen"
    assert said(chosen(1, ke="ecp256", addke1="ecp384"), twice, twice) == "chosen"
    assert said(chosen(1, ke="ecp384", addke1="ecp384"), twice, twice) == ""
    mixed = (proposal(encr="aes-256-gcm-16 aes-256-cbc", prf="hmac-sha2-256", integ="none hmac-sha2-256-128"),)
    assert said(chosen(1), mixed, mixed) == said(chosen(1, integ="none"), mixed, mixed) == "chosen"
    assert said(chosen(1, integ="hmac-sha2-256-128"), mixed, mixed) == ""
    assert said(chosen(1, **CBC, integ="hmac-sha2-256-128"), mixed, mixed) == "allowed"
    assert said(chosen(1, **CBC), mixed, mixed) == ""


def test_one_type_better_and_another_worse_is_no_better():
    offer = (proposal(encr="aes-256-gcm-16 aes-128-gcm-16", prf="hmac-sha2-256 hmac-sha2-512"),)
    accept = (proposal(encr="aes-128-gcm-16 aes-256-gcm-16", prf="hmac-sha2-256 hmac-sha2-512"),)
    for encr in ("aes-256-gcm-16", "aes-128-gcm-16"):
        assert said(chosen(1, encr=encr), offer, accept) == "chosen"
        assert said(chosen(1, encr=encr, prf="hmac-sha2-512"), offer, accept) == "allowed"


def test_a_later_proposal_of_one_side_may_be_the_others_first():
    first, second = of(ke="ecp384"), of(ke="ecp256")
    for number, one in ((1, "ecp384"), (2, "ecp256")):
        assert said(chosen(number, ke=one), (first, second), (second, first)) == "chosen"
        assert said(chosen(number, ke=one), (first, second), (first, second)) == (
            "chosen" if number == 1 else "allowed"
        )


def test_whether_there_is_any_common_ground():
    assert have_common_ground(BOTH, (of(ke="ecp521"), of(ke="ecp256")))
    assert have_common_ground((of(ke="ecp521"), of(ke="ecp256")), BOTH)
    assert not have_common_ground(BOTH, (of(ke="ecp521"),))
    assert not have_common_ground((), BOTH) and not have_common_ground(BOTH, ())
    assert have_common_ground(OPTIONAL, (of(ke="ecp384"),))


def test_who_does_not_know_the_types_takes_no_proposal_that_has_them():
    offer = (*OPTIONAL, of(ke="ecp384"))
    for knows, number in ((True, 1), (False, 2)):
        found = negotiate(offer, (of(ke="ecp384"),), knows)
        assert found is not None and found.proposal_number == number
    assert negotiate(OPTIONAL, (of(ke="ecp384"),), knows_additional=False) is None
    first = negotiate(OPTIONAL, (of(ke="ecp384"),))
    assert first is not None and first.proposal_number == 1


def test_a_suite_without_what_says_none():
    told = chosen(3, ke="ecp384", integ="none", addke1="none", addke2="ml-kem-768", sn="no-esn")
    assert normalised(told) == chosen(3, ke="ecp384", addke2="ml-kem-768", sn="no-esn")
    assert is_acceptable(told, (chosen(3, ke="ecp384", addke2="ml-kem-768", sn="no-esn"),))
    assert not is_acceptable(told, (chosen(3, ke="ecp384", addke2="ml-kem-768"), chosen(3, ke="ecp384", sn="no-esn")))
    assert not is_acceptable(told, ())


def test_a_first_child_sa_has_no_key_exchange_and_no_proposal_twice():
    plain, other = of(sn="esn"), of(sn="no-esn")
    with_methods = of(sn="esn", ke="ecp384", addke1="ml-kem-768")
    assert first_child((with_methods, plain, other, with_methods)) == (plain, other)
    assert first_child(()) == ()


def test_what_only_says_so_for_sequence_numbers_is_not_left_out():
    """No Extended Sequence Numbers has the number 0, and is a choice like any other."""
    esp = (proposal(encr="aes-256-gcm-16", sn="no-esn"),)
    assert said(chosen(1, prf="", sn="no-esn"), esp, esp) == "chosen"
    assert said(chosen(1, prf=""), esp, esp) == ""


def test_a_pair_of_proposals_that_one_party_likes_less_hides_none_of_the_others():
    offer, accept = (of(ke="ecp521"), *BOTH), (*BOTH, of(ke="ecp521"))
    assert said(chosen(2, ke="ecp384"), offer, accept) == "chosen"
    assert said(chosen(2, ke="ecp256"), offer, accept) == "allowed"


@pytest.mark.parametrize("opposed", ["offer", "accept"])
def test_what_is_worse_for_one_of_the_two_is_no_better_in_a_later_proposal(opposed):
    """To have the better ADDKE1 both need the other KE, which one of them likes less."""
    one, other = of(ke="ecp384 ecp256", addke1="ecp384 ecp256"), of(ke="ecp256 ecp384", addke1="ecp384 ecp256")
    offer, accept = (one, other) if opposed == "offer" else (other, one)
    assert said(chosen(2, ke="ecp384", addke1="ecp256"), (of(ke="ecp521"), offer), (accept,)) == "chosen"
    assert said(chosen(1, ke="ecp384", addke1="ecp256"), (offer,), (of(ke="ecp521"), accept)) == "chosen"


def test_to_leave_out_what_a_party_does_not_list_is_its_first_choice():
    """A type that one proposal lists, with NONE, and another one lacks: no worse for who does not list it."""
    optional, less = of(ke="ecp384", addke1="ml-kem-768 none"), of(ke="ecp256")
    assert said(chosen(1, ke="ecp256"), BOTH, (optional, less)) == "allowed"
    assert said(chosen(2, ke="ecp256"), (optional, less), BOTH) == "allowed"

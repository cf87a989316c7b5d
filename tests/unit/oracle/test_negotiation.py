import pytest

from harness.oracle.negotiation import TooManySuites, acceptable_suites, first_child, is_acceptable, negotiate
from harness.oracle.outcome import outcome_of
from harness.policy.proposals import ProposalPolicy, Suite
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.results.model import Outcome
from harness.scenario.vocabulary import transform_key, transform_type


def proposal(encr="aes-256-gcm-16", prf="hmac-sha2-256", **lists: str) -> ProposalPolicy:
    named = {"encr": encr, "prf": prf} | {key.replace("_", "-"): names for key, names in lists.items()}
    return ProposalPolicy(
        {
            kind: tuple(algorithm(kind, name) for name in names.split())
            for key, names in named.items()
            if names and (kind := transform_type(key)) is not None
        }
    )


def suite(number=1, encr="aes-256-gcm-16", prf="hmac-sha2-256", **chosen: str) -> Suite:
    one = proposal(encr, prf, **chosen)
    return Suite(number, {kind: algorithms[0] for kind, algorithms in one.transforms.items()})


def spelt(found: Suite) -> str:
    """The key exchanges of a suite in one line: "2: ecp384 addke1=none"."""
    parts = [one.name(kind) if kind == TransformType.KE else f"{transform_key(kind)}={one.name(kind)}"
             for kind, one in found.transforms.items() if kind.is_key_exchange]  # fmt: skip
    return f"{found.proposal_number}: {' '.join(parts)}"


def choices(offer, accept, knows_additional=True) -> list[str]:
    return [spelt(one) for one in acceptable_suites(tuple(offer), tuple(accept), knows_additional)]


def test_the_same_order_on_both_sides_leaves_one_choice():
    policy = [proposal(ke="curve25519 ecp384")]
    assert choices(policy, policy) == ["1: curve25519"]


def test_opposite_orders_leave_both():
    found = choices([proposal(ke="curve25519 ecp384")], [proposal(ke="ecp384 curve25519")])
    assert found == ["1: curve25519", "1: ecp384"]


def test_what_neither_side_would_prefer_is_not_acceptable():
    found = choices([proposal(ke="curve25519 ecp384 modp2048")], [proposal(ke="ecp384 curve25519 modp2048")])
    assert found == ["1: curve25519", "1: ecp384"]


def test_the_first_common_proposal_wins_and_keeps_its_number():
    hybrid, plain = proposal(ke="ecp384", addke1="ml-kem-768"), proposal(ke="ecp384")
    assert choices([hybrid, plain], [hybrid, plain]) == ["1: ecp384 addke1=ml-kem-768"]
    assert choices([hybrid, plain], [plain]) == ["2: ecp384"]
    assert choices([hybrid, plain], [plain, hybrid]) == ["1: ecp384 addke1=ml-kem-768", "2: ecp384"]


@pytest.mark.parametrize(
    ("offered", "accepted"),
    [
        (proposal(ke="ecp384", transform_type_241="private-use-1024"), proposal(ke="ecp384")),
        (proposal(ke="ecp384", addke1="ml-kem-768"), proposal(ke="ecp384")),
        (proposal(ke="ecp384"), proposal(ke="ecp384", addke1="ml-kem-768")),
        (proposal(ke="ecp384", addke2="ml-kem-768"), proposal(ke="ecp384", addke1="ml-kem-768")),
        (proposal(ke=""), proposal(ke="ecp384")),
        (proposal(ke="ecp384", prf=""), proposal(ke="ecp384")),
        (proposal(ke="ecp384"), proposal(ke="curve25519")),
        (proposal(ke="ecp384"), proposal(encr="aes-128-gcm-16", ke="ecp384")),
    ],
)
def test_a_missing_foreign_or_disjoint_type_makes_the_proposal_unacceptable(offered, accepted):
    assert choices([offered], [accepted]) == []
    assert negotiate((offered,), (accepted,)) is None


def test_an_unknown_identifier_makes_only_its_transform_unacceptable():
    offer = [proposal(ke="ecp384", addke1="private-use-1080 ml-kem-768")]
    assert choices(offer, [proposal(ke="ecp384", addke1="ml-kem-768")]) == ["1: ecp384 addke1=ml-kem-768"]


def test_none_makes_an_exchange_optional_for_whichever_side_lists_it():
    offer = [proposal(ke="ecp384", addke1="ml-kem-768 none")]
    assert choices(offer, [proposal(ke="ecp384")]) == ["1: ecp384 addke1=none"]
    assert choices([proposal(ke="ecp384")], offer) == ["1: ecp384"]
    assert choices(offer, offer) == ["1: ecp384 addke1=ml-kem-768"]
    assert choices(offer, [proposal(ke="ecp384", addke1="none")]) == ["1: ecp384 addke1=none"]


def test_a_responder_that_does_not_know_the_types_refuses_them_even_with_none():
    offer = [proposal(ke="ecp384", addke1="ml-kem-768 none")]
    assert choices(offer, [proposal(ke="ecp384")], knows_additional=False) == []
    assert choices([*offer, proposal(ke="ecp384")], [proposal(ke="ecp384")], knows_additional=False) == ["2: ecp384"]


def test_no_method_is_chosen_twice_even_where_the_greedy_choice_would():
    offer = [proposal(ke="ecp256 ecp384", addke1="ecp256")]
    assert choices(offer, offer) == ["1: ecp384 addke1=ecp256"]
    twice = [proposal(ke="ecp256", addke1="ecp256")]
    assert choices(twice, twice) == []
    assert choices([proposal(ke="ecp256", addke1="ecp256 none")], twice * 1 + [proposal(ke="ecp256")]) == [
        "1: ecp256 addke1=none"
    ]


def test_a_search_over_several_types_finds_the_only_valid_choice():
    offer = [proposal(ke="ecp256 ecp384 ecp521", addke1="ecp256 ecp384", addke3="ecp256")]
    assert choices(offer, offer) == ["1: ecp521 addke1=ecp384 addke3=ecp256"]


def test_none_may_be_chosen_more_than_once():
    offer = [proposal(ke="ecp384", addke1="ml-kem-768 none", addke2="ml-kem-1024 none")]
    assert choices(offer, [proposal(ke="ecp384")]) == ["1: ecp384 addke1=none addke2=none"]


def test_combined_mode_ciphers_go_without_integrity_and_others_with_it():
    cbc = proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", ke="ecp384")
    assert choices([cbc], [cbc]) == ["1: ecp384"]
    without = proposal(encr="aes-256-cbc", ke="ecp384")
    assert choices([without], [without]) == []
    both = proposal(integ="hmac-sha2-256-128", ke="ecp384")
    assert choices([both], [both]) == []
    spelt_out = proposal(integ="none", ke="ecp384")
    assert choices([spelt_out], [proposal(ke="ecp384")]) == ["1: ecp384"]


def test_an_answer_may_echo_none_or_leave_it_away():
    predicted = acceptable_suites((proposal(ke="ecp384", addke1="ml-kem-768 none"),), (proposal(ke="ecp384"),))
    assert is_acceptable(suite(ke="ecp384"), predicted)
    assert is_acceptable(suite(ke="ecp384", addke1="none"), predicted)
    assert not is_acceptable(suite(ke="ecp384", addke1="ml-kem-768"), predicted)
    assert not is_acceptable(suite(number=2, ke="ecp384"), predicted)
    assert not is_acceptable(suite(encr="aes-128-gcm-16", ke="ecp384"), predicted)


def test_no_extended_sequence_numbers_is_a_choice_and_never_left_away():
    predicted = (suite(prf="", sn="no-esn"),)
    assert is_acceptable(suite(prf="", sn="no-esn"), predicted)
    assert not is_acceptable(suite(prf=""), predicted)


def test_the_first_child_has_no_key_exchange_of_its_own():
    offered = proposal(prf="", ke="ecp384", addke1="ml-kem-768", sn="no-esn")
    assert first_child((offered, proposal(prf="", sn="no-esn"))) == (proposal(prf="", sn="no-esn"),)


@pytest.mark.parametrize(
    ("chosen", "outcome"),
    [
        ({"ke": "curve25519", "addke1": "ml-kem-768"}, Outcome.HYBRID),
        ({"ke": "ml-kem-512", "addke1": "ecp384"}, Outcome.HYBRID),
        ({"ke": "sntrup761x25519"}, Outcome.HYBRID),
        ({"ke": "ml-kem-512"}, Outcome.PQ_ONLY),
        ({"ke": "ml-kem-512", "addke3": "ml-kem-768"}, Outcome.PQ_ONLY),
        ({"ke": "curve25519"}, Outcome.CLASSICAL),
        ({"ke": "curve25519", "addke1": "ecp384"}, Outcome.CLASSICAL),
        ({"ke": "curve25519", "addke1": "none"}, Outcome.CLASSICAL),
    ],
)
def test_hybrid_needs_both_kinds(chosen, outcome):
    assert outcome_of(suite(**chosen)) is outcome


def test_a_responder_may_take_the_cipher_that_it_likes_best_from_a_later_proposal():
    """To it, both are in its first proposal; the initiator's order of proposals binds only the initiator."""
    offer = [proposal("aes-256-gcm-16", ke="ecp384"), proposal("aes-128-gcm-16", ke="ecp384")]
    assert choices(offer, [proposal("aes-128-gcm-16 aes-256-gcm-16", ke="ecp384")]) == ["1: ecp384", "2: ecp384"]
    assert choices(offer, [proposal("aes-256-gcm-16 aes-128-gcm-16", ke="ecp384")]) == ["1: ecp384"]


def test_the_defaults_of_a_product_with_dozens_of_algorithms_are_no_burden():
    wide = "modp2048 modp3072 modp4096 modp6144 modp8192 ecp256 ecp384 ecp521 curve25519 curve448"
    ciphers = " ".join(
        f"{name}-{bits}-{mode}" for name in ("aes", "camellia") for bits in (128, 256) for mode in ("cbc", "ctr")
    )
    prfs = "hmac-sha2-256 hmac-sha2-384 hmac-sha2-512"
    policy = [proposal(ciphers, prfs, ke=wide, integ="hmac-sha2-256-128 hmac-sha2-384-192 hmac-sha2-512-256")]
    assert choices(policy, policy) == ["1: modp2048"]


def test_more_suites_than_can_be_compared_are_no_prediction():
    """Opposite orders of seven methods for seven exchanges: no suite is better than another one."""
    methods = "curve25519 ecp256 ecp384 ecp521 modp2048 modp3072 modp4096"
    wide = proposal(ke=methods, **{f"addke{n}": methods for n in range(1, 7)})
    with pytest.raises(TooManySuites, match="more suites"):
        acceptable_suites((wide,), (wide,))


@pytest.mark.parametrize(("proposals", "compared"), [(141, True), (142, False)])
def test_more_pairs_of_proposals_than_can_be_compared_are_no_prediction(proposals, compared):
    """Some twenty thousand, though none of them has anything in common."""
    offer, accept = (proposal(ke="ecp256"),) * proposals, (proposal(ke="ecp384"),) * proposals
    if compared:
        assert acceptable_suites(offer, accept) == ()
    else:
        with pytest.raises(TooManySuites, match="more suites"):
            acceptable_suites(offer, accept)

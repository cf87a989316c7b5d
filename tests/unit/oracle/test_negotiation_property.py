"""The search against the plainest thing that can be right: try every combination."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from harness.ike.policy import ProposalPolicy
from harness.oracle.negotiation import acceptable_suites
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import TransformType

METHODS = [algorithm(TransformType.KE, name) for name in ("ecp256", "ecp384", "ml-kem-768")]
NONE = Algorithm(0)
CIPHER = algorithm(TransformType.ENCR, "aes-256-gcm-16")


@st.composite
def proposals(draw: st.DrawFn) -> ProposalPolicy:
    ke = st.lists(st.sampled_from(METHODS), min_size=1, unique=True).map(tuple)
    additional = st.lists(st.sampled_from([*METHODS, NONE]), min_size=1, unique=True).map(tuple)
    transforms = {TransformType.ENCR: (CIPHER,), TransformType.KE: draw(ke)}
    for kind in (TransformType.ADDKE1, TransformType.ADDKE3):
        if draw(st.booleans()):
            transforms[kind] = draw(additional)
    return ProposalPolicy(transforms)


policies = st.lists(proposals(), min_size=1, max_size=2).map(tuple)


def can_agree(offered: ProposalPolicy, accepted: ProposalPolicy) -> bool:
    """Whether any choice satisfies both; a type that a side does not list at all stands for NONE."""
    kinds = {kind for kind in (*offered.transforms, *accepted.transforms) if kind.is_key_exchange}
    lists = [
        [one for one in offered.of(kind) or (NONE,) if one in (accepted.of(kind) or (NONE,))] for kind in sorted(kinds)
    ]
    real = ([one for one in combination if one != NONE] for combination in product(*lists))
    return any(len(set(chosen)) == len(chosen) for chosen in real)


@given(policies, policies)
def test_a_suite_is_found_exactly_when_there_is_one(offer, accept):
    found = acceptable_suites(offer, accept)
    assert bool(found) == any(can_agree(one, other) for one in offer for other in accept)


@given(policies, policies)
def test_every_suite_is_a_choice_from_both_policies_without_repetition(offer, accept):
    for suite in acceptable_suites(offer, accept):
        offered = offer[suite.proposal_number - 1]
        assert set(suite.transforms) == set(offered.transforms)
        assert all(one in offered.of(kind) for kind, one in suite.transforms.items())
        methods = [one for kind, one in suite.transforms.items() if kind.is_key_exchange and one != NONE]
        assert len(set(methods)) == len(methods)
        assert any(
            all(
                one in accepted.of(kind) or (one == NONE and not accepted.of(kind))
                for kind, one in suite.transforms.items()
            )
            for accepted in accept
        )


@given(policies)
def test_two_equal_policies_that_can_agree_leave_no_doubt_about_the_proposal(policy):
    assert len({suite.proposal_number for suite in acceptable_suites(policy, policy)}) <= 1

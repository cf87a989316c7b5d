"""The search against the plainest thing that can be right: try every combination."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.oracle.negotiation import acceptable_suites, have_common_ground, is_acceptable, may_choose
from harness.policy.proposals import ProposalPolicy, Suite
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import Encryption, TransformType

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


# The set itself, beside the plainest way to find it: every combination, each compared with every other.

ALL = {
    TransformType.ENCR: [Algorithm(20, 256), Algorithm(20, 128), Algorithm(12, 256), Algorithm(28)],
    TransformType.PRF: [Algorithm(5), Algorithm(7)],
    TransformType.INTEG: [NONE, Algorithm(12), Algorithm(14)],
    TransformType.KE: METHODS,
    TransformType.ADDKE1: [*METHODS, NONE],
    TransformType.ADDKE2: [*METHODS, NONE],
    TransformType(241): [Algorithm(1024)],
}
MOSTLY = {TransformType.ENCR: 9, TransformType.PRF: 9, TransformType.KE: 9, TransformType(241): 1}
"""How often of ten a type is there; half of the times where none is said."""


@st.composite
def any_proposals(draw: st.DrawFn) -> ProposalPolicy:
    present = [kind for kind in ALL if draw(st.integers(0, 9)) < MOSTLY.get(kind, 5)]
    lists = {kind: st.lists(st.sampled_from(ALL[kind]), min_size=1, max_size=4) for kind in present}
    return ProposalPolicy({kind: tuple(draw(those)) for kind, those in lists.items()})


any_policies = st.lists(any_proposals(), min_size=1, max_size=2).map(tuple)


def of_kind(kind: TransformType, offered: tuple[Algorithm, ...], accepted: tuple[Algorithm, ...]) -> list[tuple]:
    """(algorithm, rank for the initiator, rank for the responder) of each choice."""
    if offered and accepted:
        return [(one, offered.index(one), accepted.index(one)) for one in offered if one in accepted]
    listed = offered or accepted
    if NONE not in listed or not (kind == TransformType.INTEG or kind.is_additional_key_exchange):
        return []
    rank = listed.index(NONE)
    return [(NONE, rank, 0) if offered else (None, 0, rank)]


def is_valid(chosen: dict[TransformType, Algorithm]) -> bool:
    cipher, integrity = chosen.get(TransformType.ENCR), chosen.get(TransformType.INTEG, NONE)
    if cipher is not None and Encryption(cipher.identifier).is_aead != (integrity == NONE):
        return False
    methods = [one for kind, one in chosen.items() if kind.is_key_exchange and one != NONE]
    return len(set(methods)) == len(methods)


def combinations(offer, accept):
    """Each suite with what either party thinks of it: its proposal's place, then the rank of each type."""
    for (i, offered), (j, accepted) in product(enumerate(offer), enumerate(accept)):
        kinds = [*dict.fromkeys((*offered.transforms, *accepted.transforms))]
        for taken in product(*(of_kind(kind, offered.of(kind), accepted.of(kind)) for kind in kinds)):
            chosen = {kind: one for kind, (one, _, _) in zip(kinds, taken, strict=True) if one is not None}
            if is_valid(chosen):
                ranks = [{kind: each[n] for kind, each in zip(kinds, taken, strict=True)} for n in (1, 2)]
                yield Suite(i + 1, chosen), (i, ranks[0]), (j, ranks[1])


def likes(one, other) -> bool:
    """Whether a party likes one suite at least as well as another one."""
    if one[0] != other[0]:
        return one[0] < other[0]
    return all(one[1].get(kind, 0) <= other[1].get(kind, 0) for kind in {*one[1], *other[1]})


def undominated(offer, accept) -> list[Suite]:
    found, every = [], list(combinations(offer, accept))
    for suite, *own in every:
        better = (o for _, *o in every if all(map(likes, o, own)) and not all(map(likes, own, o)))
        if next(better, None) is None and suite not in found:
            found.append(suite)
    return found


@settings(deadline=None, max_examples=200)
@given(any_policies, any_policies, st.data())
def test_the_set_is_that_of_trying_every_combination(offer, accept, data):
    expected = undominated(offer, accept)
    assert list(acceptable_suites(offer, accept)) == expected
    every = [suite for suite, *_ in combinations(offer, accept)]
    assert have_common_ground(offer, accept) == bool(every)
    for suite in every[:20]:
        assert may_choose(suite, offer, accept) == is_acceptable(suite, tuple(expected))
    number = data.draw(st.integers(0, len(offer)))
    other = Suite(number + 1, {kind: those[0] for kind, those in offer[number - 1].transforms.items()})
    assert may_choose(other, offer, accept) == is_acceptable(other, tuple(expected))

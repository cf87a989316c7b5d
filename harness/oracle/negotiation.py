"""What a conforming responder must choose, from the two policies alone (RFC 7296 sections 2.7 and 3.3.6, RFC 9370).

The documents say what may be chosen, not which of several acceptable suites: a responder may follow the initiator's
order or its own. So the answer is a set: every suite for which no other one suits both parties at least as well. Where
the two orders agree it holds exactly one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from harness.oracle.ground import (
    Choice,
    Ground,
    Option,
    can_agree,
    choices,
    common_ground,
    is_valid,
    narrowed,
    worth_trying,
)
from harness.policy.proposals import Policy, ProposalPolicy, Suite
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType

_MOST_SUITES = 256  # products' own defaults leave some fifty
_MOST_STEPS = 20_000
_SILENT = frozenset((TransformType.INTEG, *ADDITIONAL_KEY_EXCHANGES))  # types of which NONE may be left out

_Place = tuple[int, int]
"""The index of a proposal in the offer, and of one in the acceptance."""

_Grounds = Mapping[_Place, Ground]


class TooManySuites(ValueError):
    """Two policies that leave more to choose from than anybody could compare: nothing can be predicted from them."""


def acceptable_suites(offer: Policy, accept: Policy, knows_additional: bool = True) -> tuple[Suite, ...]:
    """Every suite that a conforming responder may choose, best for the initiator first; empty: it must refuse.

    ``knows_additional`` says whether the responder knows transform types 6 to 12 at all; to one that does not, a
    proposal with any of them is unacceptable as a whole, NONE or not (RFC 7296 section 3.3.6).

    Raises:
        TooManySuites: two orders so wide and so opposed that the set has hundreds of members.
    """
    found: dict[tuple[int, tuple[tuple[TransformType, Algorithm], ...]], Suite] = {}
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps > _MOST_STEPS or len(found) > _MOST_SUITES:
            raise TooManySuites("the two policies leave more suites to choose from than can be compared")

    grounds = dict(_grounds(offer, accept, knows_additional, step))
    for place, ground in grounds.items():
        for choice in choices(worth_trying(ground), step):
            if not _is_bettered(choice, place, grounds, step):
                suite = _suite(place, choice)
                found.setdefault((suite.proposal_number, tuple(suite.transforms.items())), suite)
    return tuple(found.values())


def may_choose(suite: Suite, offer: Policy, accept: Policy) -> bool:
    """Whether a suite that was seen is one of those, whichever way NONE is written.

    For an offer as a stranger sent it: it takes time in proportion to the offer, however many suites there may be.
    """
    grounds = dict(_grounds(offer[: max(suite.proposal_number, 0)], accept, True, lambda: None))
    return any(not _is_bettered(choice, place, grounds, lambda: None) for place, choice in _meeting(suite, grounds))


def is_common(suite: Suite, offer: Policy, accept: Policy) -> bool:
    """Whether both policies allow a suite, be it that both have a better one: no sentence forbids to choose it.

    "MUST choose a single suite, which may be any subset of the SA proposal" (RFC 7296 section 2.7). In time like
    ``may_choose``.
    """
    grounds = dict(_grounds(offer[: max(suite.proposal_number, 0)], accept, True, lambda: None))
    return any(True for _ in _meeting(suite, grounds))


def _meeting(suite: Suite, grounds: _Grounds) -> Iterator[tuple[_Place, Choice]]:
    """Where two proposals allow a suite."""
    for place, ground in grounds.items():
        if place[0] == suite.proposal_number - 1:
            choice = _as_chosen(suite, ground)
            if choice is not None and is_valid(choice):
                yield place, choice


def have_common_ground(offer: Policy, accept: Policy) -> bool:
    """Whether there is any acceptable suite; like ``may_choose`` in time proportional to the offer."""
    return any(_grounds(offer, accept, True, lambda: None))


def _grounds(
    offer: Policy, accept: Policy, knows_additional: bool, step: Callable[[], None]
) -> Iterator[tuple[_Place, Ground]]:
    """Where two proposals meet, the initiator's first proposals first."""
    for index, offered in enumerate(offer):
        if knows_additional or not offered.has_additional_key_exchange:
            for other, accepted in enumerate(accept):
                step()
                if (ground := common_ground(offered, accepted)) is not None:
                    yield (index, other), ground


def _suite(place: _Place, choice: Choice) -> Suite:
    chosen = {kind: option.algorithm for kind, option in choice.items() if option.algorithm is not None}
    return Suite(place[0] + 1, chosen)


def _as_chosen(suite: Suite, ground: Ground) -> Choice | None:
    """The options that a suite consists of; None if it has anything that is not of this ground."""
    plain = normalised(suite).transforms
    choice: dict[TransformType, Option] = {}
    for kind, options in ground.items():
        one = plain.get(kind)
        silent = one is None and kind in _SILENT
        fits = (option for option in options if (option.says_none if silent else option.algorithm == one))
        option = next(fits, None)
        if option is None:
            return None
        choice[kind] = option
    return choice if plain.keys() <= choice.keys() else None


def _is_bettered(choice: Choice, place: _Place, grounds: _Grounds, step: Callable[[], None]) -> bool:
    """Whether there is another choice that both parties like at least as well, and one of them better.

    A party likes a suite by its own proposal first, then by each type's rank in it.
    """
    for other, ground in grounds.items():
        if other[0] > place[0] or other[1] > place[1]:
            continue
        step()
        initiator, responder = other[0] == place[0], other[1] == place[1]
        as_good = narrowed(ground, lambda kind, one, i=initiator, r=responder: _suits(one, choice.get(kind), i, r))  # type: ignore[misc]
        if other != place:
            if can_agree(as_good):
                return True
        elif any(can_agree({**as_good, kind: better}) for kind, better in _better(as_good, choice)):
            return True
    return False


def _suits(one: Option, chosen: Option | None, initiator: bool, responder: bool) -> bool:
    """Whether those of the two to whom it is a matter of ranks like an option at least as well as the chosen one."""
    offered, accepted = (0, 0) if chosen is None else (chosen.offered, chosen.accepted)
    return not (initiator and one.offered > offered) and not (responder and one.accepted > accepted)


def _better(ground: Ground, choice: Choice) -> Iterator[tuple[TransformType, tuple[Option, ...]]]:
    """Each type of which there are options better than the chosen one, with these."""
    for kind, options in ground.items():
        if better := tuple([one for one in options if one.beats(choice[kind])]):
            yield kind, better


def negotiate(offer: Policy, accept: Policy, knows_additional: bool = True) -> Suite | None:
    """The acceptable suite that the initiator likes best, None when the responder must refuse."""
    return next(iter(acceptable_suites(offer, accept, knows_additional)), None)


def first_child(policy: Policy) -> Policy:
    """A Child SA's policy as IKE_AUTH negotiates it: without key exchanges (RFC 7296 section 1.2)."""
    proposals: list[ProposalPolicy] = []
    for proposal in policy:
        kept = {kind: algorithms for kind, algorithms in proposal.transforms.items() if not kind.is_key_exchange}
        if (plain := ProposalPolicy(kept)) not in proposals:
            proposals.append(plain)
    return tuple(proposals)


def normalised(suite: Suite) -> Suite:
    """A suite without the transforms that say NONE: an answer may spell them out or leave them away.

    RFC 9370 section 2.2.1 shows NONE echoed, strongSwan omits it; INTEG NONE with a combined-mode cipher likewise.
    """
    kept = {kind: one for kind, one in suite.transforms.items() if kind not in _SILENT or one.identifier != 0}
    return Suite(suite.proposal_number, kept)


def is_acceptable(observed: Suite, suites: tuple[Suite, ...]) -> bool:
    """Whether a suite that was seen is one of the predicted ones, whichever way NONE is written."""
    seen = normalised(observed)
    return any(seen == normalised(suite) for suite in suites)

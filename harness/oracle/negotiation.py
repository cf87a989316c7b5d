"""What a conforming responder must choose, from the two policies alone (RFC 7296 sections 2.7 and 3.3.6, RFC 9370).

The documents say what may be chosen, not which of several acceptable suites: a responder may follow the initiator's
order or its own. So the answer is a set: every suite for which no other one suits both parties at least as well. Where
the two orders agree it holds exactly one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from harness.ike.policy import Policy, ProposalPolicy, Suite
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import (
    ADDITIONAL_KEY_EXCHANGES,
    Encryption,
    Integrity,
    KeyExchangeMethod,
    TransformType,
)

NONE = Algorithm(0)

_Option = tuple[
    Algorithm | None, int, int
]  # an algorithm (None: the type is not answered), its ranks in offer and accept


@dataclass(frozen=True, slots=True)
class _Liking:
    """How much one party likes a suite: first by its own proposal, then by each type's rank in it; lower is better."""

    proposal: int
    ranks: Mapping[TransformType, int]

    def at_least(self, other: _Liking) -> bool:
        """Whether this suite is at least as good as another one."""
        if self.proposal != other.proposal:
            return self.proposal < other.proposal
        return all(self.ranks.get(kind, 0) <= other.ranks.get(kind, 0) for kind in {*self.ranks, *other.ranks})


_Candidate = tuple[Suite, _Liking, _Liking]


def acceptable_suites(offer: Policy, accept: Policy, knows_additional: bool = True) -> tuple[Suite, ...]:
    """Every suite that a conforming responder may choose, best for the initiator first; empty: it must refuse.

    ``knows_additional`` says whether the responder knows transform types 6 to 12 at all; to one that does not, a
    proposal with any of them is unacceptable as a whole, NONE or not (RFC 7296 section 3.3.6).
    """
    candidates: list[_Candidate] = []
    for offered, accepted in product(range(len(offer)), range(len(accept))):
        if knows_additional or not offer[offered].has_additional_key_exchange:
            candidates += _candidates((offered, accepted), offer[offered], accept[accepted])
    best = (suite for suite, *likings in candidates if not any(_dominates(other, likings) for _, *other in candidates))
    found: list[Suite] = []
    for suite in best:
        if suite not in found:
            found.append(suite)
    return tuple(found)


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
    silent = {TransformType.INTEG, *ADDITIONAL_KEY_EXCHANGES}
    kept = {kind: one for kind, one in suite.transforms.items() if kind not in silent or one.identifier != 0}
    return Suite(suite.proposal_number, kept)


def is_acceptable(observed: Suite, suites: tuple[Suite, ...]) -> bool:
    """Whether a suite that was seen is one of the predicted ones, whichever way NONE is written."""
    seen = normalised(observed)
    return any(seen == normalised(suite) for suite in suites)


def _candidates(places: tuple[int, int], offered: ProposalPolicy, accepted: ProposalPolicy) -> Iterator[_Candidate]:
    """Every valid combination of one offered and one accepted proposal, and how much each party likes it."""
    kinds = tuple(dict.fromkeys((*offered.transforms, *accepted.transforms)))
    choices: list[list[_Option]] = []
    for kind in kinds:
        options = _options(kind, offered.of(kind), accepted.of(kind))
        if not options:
            return
        choices.append(options)
    for combination in product(*_without_dominated(kinds, choices)):
        taken = dict(zip(kinds, combination, strict=True))
        chosen = {kind: algorithm for kind, (algorithm, _, _) in taken.items() if algorithm is not None}
        if _is_valid(chosen):
            initiators = _Liking(places[0], {kind: rank for kind, (_, rank, _) in taken.items()})
            responders = _Liking(places[1], {kind: rank for kind, (_, _, rank) in taken.items()})
            yield Suite(places[0] + 1, chosen), initiators, responders


def _without_dominated(kinds: tuple[TransformType, ...], choices: list[list[_Option]]) -> list[list[_Option]]:
    """The choices without options that another one of their type beats, where no rule ties the type to another.

    A product's defaults list dozens of algorithms: the combinations that are beaten anyway would be thousands.
    """
    tied: set[TransformType] = set()
    if sum(kind.is_key_exchange for kind in kinds) > 1:
        tied.update(kind for kind in kinds if kind.is_key_exchange)
    by_kind = dict(zip(kinds, choices, strict=True))
    combined = {Encryption(one.identifier).is_aead for one, _, _ in by_kind.get(TransformType.ENCR, []) if one}
    if len(combined) > 1 or any(one in (None, NONE) for one, _, _ in by_kind.get(TransformType.INTEG, [])):
        tied.update((TransformType.ENCR, TransformType.INTEG))
    return [options if kind in tied else _undominated(options) for kind, options in by_kind.items()]


def _undominated(options: list[_Option]) -> list[_Option]:
    return [each for each in options if not any(_beats(other, each) for other in options)]


def _beats(one: _Option, other: _Option) -> bool:
    return one[1:] != other[1:] and one[1] <= other[1] and one[2] <= other[2]


def _options(kind: TransformType, offered: tuple[Algorithm, ...], accepted: tuple[Algorithm, ...]) -> list[_Option]:
    """What may be chosen of one transform type, with the two ranks; empty when nothing may.

    An identifier that only one side has makes no more than that transform unacceptable (section 3.3.6). A type that
    only one side has makes the proposal unacceptable, unless that side also lists NONE for it.
    """
    if not offered or not accepted:
        listed = offered or accepted
        optional = kind == TransformType.INTEG or kind.is_additional_key_exchange
        if not (optional and NONE in listed):
            return []
        rank = listed.index(NONE)
        return [(NONE, rank, 0) if offered else (None, 0, rank)]
    return [(one, offered.index(one), accepted.index(one)) for one in offered if one in accepted]


def _is_valid(chosen: dict[TransformType, Algorithm]) -> bool:
    """Rules that hold between the types of one suite."""
    cipher, integrity = chosen.get(TransformType.ENCR), chosen.get(TransformType.INTEG, NONE)
    if cipher is not None and Encryption(cipher.identifier).is_aead != (integrity.identifier == Integrity.NONE):
        return False  # a combined-mode cipher goes without INTEG, every other with one (RFC 7296 section 3.3)
    methods = [one for kind, one in chosen.items() if kind.is_key_exchange and one.identifier != KeyExchangeMethod.NONE]
    return len(set(methods)) == len(methods)  # no method twice (RFC 9370 section 2.2.1)


def _dominates(one: Sequence[_Liking], other: Sequence[_Liking]) -> bool:
    """Whether both parties like ``one`` at least as well as ``other``, and one of them better."""
    return all(map(_Liking.at_least, one, other)) and not all(map(_Liking.at_least, other, one))

"""What a conforming responder must choose, from the two policies alone (RFC 7296 sections 2.7 and 3.3.6, RFC 9370).

The documents say what may be chosen, not which of several acceptable suites: a responder may follow the initiator's
order or its own. So the answer is a set: every suite for which no other one suits both parties at least as well. Where
the two orders agree it holds exactly one.
"""

from __future__ import annotations

from collections.abc import Iterator
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

_Ranks = tuple[int, ...]
_Candidate = tuple[Suite, _Ranks]


def acceptable_suites(offer: Policy, accept: Policy, knows_additional: bool = True) -> tuple[Suite, ...]:
    """Every suite that a conforming responder may choose, best for the initiator first; empty: it must refuse.

    ``knows_additional`` says whether the responder knows transform types 6 to 12 at all; to one that does not, a
    proposal with any of them is unacceptable as a whole, NONE or not (RFC 7296 section 3.3.6).
    """
    by_pair: dict[tuple[int, int], tuple[Suite, ...]] = {}
    for offered, accepted in product(range(len(offer)), range(len(accept))):
        if offer[offered].has_additional_key_exchange and not knows_additional:
            continue
        suites = _best(tuple(_candidates(offered + 1, offer[offered], accept[accepted])))
        if suites:
            by_pair[offered, accepted] = suites
    found: list[Suite] = []
    for pair in sorted(by_pair):
        if not any(_dominates(other, pair) for other in by_pair):
            found.extend(suite for suite in by_pair[pair] if suite not in found)
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


def _candidates(number: int, offered: ProposalPolicy, accepted: ProposalPolicy) -> Iterator[_Candidate]:
    """Every valid combination of one offered and one accepted proposal, with its rank in each list of both."""
    kinds = tuple(dict.fromkeys((*offered.transforms, *accepted.transforms)))
    choices: list[list[tuple[Algorithm | None, _Ranks]]] = []
    for kind in kinds:
        options = _options(kind, offered.of(kind), accepted.of(kind))
        if not options:
            return
        choices.append(options)
    for combination in product(*choices):
        chosen = {
            kind: algorithm for kind, (algorithm, _) in zip(kinds, combination, strict=True) if algorithm is not None
        }
        if _is_valid(chosen):
            yield Suite(number, chosen), tuple(rank for _, ranks in combination for rank in ranks)


def _options(
    kind: TransformType, offered: tuple[Algorithm, ...], accepted: tuple[Algorithm, ...]
) -> list[tuple[Algorithm | None, _Ranks]]:
    """What may be chosen of one transform type, with the two ranks; empty when nothing may.

    An identifier that only one side has makes no more than that transform unacceptable (section 3.3.6). A type that
    only one side has makes the proposal unacceptable, unless that side also lists NONE for it.
    """
    if not offered or not accepted:
        listed = offered or accepted
        optional = kind == TransformType.INTEG or kind.is_additional_key_exchange
        if not (optional and NONE in listed):
            return []
        return [(NONE if offered else None, (0, 0))]
    return [(one, (offered.index(one), accepted.index(one))) for one in offered if one in accepted]


def _is_valid(chosen: dict[TransformType, Algorithm]) -> bool:
    """Rules that hold between the types of one suite."""
    cipher, integrity = chosen.get(TransformType.ENCR), chosen.get(TransformType.INTEG, NONE)
    if cipher is not None and Encryption(cipher.identifier).is_aead != (integrity.identifier == Integrity.NONE):
        return False  # a combined-mode cipher goes without INTEG, every other with one (RFC 7296 section 3.3)
    methods = [one for kind, one in chosen.items() if kind.is_key_exchange and one.identifier != KeyExchangeMethod.NONE]
    return len(set(methods)) == len(methods)  # no method twice (RFC 9370 section 2.2.1)


def _best(candidates: tuple[_Candidate, ...]) -> tuple[Suite, ...]:
    return tuple(suite for suite, ranks in candidates if not any(_dominates(other, ranks) for _, other in candidates))


def _dominates(one: _Ranks, other: _Ranks) -> bool:
    """Whether ``one`` is at least as good everywhere and better somewhere (a lower rank is better)."""
    return one != other and all(left <= right for left, right in zip(one, other, strict=True))

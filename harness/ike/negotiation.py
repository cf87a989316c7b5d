"""Choosing from an offer and checking the other side's choice (RFC 7296 sections 2.7, 3.3.6; RFC 9370 2.2.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.ike.distinct import first_distinct
from harness.ike.errors import PeerMisbehaved
from harness.policy.proposals import Policy, ProposalPolicy, Suite
from harness.registry.algorithms import Algorithm
from harness.registry.messages import Protocol
from harness.registry.transforms import AttributeType, KeyExchangeMethod, TransformType
from harness.wire.payloads.security_association import Attribute, Proposal, SecurityAssociation, Transform

NONE = Algorithm(0)
_MAY_BE_NONE = (TransformType.INTEG, TransformType.KE)  # beside additional key exchanges (section 3.3.3)


def offer(policy: Policy, protocol: Protocol, spi: bytes = b"") -> SecurityAssociation:
    """The SA payload that offers a policy: proposals numbered from 1 (RFC 7296 section 3.3.1)."""
    proposals = []
    for number, proposal in enumerate(policy, start=1):
        pairs = [(kind, algorithm) for kind, algorithms in proposal.transforms.items() for algorithm in algorithms]
        proposals.append(Proposal(number, protocol, tuple(_transform(*pair) for pair in pairs), spi))
    return SecurityAssociation(tuple(proposals))


def answer(suite: Suite, protocol: Protocol, spi: bytes = b"") -> SecurityAssociation:
    """The SA payload that accepts one suite, with the number of the chosen proposal (RFC 7296 section 3.3.1)."""
    transforms = tuple(_transform(kind, algorithm) for kind, algorithm in suite.transforms.items())
    return SecurityAssociation((Proposal(suite.proposal_number, protocol, transforms, spi),))


def _transform(kind: TransformType, algorithm: Algorithm) -> Transform:
    length = algorithm.key_length
    attributes = () if length is None else (Attribute(AttributeType.KEY_LENGTH, length),)
    return Transform(kind, algorithm.identifier, attributes)


def _offered(proposal: Proposal) -> dict[TransformType, dict[Algorithm, None]]:
    """A proposal's algorithms by type, in order and each once.

    A transform with an attribute we do not know is left out (section 3.3.6).
    """
    table: dict[TransformType, dict[Algorithm, None]] = {}
    for transform in proposal.transforms:
        understood = all(a.type == AttributeType.KEY_LENGTH and isinstance(a.value, int) for a in transform.attributes)
        choices = table.setdefault(transform.type, {})
        if understood:
            choices[Algorithm(transform.identifier, transform.key_length)] = None
    return table


def without_additional(offered: SecurityAssociation) -> SecurityAssociation:
    """An offer of the IKE SA as it counts where IKE_INTERMEDIATE is not negotiated (RFC 9370 section 2.2.1).

    "the peers MUST treat any ADDKE Transform Types ... as unknown transform types and skip the proposals they appear
    in": the others keep their numbers.
    """
    kept = (p for p in offered.proposals if not any(t.type.is_additional_key_exchange for t in p.transforms))
    return replace(offered, proposals=tuple(kept))


def check_numbers(offered: SecurityAssociation) -> None:
    """The proposals of an offer are numbered 1, 2, 3, ... (section 3.3.1).

    Raises:
        PeerMisbehaved: they are not.
    """
    for due, proposal in enumerate(offered.proposals, start=1):
        if proposal.number != due:
            raise PeerMisbehaved(f"proposal {due}", f"number {proposal.number}", "SA payload of an offer")


def choose(offered: SecurityAssociation, policy: Policy, protocol: Protocol) -> tuple[Suite, Proposal] | None:
    """The first acceptable suite, in the initiator's order, with the proposal it comes from; None if there is none.

    Linear in the offer: a repeated transform counts once, and nothing is searched that cannot be had.
    """
    for proposal in offered.proposals:
        if proposal.protocol != protocol:
            continue
        table = _offered(proposal)
        for accepted in policy:
            chosen = _first_suite(table, accepted)
            if chosen is not None:
                return Suite(proposal.number, chosen), proposal
    return None


def _first_suite(
    table: Mapping[TransformType, Mapping[Algorithm, None]], policy: ProposalPolicy
) -> dict[TransformType, Algorithm] | None:
    """The first combination that both sides accept and that has no key exchange method twice."""
    choices: dict[TransformType, list[Algorithm | None]] = {}
    for kind in sorted(table.keys() | policy.transforms.keys()):
        choices[kind] = _common(kind, table.get(kind), policy.transforms.get(kind))
        if not choices[kind]:
            return None
    # RFC 9370 section 2.2.1 forbids a method twice, so that a greedy pick can miss a valid choice.
    methods = first_distinct([those for kind, those in choices.items() if kind.is_key_exchange], free=(None, NONE))
    if methods is None:
        return None
    picked = {kind: those[0] for kind, those in choices.items()}
    picked |= dict(zip([kind for kind in choices if kind.is_key_exchange], methods, strict=True))
    return {kind: algorithm for kind, algorithm in picked.items() if algorithm is not None}


def _common(
    kind: TransformType, theirs: Mapping[Algorithm, None] | None, ours: tuple[Algorithm, ...] | None
) -> list[Algorithm | None]:
    """Acceptable choices of one type; a None in the list means that the type is absent from the answer.

    "A proposal containing an unknown transform type, or missing a mandatory one, is unacceptable" (section 3.3.6): a
    type that only one side has is acceptable only where it is an optional one, and NONE is among its choices there. 0
    says "none" of an optional type alone: of the Sequence Numbers, mandatory in ESP, it is a choice like any other.
    """
    if theirs is not None and ours is not None:
        return [algorithm for algorithm in theirs if algorithm in ours]
    optional = kind.is_additional_key_exchange or kind in _MAY_BE_NONE
    if not optional or NONE not in (theirs or ours or ()):
        return []
    return [None if theirs is None else NONE]


def check_answer(offered: SecurityAssociation, answered: SecurityAssociation, where: str) -> tuple[Suite, Proposal]:
    """The suite that the responder accepted, proven to lie within our offer.

    Raises:
        PeerMisbehaved: not exactly one proposal, a number or protocol we did not offer, a transform we did not offer or
            offered with other attributes, not exactly one of each offered type, or a method twice (RFC 7296 sections
            2.7, 3.3.1, 3.3.6; RFC 9370 section 2.2.1).
    """
    _require(len(answered.proposals) == 1, "one proposal", str(len(answered.proposals)), where)
    accepted = answered.proposals[0]
    ours = {proposal.number: proposal for proposal in offered.proposals}.get(accepted.number)
    if ours is None or ours.protocol != accepted.protocol:
        raise PeerMisbehaved("the number and protocol of an offered proposal", f"number {accepted.number}", where)
    stripped = {(t.type, t.identifier, t.attributes) for t in ours.transforms}
    chosen: dict[TransformType, Algorithm] = {}
    for transform in accepted.transforms:
        _require(transform.type not in chosen, "one transform of each type", f"two of {transform.type}", where)
        found = (transform.type, transform.identifier, transform.attributes) in stripped
        _require(found, "a transform of the offer, unmodified", f"{transform.type} {transform.identifier}", where)
        chosen[transform.type] = Algorithm(transform.identifier, transform.key_length)
    _check_complete(_offered(ours), chosen, where)
    methods = [a for kind, a in chosen.items() if kind.is_key_exchange and a.identifier != KeyExchangeMethod.NONE]
    _require(len(methods) == len(set(methods)), "no key exchange method twice", str(methods), where)
    return Suite(accepted.number, chosen), accepted


def _check_complete(
    table: Mapping[TransformType, Mapping[Algorithm, None]], chosen: Mapping[TransformType, Algorithm], where: str
) -> None:
    """A type may be left out of the answer only where NONE was offered, which omission then means (strongSwan does)."""
    for kind, algorithms in table.items():
        optional = NONE in algorithms and (kind.is_additional_key_exchange or kind in _MAY_BE_NONE)
        _require(kind in chosen or optional, f"a transform of type {kind.name}", "none", where)


def _require(condition: bool, expected: str, got: str, where: str) -> None:
    if not condition:
        raise PeerMisbehaved(expected, got, where)

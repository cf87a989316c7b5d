"""The policy that a product can be configured with: a scenario's, without what the product's build cannot do."""

from __future__ import annotations

from collections.abc import Mapping

from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.scenario.peer import Capabilities

_STAND_IN = algorithm(TransformType.KE, "curve25519")
_NONE = Algorithm(int(KeyExchangeMethod.NONE))


def without_unsupported(policy: PartyPolicy, capabilities: Capabilities) -> PartyPolicy:
    """The policy as a product can be configured with it.

    So that "does not know it" is tested and not a broken configuration: algorithms that the capability sheet lacks
    are left out; an ADDKE type that this empties, or that the product does not know at all, is dropped; a proposal of
    which something mandatory is emptied is dropped, except that a KE type emptied in every proposal is filled with
    the most common method that the product has, and an SN type with the sequence numbers that it has, as a product
    cannot be configured without any.
    """
    return PartyPolicy(_ike(policy.ike, capabilities), _esp(policy.esp, capabilities))


def _ike(policy: Policy, capabilities: Capabilities) -> Policy:
    rendered = _render(policy, capabilities.ike, capabilities)
    if rendered:
        return rendered
    own = capabilities.ike.get(TransformType.KE, frozenset())
    stand_in = _STAND_IN if _STAND_IN in own else min(own, key=lambda method: method.identifier, default=_STAND_IN)
    classical = tuple(
        ProposalPolicy({**_without_additional(proposal), TransformType.KE: (stand_in,)}) for proposal in policy
    )
    return _render(classical, capabilities.ike, capabilities)


def _esp(policy: Policy, capabilities: Capabilities) -> Policy:
    rendered = _render(policy, capabilities.esp, capabilities)
    own = tuple(sorted(capabilities.esp.get(TransformType.SN, frozenset()), key=lambda one: one.identifier))
    if rendered or not own:
        return rendered
    stand_in = tuple(
        ProposalPolicy({**proposal.transforms, TransformType.SN: own})
        for proposal in policy
        if proposal.of(TransformType.SN)
    )
    return _render(stand_in, capabilities.esp, capabilities)


def _without_additional(proposal: ProposalPolicy) -> dict[TransformType, tuple[Algorithm, ...]]:
    return {kind: algorithms for kind, algorithms in proposal.transforms.items() if not kind.is_additional_key_exchange}


def _render(policy: Policy, sheet: Mapping[TransformType, frozenset[Algorithm]], capabilities: Capabilities) -> Policy:
    rendered: list[ProposalPolicy] = []
    for proposal in policy:
        own = _render_proposal(proposal, sheet, capabilities)
        if own is not None and own not in rendered:
            rendered.append(own)
    return tuple(rendered)


def _render_proposal(
    proposal: ProposalPolicy, sheet: Mapping[TransformType, frozenset[Algorithm]], capabilities: Capabilities
) -> ProposalPolicy | None:
    """One proposal without what the build lacks; None when nothing sensible is left of it."""
    transforms: dict[TransformType, tuple[Algorithm, ...]] = {}
    for kind, algorithms in proposal.transforms.items():
        if kind.is_additional_key_exchange:
            methods = sheet.get(TransformType.KE, frozenset()) if capabilities.additional_key_exchange else frozenset()
            kept = tuple(one for one in algorithms if one in methods or one == _NONE)
            if any(one != _NONE for one in kept):
                transforms[kind] = kept
            continue
        kept = tuple(one for one in algorithms if one in sheet.get(kind, frozenset()))
        if not kept:
            return None
        transforms[kind] = kept
    return ProposalPolicy(transforms)

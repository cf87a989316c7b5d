"""Words for what a peer lacks."""

from __future__ import annotations

from harness.ike.policy import Policy, ProposalPolicy
from harness.oracle.negotiation import first_child
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import PartyPolicy, Scenario
from harness.scenario.peer import Peer


def missing_algorithms(wanted: PartyPolicy, had: PartyPolicy) -> str:
    """What one policy names that the other has nowhere: "ml-kem-768, additional key exchange 1"; "" for nothing."""
    found = [*_missing(wanted.ike, had.ike, ""), *_missing(first_child(wanted.esp), first_child(had.esp), "ESP ")]
    return ", ".join(dict.fromkeys(found))


def why_refused(scenario: Scenario, peer: Peer, worn: PartyPolicy, ike_agreed: bool) -> str:
    """What makes a clean refusal by this peer right: what its capability sheet, or its published policy, lacks.

    "" when it lacks nothing that the scenario asks for: then a refusal is not the peer's incapacity. ``ike_agreed``
    says that the IKE SA itself is agreed, so that the refusal concerns the Child SA.
    """
    asked = scenario.accept
    if ike_agreed:
        lacking = ", ".join(_missing(first_child(asked.esp), first_child(worn.esp), "ESP "))
    else:
        lacking = ", ".join(dict.fromkeys(_missing(asked.ike, worn.ike, "")))
    if peer.emulated:
        if lacking:
            return f"its published policy has no {lacking}"
        required = all(proposal.has_additional_key_exchange for proposal in worn.ike)
        return (
            f"its published policy {'requires an additional key exchange' if required else 'accepts no such proposal'}"
        )
    uses_additional = any(proposal.has_additional_key_exchange for proposal in scenario.offer.ike)
    if not ike_agreed and uses_additional and not peer.capabilities.additional_key_exchange:
        return f"{peer.title} has no multiple key exchanges (RFC 9370)"
    return f"{peer.title} has no {lacking}" if lacking else ""


def _missing(wanted: Policy, had: Policy, prefix: str) -> list[str]:
    """The algorithms of ``wanted`` that no proposal of ``had`` lists for the same type, spelt for a reader."""
    found: list[str] = []
    for proposal in wanted:
        for kind, algorithms in proposal.transforms.items():
            own = {one for other in had for one in other.of(kind)}
            lacking = [one for one in algorithms if one not in own]
            if kind.is_known:
                found.extend(prefix + _spell(one.name(kind), kind) for one in lacking if one.identifier != 0)
            elif lacking:
                found.append(f"transform type {kind.value}")
    return found


def _spell(name: str, kind: TransformType) -> str:
    return f"{name} as {kind.name}" if kind.is_additional_key_exchange else name


def nothing_in_common(offer: Policy, accept: Policy, initiator: str, responder: str) -> str:
    """Where two policies part: the types of the two closest proposals that have no algorithm in common.

    "KE: strongSwan 6.1 offers ecp256, ecp384; Cisco (emulated) accepts modp2048".
    """
    parted = [_parted(one, other) for one in offer for other in accept]
    closest = min(parted, key=len, default=())
    return "; ".join(
        f"{kind.name}: {initiator} offers {_listed(ours, kind)}, {responder} accepts {_listed(theirs, kind)}"
        for kind, ours, theirs in closest
    )


_Parted = tuple[TransformType, tuple[Algorithm, ...], tuple[Algorithm, ...]]


def _parted(offered: ProposalPolicy, accepted: ProposalPolicy) -> tuple[_Parted, ...]:
    kinds = dict.fromkeys((*offered.transforms, *accepted.transforms))
    sides = ((kind, offered.of(kind), accepted.of(kind)) for kind in kinds)
    return tuple((kind, ours, theirs) for kind, ours, theirs in sides if not set(ours) & set(theirs))


def _listed(algorithms: tuple[Algorithm, ...], kind: TransformType) -> str:
    return ", ".join(algorithm.name(kind) for algorithm in algorithms) or "none"

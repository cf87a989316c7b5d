"""Scenarios, policies and parties that no file has, for rules that no product shows by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import Scenario
from harness.scenario.peer import Peer


def proposal(**lists: str) -> ProposalPolicy:
    kinds = {key: TransformType[key.upper()] for key in lists}
    return ProposalPolicy({kind: tuple(algorithm(kind, n) for n in lists[key].split()) for key, kind in kinds.items()})


GCM = {"encr": "aes-256-gcm-16", "prf": "hmac-sha2-256"}
ESP = (proposal(encr="aes-256-gcm-16", sn="no-esn"),)
ESN = (proposal(encr="aes-256-gcm-16", sn="esn"),)


def ike(*kinds: str | dict[str, str]) -> Policy:
    """A proposal for each argument: the methods of KE, or of each type."""
    return tuple(proposal(**GCM, **({"ke": each} if isinstance(each, str) else each)) for each in kinds)


def scenario(offer: Policy, accept: Policy | None = None, *, esp: Policy = ESP, **parts: Any) -> Scenario:
    halves = PartyPolicy(offer, esp), PartyPolicy(offer if accept is None else accept, esp)
    return Scenario("made/up", "made up", (), *halves, parts.pop("expect", ()), **parts)


def able(peer: Peer, **capabilities: Any) -> Peer:
    """The peer with other capabilities."""
    return replace(peer, capabilities=replace(peer.capabilities, **capabilities))

"""Policies of one proposal, in the spelling of scenarios."""

from harness.policy.proposals import ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType


def policy(**names: str) -> tuple[ProposalPolicy, ...]:
    """One proposal with one algorithm of each kind: ``policy(ENCR="aes-256-cbc", KE="ecp256")``."""
    kinds = {TransformType[kind]: (algorithm(TransformType[kind], name),) for kind, name in names.items()}
    return (ProposalPolicy(kinds),)

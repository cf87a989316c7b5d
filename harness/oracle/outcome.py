"""The outcome that a negotiated suite stands for."""

from __future__ import annotations

from harness.policy.proposals import Suite
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import Outcome


def key_exchanges(suite: Suite) -> tuple[KeyExchangeMethod, ...]:
    """All key exchanges of a suite in the order in which they take place."""
    first = suite.key_exchange
    return (*(() if first is None else (first,)), *suite.additional_key_exchanges)


def outcome_of(suite: Suite) -> Outcome:
    """HYBRID with a classical and a post-quantum method, PQ_ONLY and CLASSICAL with one kind alone.

    A combined method is both at once.
    """
    methods = key_exchanges(suite)
    if not any(method.is_post_quantum for method in methods):
        return Outcome.CLASSICAL
    return Outcome.HYBRID if any(method.is_classical for method in methods) else Outcome.PQ_ONLY

"""What a user would have got, read off the wire."""

from __future__ import annotations

from harness.oracle.outcome import outcome_of
from harness.registry.messages import ExchangeType
from harness.results.model import Outcome
from harness.verify.view import View, of
from harness.wire.payloads import SecurityAssociation


def outcome_seen(view: View) -> Outcome | None:
    """HYBRID, PQ_ONLY or CLASSICAL for an IKE SA with a Child SA; REFUSED, BROKEN; None if nothing was sent at all.

    A key exchange counts only if it entered the keys: IKE_AUTH then decrypts with keys made of all of them.
    """
    if not view.messages:
        return None
    responses = view.find(ExchangeType.IKE_AUTH, response=True)
    child = any(of(message, SecurityAssociation) for message in responses if message.readable)
    if view.established and child and view.suite is not None:
        return outcome_of(view.suite)
    if view.refusals:
        return Outcome.REFUSED
    return Outcome.BROKEN

"""What a user would have got, read off the wire."""

from __future__ import annotations

from harness.oracle.outcome import outcome_of
from harness.results.model import Outcome
from harness.verify.checks.key_agreement import keys_depend_on_every_exchange
from harness.verify.result import Objection
from harness.verify.view import View


def outcome_seen(view: View) -> Outcome | None:
    """HYBRID, PQ_ONLY or CLASSICAL for an IKE SA with a Child SA; REFUSED, BROKEN; None if nothing was sent at all.

    The wire and our engine must both say that it stands, and a key exchange counts only if it entered the keys: where
    that cannot be proven the outcome is BROKEN, whatever was negotiated.
    """
    if not view.messages:
        return None
    if view.child_established and view.report.established and view.report.child_established:
        return Outcome.BROKEN if view.suite is None or unproven(view) else outcome_of(view.suite)
    return Outcome.REFUSED if view.refusals else Outcome.BROKEN


def unproven(view: View) -> tuple[Objection, ...]:
    """Why it is not proven that every key exchange that was negotiated entered the keys; empty where it is."""
    return keys_depend_on_every_exchange(view, {}).objections

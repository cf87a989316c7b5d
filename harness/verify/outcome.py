"""What a user would have got, read off the wire."""

from __future__ import annotations

from harness.oracle.outcome import outcome_of
from harness.oracle.reaction import Duty
from harness.results.model import Outcome
from harness.scenario.model import Role
from harness.verify.checks.deviation import deviation_refused
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
    if _initiator_gave_up(view):
        return Outcome.REFUSED
    if view.child_established and view.report.established and view.report.child_established:
        return Outcome.BROKEN if view.suite is None or unproven(view) else outcome_of(view.suite)
    return Outcome.REFUSED if view.refusals else Outcome.BROKEN


def _initiator_gave_up(view: View) -> bool:
    """Whether a peer that initiates rejects a response of ours that deviates: in order, be it without a word.

    Our own side may believe meanwhile that all is well: IKE_AUTH ends with our response.
    """
    reaction = view.expectation.reaction
    if reaction is None or reaction.duty is not Duty.REFUSE or view.role is not Role.RESPONDER:
        return False
    return not any(objection.severity == "fail" for objection in deviation_refused(view, {}).objections)


def unproven(view: View) -> tuple[Objection, ...]:
    """Why it is not proven that every key exchange that was negotiated entered the keys; empty where it is."""
    return keys_depend_on_every_exchange(view, {}).objections

"""Whether the IKE SA and its Child SA came up as predicted, and if not, where it ended and by whom."""

from __future__ import annotations

from harness.ike.negotiation import choose
from harness.oracle.outcome import outcome_of
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome
from harness.verify.checks.authentication import auth_fits
from harness.verify.outcome import unproven
from harness.verify.result import Checked, Objection
from harness.verify.view import View, of
from harness.verify.words import spelled
from harness.wire.payloads import Notify, SecurityAssociation

_ANNOUNCED = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED
_RULES = {NotifyType.NO_PROPOSAL_CHOSEN: "B08", NotifyType.AUTHENTICATION_FAILED: "K03"}
"""The requirement that says when a refusal of this kind is due; where it is not due, it was broken."""


def came_up(view: View, outcome: Outcome) -> Checked:
    """The outcome is one of those that the two policies allow, and nothing was awaited in vain."""
    pointer = view.messages[-1].pointer
    allowed = {outcome_of(suite) for suite in view.expectation.ike}
    if outcome in allowed:
        if awaited := view.report.timed_out:
            return Checked("", (Objection(view.peer, f"in vain was awaited: {awaited}", pointer, None),))
        return Checked(f"{outcome} as predicted")
    common = " or ".join(f"proposal {suite.proposal_number}, {spelled(suite)}" for suite in view.expectation.ike)
    predicted = " or ".join(sorted(allowed))
    ground = f"{predicted} was predicted, as both policies allow {common}"
    rule = _RULES.get(view.refusals[0][1]) if view.refusals and outcome is Outcome.REFUSED else None
    if view.expectation.reaction is not None:  # all that is unusual about the case is what had to be taken as it is
        rule = view.expectation.reaction.rule
    return Checked("", (Objection(_party(view), f"{ground}; {_ending(view, outcome)}", pointer, rule),))


def _ending(view: View, outcome: Outcome) -> str:
    report = view.report
    if view.refusals and outcome is Outcome.REFUSED:
        message, notify = view.refusals[0]
        return f"{view.sender(message)} answered {notify} in {message.label}{_unused_intermediate(view, notify)}"
    if report.established and view.established and unproven(view):
        return f"it ended {outcome}: it is not proven that every key exchange entered the keys"
    if report.closed_reason:
        return f"it ended {outcome}: {report.closed_reason}"
    if report.timed_out:
        return f"it ended {outcome}: in vain was awaited {report.timed_out}"
    return f"it ended {outcome}, after {view.messages[-1].label}"


def _unused_intermediate(view: View, notify: NotifyType) -> str:
    """What is special about an AUTH that was refused after an IKE_INTERMEDIATE that both announced and nobody began."""
    if notify != NotifyType.AUTHENTICATION_FAILED or view.find(ExchangeType.IKE_INTERMEDIATE, response=False):
        return ""
    announced = [any(n.notify_type == _ANNOUNCED for n in of(m, Notify)) for m in view.final_init if m is not None]
    if announced != [True, True] or not auth_fits(view, initiator=True):
        return ""
    return (
        ", although AUTH is right: IKE_INTERMEDIATE was announced by both sides and did not take place, "
        "so AUTH goes without IntAuth (RFC 9242 sections 3.2 and 3.3.2)"
    )


def _party(view: View) -> str:
    """Who is to blame: for a refusal the one who refused, unless the other gave it a reason to."""
    report = view.report
    if view.refusals:
        refuser = view.sender(view.refusals[0][0])
        provoked = report.closed_kind in ("misbehaved", "malformed") or _off_policy(view)
        return view.peer if refuser == "engine" and provoked else refuser
    if report.closed_kind == "unavailable":
        return "engine"  # it lacks a method on this machine
    if report.established and view.established:
        doubts = unproven(view)
        return doubts[0].party if doubts else view.party(initiator=False)  # it chose what neither policy prefers
    return "engine" if report.established else view.peer


def _off_policy(view: View) -> bool:
    """Whether the peer's offer is not the predicted one: our policy accepts nothing of it."""
    exchange, protocol, policy = ExchangeType.IKE_SA_INIT, Protocol.IKE, view.expectation.engine.ike
    if view.refusals[0][0].exchange == ExchangeType.IKE_AUTH:
        exchange, protocol, policy = ExchangeType.IKE_AUTH, Protocol.ESP, view.expectation.engine.esp
    offers = [sa for message in view.find(exchange, response=False) for sa in of(message, SecurityAssociation)]
    return bool(offers) and choose(offers[-1], policy, protocol) is None

"""Whether the tunnel between two products came up as predicted, and if not, where it ended."""

from __future__ import annotations

from harness.oracle.outcome import outcome_of
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import Outcome
from harness.verify.pair.offer import led_to
from harness.verify.pair.view import PairView
from harness.verify.result import Arguments, Checked, Objection


def outcome_seen(view: PairView) -> Outcome | None:
    """What a user of the two gets; None if nothing was sent at all.

    HYBRID and PQ_ONLY rest on the answer in clear, on IKE_INTERMEDIATE exchanges and on both sides' word: nobody has
    the keys, so that the other checks must agree before a verdict is a PASS, and its grade is B.
    """
    if not view.messages:
        return None
    if view.up and view.suite is not None:
        return outcome_of(view.suite)
    return Outcome.REFUSED if _refused(view) else Outcome.BROKEN


def came_up_as_predicted(view: PairView, _arguments: Arguments) -> Checked:
    """The outcome is one of those that the two policies allow."""
    seen = outcome_seen(view)
    allowed = {outcome_of(suite) for suite in view.expectation.ike} if view.expectation.establishes else set()
    allowed = allowed or {Outcome.REFUSED}
    if seen in allowed:
        return Checked(f"{seen} as predicted")
    predicted = " or ".join(sorted(allowed))
    sentence = f"{predicted} was predicted from the two policies; it ended {seen}{ending(view)}"
    return Checked("", (Objection(_party(view), sentence, view.messages[-1].pointer, "B06"),))


def _refused(view: PairView) -> bool:
    """A refusal in clear, or a complete IKE_AUTH after which neither side has a Child SA (RFC 7296 section 1.2)."""
    if view.refusals:
        return True
    answered = bool(view.find(ExchangeType.IKE_AUTH, response=True))
    left = [sa for step in view.report.steps for report in (step.initiator, step.responder) for sa in report.sas]
    return answered and not any(sa.children for sa in left)


def ending(view: PairView) -> str:
    """How the exchanges came to their end, to be added to a sentence."""
    if view.refusals:
        message, notify = view.refusals[0]
        return f": {view.sender(message)} answered {notify} in {message.label}"
    said = next((step.said for step in view.report.steps if step.said), "")
    words = f", and {view.sides[0].peer} says: {said}" if said else ""
    return f" after {view.messages[-1].label}{words}"


def _party(view: PairView) -> str:
    """Who refused in clear what it should have taken, by the offer on the wire; else nobody can tell who erred."""
    if not view.refusals:
        return ""
    message, notify = view.refusals[0]
    right = notify == NotifyType.NO_PROPOSAL_CHOSEN and not led_to(view)
    return "" if right else view.sender(message)

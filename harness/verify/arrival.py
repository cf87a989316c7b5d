"""Whether the IKE SA and its Child SA came up as predicted, and if not, where it ended and by whom."""

from __future__ import annotations

from harness.results.model import Outcome
from harness.verify.checks.negotiation import spelled
from harness.verify.result import Checked, Objection
from harness.verify.view import View


def came_up(view: View, outcome: Outcome) -> Checked:
    """The outcome is the predicted one."""
    predicted = view.expectation.outcome
    pointer = view.messages[-1].pointer
    if outcome == predicted:
        steps = view.report.timed_out
        if steps:
            return Checked("", (Objection(view.peer, f"in vain was awaited: {steps}", pointer),))
        return Checked(f"{outcome} as predicted")
    common = " or ".join(f"proposal {suite.proposal_number}, {spelled(suite)}" for suite in view.expectation.ike)
    ground = f"{predicted} was predicted, as both policies allow {common}"
    return Checked("", (Objection(_party(view), f"{ground}; {_ending(view, outcome)}", pointer),))


def _ending(view: View, outcome: Outcome) -> str:
    report = view.report
    if view.refusals and outcome is Outcome.REFUSED:
        message, notify = view.refusals[0]
        return f"{view.sender(message)} answered {notify} in {message.label}"
    if report.closed_reason:
        return f"it ended {outcome}: {report.closed_reason}"
    if report.timed_out:
        return f"it ended {outcome}: in vain was awaited {report.timed_out}"
    return f"it ended {outcome}, after {view.messages[-1].label}"


def _party(view: View) -> str:
    if view.refusals:
        return view.sender(view.refusals[0][0])
    if view.report.established and view.report.child_established:
        return "engine"  # our engine holds it for established, yet its own records do not bear that out
    return view.peer

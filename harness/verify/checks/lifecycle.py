"""Liveness and deletion (RFC 7296 sections 1.4, 1.4.1 and 2.4)."""

from __future__ import annotations

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import CAPTURE, ENGINE_REPORT, PEER_STATUS_AFTER, Severity
from harness.verify.check import Arguments, Checked, Objection, engine_check, missing
from harness.verify.checks.authentication import auth_fits
from harness.verify.checks.peer_report import left_of
from harness.verify.view import View
from harness.verify.wire import SeenMessage, of, payload_name
from harness.wire.payload import Payload
from harness.wire.payloads import Delete, Notify, Unknown


@engine_check("liveness-answered", requirement="B30")
def liveness_answered(view: View, _arguments: Arguments) -> Checked:
    """An INFORMATIONAL request without payloads is answered (B30)."""
    requests = view.find(ExchangeType.INFORMATIONAL, response=False)
    engine_is_initiator = view.party(initiator=True) == "engine"
    empty = [m for m in requests if m.opened is not None and not m.payloads and m.from_initiator == engine_is_initiator]
    if not empty:
        return Checked("", (Objection("engine", "no empty INFORMATIONAL request was sent", CAPTURE),))
    request = empty[0]
    responses = view.find(ExchangeType.INFORMATIONAL, response=True, initiator=not engine_is_initiator)
    answers = [m for m in responses if m.message_id == request.message_id]
    opened = [message for message in answers if message.opened is not None]
    if not opened:
        return Checked("", (Objection(view.peer, f"{request.label} gets no response that decrypts", request.pointer),))
    errors = [notify.notify_type for notify in of(opened[0], Notify) if notify.notify_type.is_error]
    if errors:
        sentence = f"{opened[0].label} answers an empty request with {errors[0]}"
        return Checked("", (Objection(view.peer, sentence, opened[0].pointer),))
    return Checked(f"{request.label} was answered")


@engine_check("deleted-on-both-sides", requirement="B29")
def deleted_on_both_sides(view: View, _arguments: Arguments) -> Checked:
    """A Delete of the IKE SA is answered by an INFORMATIONAL response, and nothing is left at the peer (B29)."""
    requests = view.find(ExchangeType.INFORMATIONAL, response=False)
    mine = [m for m in requests if view.in_place(m) and _within_the_window(view, m)]  # what is in place was opened
    deletes = [m for m in mine if any(d.protocol == Protocol.IKE for d in of(m, Delete))]
    if not deletes:
        return _not_deleted(view)
    request = deletes[0]
    objections = []
    responses = view.find(ExchangeType.INFORMATIONAL, response=True, initiator=not request.from_initiator)
    answers = [m for m in responses if m.message_id == request.message_id and m.opened is not None]
    answerer = view.party(initiator=not request.from_initiator)
    if not answers:
        objections.append(Objection(answerer, f"{request.label} gets no response that decrypts", request.pointer))
    elif wordy := [payload_name(payload) for payload in answers[0].payloads if not _may_come_along(payload)]:
        sentence = f"{answers[0].label} to the deletion of the IKE SA is not empty: {', '.join(wordy)}"
        objections.append(Objection(answerer, sentence, answers[0].pointer))
    after = view.evidence.peer_report_after
    if after is None:
        return Checked(
            "", (*objections, *missing("what the peer's status says after the case", PEER_STATUS_AFTER).objections)
        )
    if left := left_of(view, after):
        sentence = f"the peer still reports an IKE SA in state {left[0].state}"
        objections.append(Objection(view.peer, sentence, PEER_STATUS_AFTER))
    told = "has no status interface to tell what is left" if after.silent else "reports no SA any more"
    return Checked(f"{request.label} was answered; the peer {told}", tuple(objections))


def _not_deleted(view: View) -> Checked:
    """What there is to say where no Delete of the IKE SA is on the wire that is to be taken."""
    if unfounded := _unfounded(view):
        sentence = f"{unfounded.label} says {_FAILED} in place of a Delete, and AUTH of our engine is right"
        return Checked("", (Objection(view.peer, sentence, unfounded.pointer),))
    if view.report.closed_kind == "refused":
        return Checked("an error of the peer ended the IKE SA: no Delete is due")
    if view.report.closed_kind == "silent":  # section 2.4
        return Checked("the peer no longer answered: no Delete is due")
    if view.report.closed_kind in ("misbehaved", "malformed"):
        words = f"our engine ended the IKE SA for what it got: {view.report.closed_reason}"
        return Checked("", (Objection("", words, ENGINE_REPORT, severity=Severity.INCONCLUSIVE),))
    party = view.party(initiator=True)
    return Checked("", (Objection(party, "no Delete of the IKE SA is on the wire that is to be taken", CAPTURE),))


_FAILED = NotifyType.AUTHENTICATION_FAILED


def _unfounded(view: View) -> SeenMessage | None:
    """A request of the peer that ends the IKE SA by AUTHENTICATION_FAILED, though our AUTH is what it is to be.

    Without a Delete it may end so because of that AUTH alone, right after IKE_AUTH (RFC 7296 section 2.21.2).
    """
    if not auth_fits(view, initiator=view.role is Role.INITIATOR):
        return None
    requests = view.find(ExchangeType.INFORMATIONAL, response=False, initiator=view.role is not Role.INITIATOR)
    return next((m for m in requests if m.opened and any(n.notify_type == _FAILED for n in of(m, Notify))), None)


def _within_the_window(view: View, request: SeenMessage) -> bool:
    """Whether each number before its own was answered: else it is to be dropped (RFC 7296 section 2.3)."""
    side, number = request.from_initiator, request.message_id
    answered = {m.message_id for m in view.messages if m.response and m.from_initiator != side}
    return sum(each < number for each in answered) == number


def _may_come_along(payload: Payload) -> bool:
    """Whether a payload may stand in any message: a Vendor ID (RFC 7296 section 3.12), a status (section 3.10.1).

    So may one that nobody knows and that is not critical: it is to be skipped (section 2.5).
    """
    if isinstance(payload, Notify):
        return not payload.notify_type.is_error
    return payload.type == PayloadType.VENDOR_ID or (isinstance(payload, Unknown) and not payload.critical)

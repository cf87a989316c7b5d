"""What the peer makes of a message in which our engine breaks a rule on purpose."""

from __future__ import annotations

from collections.abc import Iterable

from harness.evidence.peer_report import STANDING
from harness.oracle.reaction import Reaction
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.results.model import CAPTURE, ENGINE_REPORT, PEER_STATUS_AFTER, Pointer, Severity
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, missing
from harness.verify.checks.misbehaviour import deviating
from harness.verify.view import View
from harness.verify.wire import SeenMessage, is_esp, of, payload_name
from harness.wire.payloads import Delete, Notify, Unknown


@engine_check("deviation-refused", due=Due.PREDICTED)
def deviation_refused(view: View, _arguments: Arguments) -> Checked:
    """The peer rejects the message that deviates: a responder by an error, an initiator by going no further.

    Which error, and which sentence asks for it, is the prediction's to say (B03, B13, M06 to M08, I08, K05).
    """
    reaction, message = view.expectation.reaction, _first(view)
    if reaction is None or message is None:
        return _never_left()
    if view.role is Role.INITIATOR:
        detail, objections = _answered(view, reaction, message)
    else:
        detail, objections = _abandoned(view, reaction, message)
    if awaited := view.report.timed_out:
        objections = [*objections, Objection("engine", f"we waited in vain for {awaited}", ENGINE_REPORT, None)]
    after = view.evidence.peer_report_after
    if after is None:
        unknown = missing("what the peer's status says after the case", PEER_STATUS_AFTER)
        return Checked("", (*objections, *unknown.objections))
    if after.silent:
        detail += "; what the peer holds it cannot tell"
    if any(sa.stands for sa in after.sas):
        sentence = f"after {message.label}, which deviates, the peer has an IKE SA in state {STANDING}"
        objections = [*objections, Objection(view.peer, sentence, PEER_STATUS_AFTER, reaction.rule)]
    return Checked(detail, tuple(objections))


def _first(view: View) -> SeenMessage | None:
    """The last copy of the first message that deviates: a cookie may have made us send IKE_SA_INIT again."""
    seen = deviating(view)
    same = [message for message in seen if _place(message) == _place(seen[0])]
    return same[-1] if same else None


def _place(message: SeenMessage) -> tuple[ExchangeType, int]:
    return message.exchange, message.message_id


def _never_left() -> Checked:
    """Nothing can be said of the peer then; the judge ends such a case before any check."""
    sentence = "our deviation is not on the wire"
    return Checked("", (Objection("", sentence, CAPTURE, severity=Severity.INCONCLUSIVE),))


def _answered(view: View, reaction: Reaction, request: SeenMessage) -> tuple[str, list[Objection]]:
    """Our request deviates: its response carries the error that is due, and nothing that goes on."""
    due = reaction.notify
    assert due is not None
    answers = view.find(request.exchange, response=True, initiator=not request.from_initiator)
    later = [m for m in answers if m.message_id == request.message_id and m.frame > request.frame]
    response = next((m for m in later if m.readable), None)
    if response is None:
        sentence = f"{request.label}, which deviates, gets no response that can be read; {due} is due"
        return "", [Objection(view.peer, sentence, request.pointer, reaction.answer_rule)]
    errors = [notify for notify in of(response, Notify) if notify.notify_type.is_error]
    if not errors:
        sentence = f"{response.label} goes on as if {request.label} were right; {due} is due"
        return "", [Objection(view.peer, sentence, response.pointer, reaction.rule)]
    if errors[0].notify_type != due:
        sentence = f"{due} is due, {response.label} carries {errors[0].notify_type}"
        return "", [Objection(view.peer, sentence, response.pointer, reaction.answer_rule)]
    faults = _wrong_type(request, errors[0])
    objections = [
        Objection(view.peer, f"{response.label}: {f}", response.pointer, reaction.answer_rule) for f in faults
    ]
    if more := _beside_the_error(response):
        sentence = f"{response.label} carries {', '.join(more)} beside {due}, which is to stand alone"
        rule = "I12" if response.exchange == ExchangeType.IKE_INTERMEDIATE else "B33"
        objections.append(Objection(view.peer, sentence, response.pointer, rule))
    return f"{due} in {response.label}", objections


def _beside_the_error(response: SeenMessage) -> list[str]:
    """What a response holds beside the error for a request that is rejected as a whole (section 2.21.2).

    So it is in IKE_AUTH, and in IKE_INTERMEDIATE (RFC 9242 section 3.4).
    """
    exchanges = ExchangeType.IKE_AUTH, ExchangeType.IKE_INTERMEDIATE
    kinds = [NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD, NotifyType.INVALID_SYNTAX]
    if response.exchange not in exchanges or not any(n.notify_type in kinds for n in of(response, Notify)):
        return []
    inner = response.opened.inner if response.opened else ()
    known = (payload for payload in inner if not isinstance(payload, Notify | Unknown))
    return [payload_name(payload) for payload in known if payload.type != PayloadType.VENDOR_ID]


def _wrong_type(request: SeenMessage, notify: Notify) -> Iterable[str]:
    """UNSUPPORTED_CRITICAL_PAYLOAD names the type in one octet (RFC 7296 section 2.5)."""
    if notify.notify_type != NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD:
        return
    numbers = [bytes((payload.number,)) for payload in of(request, Unknown) if payload.critical]
    if notify.data not in numbers:
        due = f"the type of the payload, {numbers[0].hex()}," if numbers else "the type of a payload in the request"
        yield f"its data is {notify.data.hex() or 'empty'}, {due} is due"


def _abandoned(view: View, reaction: Reaction, response: SeenMessage) -> tuple[str, list[Objection]]:
    """Our response deviates: the initiator takes no further step towards the IKE SA, and sends no ESP.

    Nobody can tell whether it heard a response in the clear, or keeps waiting for a better one (section 2.21.1).
    """
    for message in after(view, response):
        if message.exchange != ExchangeType.INFORMATIONAL:
            sentence = f"{message.label} goes on as if {response.label} were right; the exchange is to fail there"
            return "", [Objection(view.peer, sentence, message.pointer, reaction.rule)]
    esp = [d for d in view.wire.datagrams if d.frame > response.frame and is_esp(d) and view.source(d) == view.peer]
    if esp:
        sentence = f"the peer sends ESP although {response.label} deviates"
        return "", [Objection(view.peer, sentence, Pointer.to_frame(esp[0].frame), reaction.rule)]
    said = [_in_words(message) for message in after(view, response)]
    return f"after {response.label} the peer goes no further, and says {', '.join(said) or 'nothing'}", []


def _in_words(message: SeenMessage) -> str:
    found = [str(n.notify_type) for n in of(message, Notify)] + ["Delete" for _ in of(message, Delete)]
    return f"{' and '.join(found) or 'nothing'} in {message.label}"


def after(view: View, ours: SeenMessage) -> list[SeenMessage]:
    """The peer's requests that first appear after a message of ours; repetitions of older ones are none."""
    return [m for m in view.messages if view.sender(m) == view.peer and not m.response and m.frame > ours.frame]


@engine_check("keys-differ", due=Due.PREDICTED)
def keys_differ(view: View, _arguments: Arguments) -> Checked:
    """After an altered ciphertext the peer's next message is under keys that we do not have (M10).

    A message of the peer that our keys open shows that this exchange did not enter its keys.
    """
    reaction, message = view.expectation.reaction, _first(view)
    if reaction is None or message is None:
        return _never_left()
    following = after(view, message)
    readable = next((m for m in following if m.readable), None)
    if readable is not None:
        sentence = f"{readable.label} opens with our keys although the ciphertext of {message.label} was altered"
        return Checked("", (Objection(view.peer, sentence, readable.pointer, reaction.rule),))
    if not following:
        sentence = f"no message of the peer follows {message.label}, so nothing shows under which keys it would be"
        return Checked("", (Objection("", sentence, message.pointer, severity=Severity.INCONCLUSIVE),))
    return Checked(f"{following[0].label} does not open with the keys of our side")

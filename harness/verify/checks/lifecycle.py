"""Liveness and deletion (RFC 7296 sections 1.4, 1.4.1 and 2.4)."""

from __future__ import annotations

from harness.registry.messages import ExchangeType, Protocol
from harness.verify.result import Arguments, Checked, Objection, missing
from harness.verify.view import View, of
from harness.wire.payloads import Delete


def liveness_answered(view: View, _arguments: Arguments) -> Checked:
    """An INFORMATIONAL request without payloads is answered (B30)."""
    requests = view.find(ExchangeType.INFORMATIONAL, response=False)
    engine_is_initiator = view.party(initiator=True) == "engine"
    empty = [m for m in requests if m.opened is not None and not m.payloads and m.from_initiator == engine_is_initiator]
    if not empty:
        return Checked("", (Objection("engine", "no empty INFORMATIONAL request was sent", "wire.pcapng"),))
    request = empty[0]
    responses = view.find(ExchangeType.INFORMATIONAL, response=True, initiator=not engine_is_initiator)
    answers = [m for m in responses if m.message_id == request.message_id]
    if not any(m.opened is not None for m in answers):
        return Checked("", (Objection(view.peer, f"{request.label} gets no response that decrypts", request.pointer),))
    return Checked(f"{request.label} was answered")


def deleted_on_both_sides(view: View, _arguments: Arguments) -> Checked:
    """A Delete of the IKE SA is answered by an INFORMATIONAL response, and nothing is left at the peer (B29)."""
    requests = view.find(ExchangeType.INFORMATIONAL, response=False)
    deletes = [m for m in requests if any(d.protocol == Protocol.IKE for d in of(m, Delete))]
    if not deletes:
        party = view.party(initiator=True)
        return Checked("", (Objection(party, "no Delete of the IKE SA is on the wire", "wire.pcapng"),))
    request = deletes[0]
    objections = []
    responses = view.find(ExchangeType.INFORMATIONAL, response=True, initiator=not request.from_initiator)
    answers = [m for m in responses if m.message_id == request.message_id and m.opened is not None]
    answerer = view.party(initiator=not request.from_initiator)
    if not answers:
        objections.append(Objection(answerer, f"{request.label} gets no response that decrypts", request.pointer))
    elif answers[0].payloads:
        sentence = f"{answers[0].label} to the deletion of the IKE SA is not empty"
        objections.append(Objection(answerer, sentence, answers[0].pointer))
    after = view.evidence.peer_report_after
    if after is None:
        return Checked(
            "", (*objections, *missing("what the peer's status says after the case", "peer/sas-after.json").objections)
        )
    if after.sas:
        sentence = f"the peer still reports an IKE SA in state {after.sas[0].state}"
        objections.append(Objection(view.peer, sentence, "peer/sas-after.json"))
    return Checked(f"{request.label} was answered; the peer reports no SA any more", tuple(objections))

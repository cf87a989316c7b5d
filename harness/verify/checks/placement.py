"""In which exchange a payload has its place, and what an answer may hold only if it was asked for (RFC 7296)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from harness.registry.identities import ConfigurationType
from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.verify.check import Arguments, Checked, Due, Objection, wire_check
from harness.verify.view import CaseView
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import Authentication, Configuration, Notify, SecurityAssociation

_SA, _KE, _NONCE = PayloadType.SA, PayloadType.KE, PayloadType.NONCE
_SELECTORS = (PayloadType.TSi, PayloadType.TSr)
_IN_AUTH = frozenset(
    (_SA, PayloadType.IDi, PayloadType.IDr, PayloadType.AUTH, *_SELECTORS, PayloadType.CP, PayloadType.EAP)
)
_BOUND = _IN_AUTH | {_KE, _NONCE, PayloadType.DELETE}
"""The payloads whose exchanges RFC 7296 tells. All others, Notify and CERTREQ among them, may stand anywhere."""

_PLACES: Mapping[ExchangeType, frozenset[PayloadType]] = MappingProxyType(
    {
        ExchangeType.IKE_SA_INIT: frozenset((_SA, _KE, _NONCE)),
        # "IKE_AUTH messages do not contain KEi/KEr or Ni/Nr payloads" (RFC 7296 section 1.2).
        ExchangeType.IKE_AUTH: _IN_AUTH,
        ExchangeType.CREATE_CHILD_SA: frozenset((_SA, _KE, _NONCE, *_SELECTORS, PayloadType.CP)),
        # "zero or more Notification, Delete, and Configuration payloads" (section 1.4).
        ExchangeType.INFORMATIONAL: frozenset((PayloadType.DELETE, PayloadType.CP)),
    }
)
"""What IKE_INTERMEDIATE has "will be defined by specifications utilizing this exchange" (RFC 9242 section 3.2)."""


def is_out_of_place(kind: int, exchange: ExchangeType) -> bool:
    """Whether a payload of this type has its place in other exchanges alone."""
    return exchange in _PLACES and kind in _BOUND - _PLACES[exchange]


_Place = tuple[ExchangeType, int, bool]
_MANY = 50  # requests to which one answer could belong: a flood


@wire_check("payloads-in-their-place", due=Due.ALWAYS, requirement="B54")
def payloads_in_their_place(view: CaseView, _arguments: Arguments) -> Checked:
    """No payload stands in an exchange that has no use for it, and no answer replies to what nobody asked for.

    Nonces and public values belong where keys are made, Deletes into INFORMATIONAL, AUTH into IKE_AUTH (B54). A
    CFG_REPLY follows a CFG_REQUEST (B62). IPCOMP_SUPPORTED comes with an SA payload, and in an answer as it was offered
    (B63). INITIAL_CONTACT is in IKE_AUTH (B65); any other status may be added to any message (RFC 7296 section 3.10.1).
    """
    objections = []
    readable = [message for message in view.messages if message.readable]
    asked: dict[_Place, list[SeenMessage]] = {}
    for message in (m for m in view.messages if not m.response):
        asked.setdefault(_place(message, message.from_initiator), []).append(message)
    for message in readable:
        faults = [*_out_of_place(message)]
        if message.response:
            faults += _unasked(message, asked.get(_place(message, not message.from_initiator), []))
        faults += _notifies_out_of_place(message)
        for requirement, sentence in faults:
            words = f"{message.label}: {sentence}"
            objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    return Checked(f"{len(readable)} messages with payloads of their exchanges alone", tuple(objections))


def _place(message: SeenMessage, from_initiator: bool) -> _Place:
    """Which requests an answer belongs to: with EAP it is the first of IKE_AUTH that asks for the Child SA (C.3)."""
    number = 0 if message.exchange == ExchangeType.IKE_AUTH else message.message_id
    return message.exchange, number, from_initiator


def _out_of_place(message: SeenMessage) -> Iterator[tuple[str, str]]:
    if message.exchange not in _PLACES or (message.protected and not message.sealed):
        return  # anybody may have sent what is in clear
    for payload in message.payloads:
        if is_out_of_place(payload.type, message.exchange):
            yield "B54", f"it has a payload {payload.type.name}, which has no place in {message.exchange}"
    if not message.response and any(cp.cfg_type == ConfigurationType.CFG_REPLY for cp in of(message, Configuration)):
        yield "B62", "it has a CFG_REPLY, and is a request"
    kinds = {payload.type for payload in message.payloads}
    if message.exchange == ExchangeType.IKE_AUTH and message.response and PayloadType.IDi in kinds:
        yield "B54", "it has a payload IDi, which is the request's"
    if not message.response and kinds >= {PayloadType.AUTH, PayloadType.EAP}:
        yield "B54", "it has a payload EAP, and asks for none as it has AUTH"
    if message.exchange == ExchangeType.CREATE_CHILD_SA and _is_of_ike(message) and kinds & set(_SELECTORS):
        yield "B54", "it is to rekey the IKE SA, and has traffic selectors"


def _is_of_ike(message: SeenMessage) -> bool:
    protocols = {proposal.protocol for sa in of(message, SecurityAssociation) for proposal in sa.proposals}
    return protocols == {Protocol.IKE}


def _unasked(answer: SeenMessage, asked: Sequence[SeenMessage]) -> Iterator[tuple[str, str]]:
    before = [request for request in asked if request.frame < answer.frame]
    if not before or len(before) > _MANY or not all(request.readable for request in before):
        return
    wanted = {each.cfg_type for request in before for each in of(request, Configuration)}
    replies = [each for each in of(answer, Configuration) if each.cfg_type == ConfigurationType.CFG_REPLY]
    if replies and ConfigurationType.CFG_REQUEST not in wanted:
        yield "B62", "it has a CFG_REPLY, and its request no CFG_REQUEST"
    offered = {notify.data[2:3] for request in before for notify in _compressions(request)}
    accepted = [notify.data[2:3] for notify in _compressions(answer)]
    if not offered.issuperset(accepted):
        yield "B63", "it has IPCOMP_SUPPORTED with a transform that its request does not offer"
    if len(accepted) > 1:
        yield "B63", f"it accepts {len(accepted)} compression transforms"
    if of(before[-1], Authentication) and any(payload.type == PayloadType.EAP for payload in answer.payloads):
        yield "B54", "it has a payload EAP, and its request AUTH"


def _compressions(message: SeenMessage) -> list[Notify]:
    """Each is a CPI of two octets, and a transform (RFC 7296 section 2.22)."""
    return [notify for notify in of(message, Notify) if notify.notify_type == NotifyType.IPCOMP_SUPPORTED]


def _notifies_out_of_place(message: SeenMessage) -> Iterator[tuple[str, str]]:
    if message.protected and not message.sealed:
        return
    kinds = {notify.notify_type for notify in of(message, Notify)}
    elsewhere = message.exchange.is_known and message.exchange != ExchangeType.IKE_AUTH
    if NotifyType.INITIAL_CONTACT in kinds and elsewhere:
        yield "B65", f"it has {NotifyType.INITIAL_CONTACT}, which has no place in {message.exchange}"
    if NotifyType.IPCOMP_SUPPORTED in kinds and (_is_of_ike(message) or not of(message, SecurityAssociation)):
        yield "B63", f"it has {NotifyType.IPCOMP_SUPPORTED} and no SA payload of a Child SA"

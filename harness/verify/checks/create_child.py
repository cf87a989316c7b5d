"""CREATE_CHILD_SA as its sender made it, and the exchanges that follow it (RFC 7296 section 1.3, RFC 9370 2.2.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check
from harness.verify.checks.deletion import child_spis
from harness.verify.checks.selectors import selectors_of, within
from harness.verify.view import View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import (
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)

Fault = tuple[str, str]
"""A requirement, and how it is broken."""

_Selectors = type[TrafficSelectorsInitiator | TrafficSelectorsResponder]
_NO_METHOD = KeyExchangeMethod.NONE


@engine_check("create-child-sa-in-its-form", due=Due.ALWAYS, requirement="B54")
def create_child_sa_in_its_form(view: View, _arguments: Arguments) -> Checked:
    """What begins a new SA has an SA and a Nonce payload, and KE where it offers a method (B02, B24, B54).

    REKEY_SA names a Child SA of its sender, and its selectors are no narrower than they were (B25).
    """
    objections, count = [], 0
    for message in (m for m in view.find(ExchangeType.CREATE_CHILD_SA) if m.opened and not _refuses(m)):
        count += 1
        faults = [*_missing(message), *_key_exchange(message)]
        if not message.response:
            faults += _rekeyed(view, message)
        faults += _spi_again(message)
        for requirement, sentence in faults:
            words = f"{message.label}: {sentence}"
            objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    return Checked(f"{count} CREATE_CHILD_SA messages in their form", tuple(objections))


def _refuses(message: SeenMessage) -> bool:
    return message.response and any(notify.notify_type.is_error for notify in of(message, Notify))


def _missing(message: SeenMessage) -> Iterator[Fault]:
    for kind, name in ((SecurityAssociation, "SA"), (Nonce, "Nonce")):
        if not of(message, kind):
            yield "B54", f"it has no {name} payload"


def _key_exchange(message: SeenMessage) -> Iterator[Fault]:
    """The KE payload is of a method in the SA payload; without one of either there is none of the other."""
    proposals = [proposal for sa in of(message, SecurityAssociation) for proposal in sa.proposals]
    methods = [{t.identifier for t in each.transforms if t.type == TransformType.KE} for each in proposals]
    carried = [ke.method for ke in of(message, KeyExchange)]
    offered = set[int]().union(*methods) - {_NO_METHOD}
    if any(proposal.protocol == Protocol.IKE for proposal in proposals) and not carried:
        yield "B24", "it is to rekey the IKE SA, and has no KE payload"
    elif not carried and proposals and all(each and _NO_METHOD not in each for each in methods):
        yield "B54", "each of its proposals has a key exchange method, and there is no KE payload"
    if len(carried) > 1:
        yield "B54", f"it has {len(carried)} KE payloads"
    if proposals and not set(carried) <= offered:
        yield "B02", f"its KE payload is of {carried[0]}, which its SA payload does not have"


def _rekeyed(view: View, request: SeenMessage) -> Iterator[Fault]:
    named = [notify for notify in of(request, Notify) if notify.notify_type == NotifyType.REKEY_SA]
    protocols = {proposal.protocol for sa in of(request, SecurityAssociation) for proposal in sa.proposals}
    if len(named) > 1:
        yield "B25", f"it has {len(named)} REKEY_SA, and makes one Child SA"
    if named and protocols == {Protocol.IKE}:
        yield "B25", "it has REKEY_SA, and offers no Child SA"
    for notify in of(request, Notify):
        if notify.notify_type != NotifyType.REKEY_SA:
            continue
        told = {
            each
            for message in view.messages
            if message.from_initiator == request.from_initiator and message.frame < request.frame
            for each in child_spis(message)
        }
        if (notify.protocol, notify.spi) not in told:
            spi = notify.spi.hex() or "none"
            yield "B25", f"REKEY_SA names the SPI {spi}, on which its sender receives nothing"
        else:
            yield from _narrower(view, request)


def _spi_again(message: SeenMessage) -> Iterator[Fault]:
    """A rekeyed IKE SA has new SPIs (sections 1.3.2, 2.18): another one than its side has had so far."""
    octets = message.pieces[0].octets
    spis = {octets[:8], octets[8:16]}
    for proposal in (each for sa in of(message, SecurityAssociation) for each in sa.proposals):
        if proposal.protocol == Protocol.IKE and proposal.spi in spis:
            yield "B24", f"the SPI {proposal.spi.hex()} of the new IKE SA is one of the old"


def _narrower(view: View, request: SeenMessage) -> Iterable[Fault]:
    """Selectors that hold less than those of the Child SA before."""
    answers = view.find(ExchangeType.IKE_AUTH, response=True)
    kinds: tuple[_Selectors, _Selectors] = (TrafficSelectorsInitiator, TrafficSelectorsResponder)
    for kind, was in zip(kinds, kinds if request.from_initiator else kinds[::-1], strict=True):
        before = [each for message in answers for each in selectors_of(message, was)]
        now = selectors_of(request, kind)
        if now and not all(within(each, now) for each in before):
            yield "B25", f"its {kind.__name__.removeprefix('TrafficSelectors')} selectors are narrower than before"


@engine_check("follow-up-exchanges-are-due", due=Due.ALWAYS, requirement="A08")
def follow_up_exchanges_are_due(view: View, _arguments: Arguments) -> Checked:
    """An IKE_FOLLOWUP_KE request is asked for by the response before it, and sends its link back (A08)."""
    objections, count = [], 0
    for message in (m for m in view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False) if m.opened):
        count += 1
        links = [notify.data for notify in _links(message)]
        if not links or links[0] not in _asked_for(view, message):
            sentence = f"{message.label} answers to no ADDITIONAL_KEY_EXCHANGE of the other side"
            objections.append(Objection(view.sender(message), sentence, message.pointer))
    return Checked(f"{count} IKE_FOLLOWUP_KE requests, each of them due", tuple(objections))


def _links(message: SeenMessage) -> list[Notify]:
    return [notify for notify in of(message, Notify) if notify.notify_type == NotifyType.ADDITIONAL_KEY_EXCHANGE]


def _asked_for(view: View, request: SeenMessage) -> list[bytes]:
    exchanges = (ExchangeType.CREATE_CHILD_SA, ExchangeType.IKE_FOLLOWUP_KE)
    before = [m for m in view.messages if m.response and m.exchange in exchanges and m.frame < request.frame]
    return [n.data for m in before if m.from_initiator != request.from_initiator for n in _links(m)]

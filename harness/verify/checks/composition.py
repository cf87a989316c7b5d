"""Which payloads a message has, and how its offer is numbered (RFC 7296 sections 1.2, 3.3 and appendix C)."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, Encryption, Integrity, PseudorandomFunction, TransformType
from harness.verify.check import Arguments, Checked, Due, Objection, wire_check
from harness.verify.checks.negotiation import SPI_OCTETS
from harness.verify.view import CaseView
from harness.verify.wire import SeenMessage, of
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.security_association import Proposal

_ONCE: tuple[type[Payload], ...] = (
    SecurityAssociation, Nonce, IdentificationInitiator, IdentificationResponder, Authentication,
    TrafficSelectorsInitiator, TrafficSelectorsResponder,
)  # fmt: skip
"""What a message has once at most; KE in IKE_SA_INIT, too."""

_IKE_SPI_OCTETS = 8  # of a rekeyed IKE SA (section 3.3.1)
_DEMANDS = (NotifyType.COOKIE,)


@wire_check("payloads-as-due", due=Due.ALWAYS, requirement="B54")
def payloads_as_due(view: CaseView, _arguments: Arguments) -> Checked:
    """No message has two SA, Nonce, ID, AUTH or TS payloads, nor IKE_SA_INIT two KE payloads (B54).

    Those that begin an SA have what it takes.

    IKE_SA_INIT that refuses, or asks for a cookie, has neither SA nor Nonce. IKE_AUTH may leave the Child SA out only
    where the responder has announced that it takes that (RFC 6023 section 3).
    """
    objections = []
    readable = [message for message in view.messages if message.readable]
    for message in readable:
        for sentence in (*_doubled(message), *_missing(view, message)):
            words = f"{message.label}: {sentence}"
            objections.append(Objection(view.sender(message), words, message.pointer))
    return Checked(f"{len(readable)} messages with the payloads that are due", tuple(objections))


def _doubled(message: SeenMessage) -> Iterable[str]:
    clear: tuple[type[Payload], ...] = (KeyExchange,) if message.exchange == ExchangeType.IKE_SA_INIT else ()
    for kind in (*_ONCE, *clear):
        found = of(message, kind)
        if len(found) > 1:
            yield f"it has {len(found)} {found[0].type.name} payloads"


def _missing(view: CaseView, message: SeenMessage) -> Iterable[str]:
    kinds = {notify.notify_type for notify in of(message, Notify)}
    if message.response and any(kind.is_error or kind in _DEMANDS for kind in kinds):
        return
    if message.exchange == ExchangeType.IKE_SA_INIT:
        lacking = [name for kind, name in _OF_INIT if not of(message, kind)]
        # Without an SA payload no method is offered.
        yield from (f"it has no {name} payload" for name in lacking if name != "KE" or "SA" not in lacking)
    without = message.exchange == ExchangeType.IKE_AUTH and not of(message, SecurityAssociation)
    if without and not (message.response and not _asked_for_a_child(view, message)):
        childless = any(
            notify.notify_type == NotifyType.CHILDLESS_IKEV2_SUPPORTED
            for each in view.find(ExchangeType.IKE_SA_INIT, response=True)
            for notify in of(each, Notify)
        )
        if not childless:
            yield "it has no SA payload"


def _asked_for_a_child(view: CaseView, answer: SeenMessage) -> bool:
    """Whether a request holds all that a Child SA takes, so that its answer has to, too."""
    kinds = (SecurityAssociation, TrafficSelectorsInitiator, TrafficSelectorsResponder)
    requests = view.find(ExchangeType.IKE_AUTH, response=False, initiator=not answer.from_initiator)
    return any(all(of(request, kind) for kind in kinds) for request in requests)


_OF_INIT: tuple[tuple[type[Payload], str], ...] = (
    (SecurityAssociation, "SA"), (KeyExchange, "KE"), (Nonce, "Nonce"),
)  # fmt: skip


def _has_a_method(proposal: Proposal) -> bool:
    return any(transform.type.is_key_exchange and transform.identifier for transform in proposal.transforms)


_AES = frozenset(int(each) for each in Encryption if each.name.startswith("ENCR_AES_"))
_ONE_KEY = frozenset((int(Encryption.ENCR_3DES), int(Encryption.ENCR_CHACHA20_POLY1305)))
_ONE_KEY_OF = MappingProxyType({TransformType.PRF: PseudorandomFunction, TransformType.INTEG: Integrity})
"""The transform types of which all that are known have keys of one length."""


def _unfit(proposal: Proposal) -> Iterable[str]:
    """What does not go together in a proposal: integrity beside a combined-mode cipher, and Key Length (3.3, 3.3.5)."""
    ciphers = [each for each in proposal.transforms if each.type == TransformType.ENCR]
    integrity = [each for each in proposal.transforms if each.type == TransformType.INTEG and each.identifier]
    combined = [each for each in ciphers if Encryption(each.identifier).is_aead]
    if combined and integrity:
        yield f"an integrity algorithm beside {Encryption(combined[0].identifier).name}, which has its own"
    for each in proposal.transforms:
        long = any(attribute.type == AttributeType.KEY_LENGTH for attribute in each.attributes)
        if each in ciphers and each.identifier in _AES and each.key_length is None:
            yield f"{Encryption(each.identifier).name} without a Key Length of two octets"
        registry = _ONE_KEY_OF.get(each.type)  # a later one may have keys of several lengths (section 3.3.5)
        known = registry is not None and registry(each.identifier).is_known
        fixed = known or (each in ciphers and each.identifier in _ONE_KEY)
        if fixed and long:
            yield f"a Key Length beside type {int(each.type)} number {each.identifier}, whose keys have one length"


_MANDATORY = MappingProxyType({
    Protocol.IKE: (TransformType.ENCR, TransformType.PRF, TransformType.KE),
    Protocol.AH: (TransformType.INTEG, TransformType.SN),
    Protocol.ESP: (TransformType.ENCR, TransformType.SN),
})  # fmt: skip
"""The transform types that each proposal has (section 3.3.3). Whether an IKE SA needs INTEG its cipher says."""


def _lacking(proposal: Proposal) -> Iterable[str]:
    """The mandatory transform types that a proposal does not have."""
    there = {each.type for each in proposal.transforms}
    yield from (f"no {kind.name} transform" for kind in _MANDATORY.get(proposal.protocol, ()) if kind not in there)


_CLEAR = frozenset((int(Encryption.ENCR_NULL), int(Encryption.ENCR_NULL_AUTH_AES_GMAC)))
"""Ciphers that leave what they protect in clear."""


def _unprotected(proposal: Proposal) -> Iterable[str]:
    """What no IKE SA is to be negotiated with: ENCR_NULL, and NONE as the integrity algorithm (section 5)."""
    if proposal.protocol != Protocol.IKE:
        return
    ciphers = [Encryption(each.identifier) for each in proposal.transforms if each.type == TransformType.ENCR]
    integrity = [each.identifier for each in proposal.transforms if each.type == TransformType.INTEG]
    yield from (f"{cipher.name}, which does not encrypt" for cipher in ciphers if cipher in _CLEAR)
    bare = [cipher for cipher in ciphers if cipher.is_known and not cipher.is_aead and cipher not in _CLEAR]
    if bare and (not integrity or Integrity.NONE in integrity):
        yield f"{bare[0].name} without an integrity algorithm"


@wire_check("offers-in-their-form", due=Due.ALWAYS, requirement="B07")
def offers_in_their_form(view: CaseView, _arguments: Arguments) -> Checked:
    """The proposals of an offer are numbered 1, 2, 3, ..., and each has an SPI of its protocol's size (B07, B49).

    Those of IKE_AUTH have no key exchange method (B58). Each has the types that its protocol takes (B66). What is in
    one of them goes together (B64), and protects an IKE SA (B41).
    """
    objections, count = [], 0
    exchanges = (ExchangeType.IKE_SA_INIT, ExchangeType.IKE_AUTH, ExchangeType.CREATE_CHILD_SA)
    offers = (m for m in view.messages if not m.response and m.readable and m.exchange in exchanges)
    for message in offers:
        for offer in of(message, SecurityAssociation):
            count += len(offer.proposals)
            faults = []
            numbers = [proposal.number for proposal in offer.proposals]
            if numbers != list(range(1, len(numbers) + 1)):
                faults.append(("B07", f"its proposals are numbered {numbers}"))
            for proposal in offer.proposals:
                due = SPI_OCTETS.get(proposal.protocol)
                if message.exchange == ExchangeType.CREATE_CHILD_SA and proposal.protocol == Protocol.IKE:
                    due = _IKE_SPI_OCTETS
                    if not any(proposal.spi):
                        faults.append(("B39", f"the SPI of proposal {proposal.number} is zero"))
                if message.exchange == ExchangeType.IKE_AUTH and _has_a_method(proposal):
                    faults.append(("B58", f"proposal {proposal.number} has a key exchange method"))
                for rule, judge in (("B41", _unprotected), ("B64", _unfit), ("B66", _lacking)):
                    faults += ((rule, f"proposal {proposal.number} has {words}") for words in judge(proposal))
                if due is not None and len(proposal.spi) != due:
                    words = f"proposal {proposal.number} has an SPI of {len(proposal.spi)} octets, {due} are due"
                    faults.append(("B49", words))
            for requirement, sentence in faults:
                words = f"{message.label}: {sentence}"
                objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    return Checked(f"{count} proposals, numbered from 1, with SPIs of their size", tuple(objections))

"""Notifications in their form, and what may only be done once both sides have announced it."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.results.model import Pointer
from harness.verify.check import Arguments, Checked, Due, Objection, wire_check
from harness.verify.checks.fragmentation import both_announced
from harness.verify.pair_view import PairView
from harness.verify.view import CaseView
from harness.verify.wire import SeenMessage, announces_intermediate, has_additional, names_additional, of
from harness.wire.payloads import Notify, SecurityAssociation

_NAT = (NotifyType.NAT_DETECTION_SOURCE_IP, NotifyType.NAT_DETECTION_DESTINATION_IP)
_NAT_OCTETS = 20  # of a SHA-1 digest
_SPI_OCTETS = 4  # of AH and ESP
_ABOUT_A_CHILD = (Protocol.AH, Protocol.ESP)
_WITH_AN_SPI = (NotifyType.INVALID_SELECTORS, NotifyType.REKEY_SA, NotifyType.CHILD_SA_NOT_FOUND)
"""Of all that are known "the SPI is included only with" these (RFC 7296 section 3.10); no other document has more."""

_TOLD_BY_ITS_OWN = (
    NotifyType.IKEV2_FRAGMENTATION_SUPPORTED,
    NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED,
    NotifyType.CHILDLESS_IKEV2_SUPPORTED,
)
"""Their own documents say that they have none."""

_WINDOW_OCTETS, _HASH_OCTETS = 4, 2
_OWN_RULE = (NotifyType.QUICK_CRASH_DETECTION, NotifyType.CHILDLESS_IKEV2_SUPPORTED)
"""Of these the Protocol ID "MUST be 1" although there is no SPI (RFC 6290 section 4.1, RFC 6023 section 4)."""


@wire_check("notifies-in-their-form", due=Due.ALWAYS, requirement="B48")
def notifies_in_their_form(view: CaseView, _arguments: Arguments) -> Checked:
    """A notify without an SPI has a Protocol ID of zero, and its data is what its type asks for.

    Only one about a Child SA has an SPI (B20, B36, B48, C03, F01, I01, P01, P09, P15, S09).

    Data of INTERMEDIATE_EXCHANGE_SUPPORTED is to be ignored, and so is no fault (RFC 9242 section 3.1). Where there is
    NAT_DETECTION, both kinds are, with 20 octets each. That they do not fit the addresses means that there is a NAT.
    """
    objections, count = [], 0
    for message in view.messages:
        notifies = of(message, Notify)
        count += len(notifies)
        faults = [fault for notify in notifies for fault in _form(notify)]
        if message.exchange == ExchangeType.IKE_SA_INIT:
            kinds = {notify.notify_type for notify in notifies}
            faults += [*_nat_detection(kinds), *_ppks(message, kinds)]
        for requirement, sentence in faults:
            words = f"{message.label}: {sentence}"
            objections.append(Objection(view.sender(message), words, message.pointer, requirement))
    return Checked(f"{count} notify payloads in their form", tuple(objections))


def _form(notify: Notify) -> Iterable[tuple[str, str]]:
    kind, protocol = notify.notify_type, notify.protocol
    if not kind.is_known:  # its own document may ask for anything
        return
    if not notify.spi and protocol != Protocol.NONE and kind not in _OWN_RULE:
        yield "B48", f"{kind} has Protocol ID {int(protocol)} and no SPI"
    if notify.spi and protocol not in _ABOUT_A_CHILD:
        yield "B48", f"{kind} has an SPI, and Protocol ID {int(protocol)}"
    elif notify.spi and len(notify.spi) != _SPI_OCTETS:
        yield "B48", f"{kind} has an SPI of {len(notify.spi)} octets for {protocol.name}"
    elif notify.spi and kind not in (*_WITH_AN_SPI, *_TOLD_BY_ITS_OWN):
        yield "B48", f"{kind} has an SPI, and is about no Child SA"
    if kind == NotifyType.CHILDLESS_IKEV2_SUPPORTED and (notify.spi or protocol not in (Protocol.NONE, Protocol.IKE)):
        yield "C03", f"{kind} has Protocol ID {int(protocol)} and {len(notify.spi)} octets of SPI; 1 and none are due"
    if kind == NotifyType.QUICK_CRASH_DETECTION and protocol != Protocol.IKE:
        yield "B48", f"{kind} has Protocol ID {int(protocol)}; 1 is due (RFC 6290 section 4.1)"
    if kind == NotifyType.IKEV2_FRAGMENTATION_SUPPORTED and (notify.spi or notify.data):
        yield "F01", f"{kind} has an SPI or data, and is to have none"
    if kind == NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED and (notify.spi or protocol != Protocol.NONE):
        yield "I01", f"{kind} has an SPI or a protocol, and is to have none"
    yield from _data(kind, len(notify.data))


def _data(kind: NotifyType, octets: int) -> Iterable[tuple[str, str]]:
    if kind == NotifyType.USE_PPK and octets:
        yield "P01", f"{kind} has {octets} octets of data, and is to have none"
    if kind == NotifyType.SET_WINDOW_SIZE and octets != _WINDOW_OCTETS:
        yield "B20", f"{kind} has {octets} octets of data, {_WINDOW_OCTETS} are due"
    if kind == NotifyType.SIGNATURE_HASH_ALGORITHMS and octets % _HASH_OCTETS:
        yield "S09", f"{kind} has {octets} octets of data, which are no identifiers of {_HASH_OCTETS}"
    if kind in _NAT and octets != _NAT_OCTETS:
        yield "B36", f"{kind} has {octets} octets of data, {_NAT_OCTETS} are due"


def _ppks(message: SeenMessage, kinds: set[NotifyType]) -> Iterable[tuple[str, str]]:
    """What RFC 9867 section 3.1 has of the two announcements of a PPK."""
    if NotifyType.USE_PPK_INT in kinds and not announces_intermediate(message):
        yield "P15", f"{NotifyType.USE_PPK_INT} is there and {NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED} is not"
    if message.response and {NotifyType.USE_PPK, NotifyType.USE_PPK_INT} <= kinds:
        yield "P09", f"{NotifyType.USE_PPK} and {NotifyType.USE_PPK_INT} are both returned"


def _nat_detection(kinds: set[NotifyType]) -> Iterable[tuple[str, str]]:
    if len(kinds & set(_NAT)) == 1:
        there, missing = sorted(_NAT, key=lambda kind: kind not in kinds)
        yield "B36", f"{there} is there and {missing} is not"


@wire_check("used-only-when-announced", due=Due.ALWAYS, requirement="A02")
def used_only_when_announced(view: CaseView, _arguments: Arguments) -> Checked:
    """Fragments and IKE_INTERMEDIATE only after both sides announced them in IKE_SA_INIT (A02, A16, F01, I01).

    Who offers an additional key exchange, or agrees on one, has to announce IKE_INTERMEDIATE, and a responder skips the
    proposals of one who did not. Otherwise the side is at fault that uses what the other side did not announce.
    """
    objections: list[Objection] = []
    intermediate = view.find(ExchangeType.IKE_INTERMEDIATE)
    objections += _silent(view)
    objections += _not_skipped(view)
    if intermediate and not objections:
        objections += _unannounced(view, intermediate[0], NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED, "I01")
    fragmented = next((message for message in view.messages if message.fragmented), None)
    if fragmented is not None:
        objections += _unannounced(view, fragmented, NotifyType.IKEV2_FRAGMENTATION_SUPPORTED, "F01")
    used = [name for name, seen in (("IKE_INTERMEDIATE", intermediate), ("fragments", fragmented)) if seen]
    return Checked(f"announced by both before use: {', '.join(used) or 'nothing was used'}", tuple(objections))


def _silent(view: CaseView) -> Iterable[Objection]:
    """Who offers, or agrees on, an additional key exchange without a word of IKE_INTERMEDIATE.

    An initiator has to announce it with any such transform type, a responder with one that it does not decline.
    """
    kind = NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED
    for message in view.find(ExchangeType.IKE_SA_INIT):
        additional = has_additional(message) if message.response else names_additional(message)
        if additional and not announces_intermediate(message):
            verb = "agrees on" if message.response else "offers"
            sentence = f"{message.label} {verb} an additional key exchange and does not announce {kind}"
            yield Objection(view.sender(message), sentence, message.pointer, "A02")


def _not_skipped(view: CaseView) -> Iterable[Objection]:
    """A responder that accepts a proposal with additional key exchanges from one who does not announce the exchange."""
    request, response = view.final_init
    if request is None or response is None or announces_intermediate(request):
        return
    offered = {p.number: p for sa in of(request, SecurityAssociation) for p in sa.proposals}
    for accepted in (proposal for sa in of(response, SecurityAssociation) for proposal in sa.proposals):
        transforms = offered[accepted.number].transforms if accepted.number in offered else ()
        if any(transform.type.is_additional_key_exchange for transform in transforms):
            sentence = (
                f"{response.label} accepts proposal {accepted.number}, which offers an additional key exchange and is "
                f"to be skipped: {request.label} does not announce IKE_INTERMEDIATE"
            )
            yield Objection(view.sender(response), sentence, response.pointer, "A16")


def _unannounced(view: CaseView, user: SeenMessage, kind: NotifyType, requirement: str) -> Iterable[Objection]:
    missing = both_announced(view, kind)
    if missing and not (isinstance(view, PairView) and view.unreadable & set(missing)):
        sentence = f"{user.label} uses what {' and '.join(missing)} did not announce: {kind}"
        yield Objection(view.sender(user), sentence, user.pointer, requirement)


@wire_check("answers-go-back", due=Due.ALWAYS, requirement="B38")
def answers_go_back(view: CaseView, _arguments: Arguments) -> Checked:
    """A response leaves from where a copy of its request came to, and goes to where that came from (B38)."""
    asked: dict[Hashable, list[CapturedDatagram]] = {}
    for message in (m for m in view.messages if not m.response):
        key = (message.exchange, message.message_id, message.from_initiator)
        asked.setdefault(key, []).extend(piece.datagram for piece in message.pieces)
    objections, count = [], 0
    for message in (m for m in view.messages if m.response):
        requests = asked.get((message.exchange, message.message_id, not message.from_initiator), [])
        ways = {(each.destination, each.source) for each in requests if each.frame < message.frame}
        later = ways | {(each.destination, each.source) for each in requests}
        for number, piece in enumerate(message.pieces):
            count += 1
            datagram = piece.datagram
            if ways and (datagram.source, datagram.destination) not in (later if number else ways):
                there, back = (
                    f"{a[1]} to {b[1]}" for a, b in ((datagram.source, datagram.destination), min(ways)[::-1])
                )
                sentence = f"{message.label} goes from port {there}, its request went from port {back}"
                pointer = Pointer.to_frame(datagram.frame)
                objections.append(Objection(view.sender(message), sentence, pointer))
                break
    return Checked(f"{count} responses go back to where their requests came from", tuple(objections))

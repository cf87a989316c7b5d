"""The form of the messages and their order (RFC 7296 sections 2.1, 2.2, 2.5, 3.1 and 3.2)."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.results.model import Pointer
from harness.verify.check import Arguments, Checked, Due, Objection, engine_check, wire_check
from harness.verify.checks.key_agreement import late_error
from harness.verify.view import CaseView, View
from harness.verify.wire import Piece, SeenMessage, is_unmarked, of, why_malformed
from harness.wire.message import INITIATOR, RESPONSE, VERSION_2_0
from harness.wire.payload import CRITICAL, Payload
from harness.wire.payloads import (
    Authentication,
    Configuration,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)


@wire_check("canonical-wire-format", due=Due.ALWAYS, requirement="B15")
def canonical_wire_format(view: CaseView, _arguments: Arguments) -> Checked:
    """What every sender must write, whether its receiver objects or not (B14, B15, B16, B37, B39, B53).

    Version 2.0, the flags and SPIs of its role, zero in every reserved bit and octet, no critical bit on known
    payloads, nor in a response; and nothing on the ports of IKE that is no message of this IKE SA.
    """
    objections, responder_spi = [*_foreign(view)], view.responder_spi
    for message in view.messages:
        if message.opened is not None and message.opened.malformed:
            sentence = f"{message.label} is authentic, and its payloads do not fill what is encrypted"
            words = f"{sentence}: {message.opened.malformed}"
            objections.append(Objection(view.sender(message), words, message.pointer, "B53"))
        repeats = not (isinstance(view, View) or message.from_initiator)  # the SPI that the other side chose
        of_the_sa = () if late_error(message) else (*_spis(message, responder_spi, repeats=repeats), *_roles(message))
        for requirement, sentence in (*_form(message, view.sender(message)), *of_the_sa):
            pointer = message.pointer
            objections.append(Objection(view.sender(message), f"{message.label}: {sentence}", pointer, requirement))
    return Checked(f"{len(view.messages)} messages: version 2.0, reserved bits zero", tuple(objections))


def _form(message: SeenMessage, sender: str) -> Iterable[tuple[str, str]]:
    for piece in message.pieces:
        header = piece.message.header
        if header.version != VERSION_2_0:
            yield "B16", f"version {header.version >> 4}.{header.version & 15}"
        if header.flags & ~(INITIATOR | RESPONSE):
            yield "B15", f"flags {header.flags:#04x} have reserved bits"
    outer = [payload for piece in message.pieces for payload in piece.message.payloads]
    for payload in (*outer, *(message.opened.inner if message.opened else ())):
        asks = sender != "engine" and _may_be_critical(message, payload)  # our engine knows no such type
        if flags := payload.flags & ~(CRITICAL if asks else 0):
            yield ("B14" if flags & CRITICAL else "B15"), f"{payload.type} has flags {payload.flags:#04x}"
        if has_reserved_bits(payload):
            yield "B15", f"{payload.type} has reserved bits that are not zero"


def _may_be_critical(message: SeenMessage, payload: Payload) -> bool:
    """Whether its sender may want it refused where nobody knows it: in a request, of a later document (section 3.2)."""
    return not message.response and not payload.type.is_known


def _foreign(view: CaseView) -> Iterable[Objection]:
    """Datagrams on the ports of IKE that belong to no message of this IKE SA."""
    for datagram, words in ((each, why_malformed(each)) for each in view.malformed):
        if not words:
            continue
        sentence = f"frame {datagram.frame} holds no IKE message that can be parsed: {words}"
        rule = "B37" if is_unmarked(datagram) else "B53"
        yield Objection(view.source(datagram), sentence, Pointer.to_frame(datagram.frame), rule)
    for piece in view.strangers:
        if _begins_anew(view, piece) or _names_no_sa(piece):
            continue
        header, frame = piece.message.header, piece.datagram.frame
        kind = "response" if header.is_response else "request"
        spi = header.initiator_spi.hex()
        sentence = (
            f"frame {frame} is an {header.exchange_type} {kind} with the initiator's SPI {spi}, of another IKE SA"
        )
        yield Objection(view.source(piece.datagram), sentence, Pointer.to_frame(frame), "B39")


def _begins_anew(view: CaseView, piece: Piece) -> bool:
    """Whether a party begins another IKE SA, as it may at any time: it may have given up, or forgotten, the first one.

    "An IKE endpoint is allowed to forget all of its state associated with an IKE SA" (RFC 7296 section 2.4). Only our
    own engine has one for each case.
    """
    header = piece.message.header
    begins = header.exchange_type == ExchangeType.IKE_SA_INIT and not header.is_response
    return begins and view.source(piece.datagram) != "engine"


def _names_no_sa(piece: Piece) -> bool:
    """INVALID_SPI outside of any IKE SA: a word about an ESP packet, with an SPI of its own (RFC 7296 section 1.5)."""
    payloads = piece.message.payloads
    return piece.message.header.exchange_type == ExchangeType.INFORMATIONAL and [
        payload.notify_type for payload in payloads if isinstance(payload, Notify)
    ] == [NotifyType.INVALID_SPI]


def _roles(message: SeenMessage) -> Iterable[tuple[str, str]]:
    """The Initiator flag says who began the IKE SA, in requests and responses alike (section 3.1)."""
    if any(piece.message.header.from_initiator != message.from_initiator for piece in message.pieces):
        role, flag = ("initiator", "not set") if message.from_initiator else ("responder", "set")
        yield "B39", f"the Initiator flag is {flag}, though the sender is the IKE SA's {role}"


def _spis(message: SeenMessage, responder_spi: bytes, *, repeats: bool) -> Iterable[tuple[str, str]]:
    """The SPIs are those of the IKE SA; the responder's is zero until the answer that agrees tells it (section 3.1)."""
    spis = {piece.message.header.responder_spi for piece in message.pieces}
    first = message.exchange == ExchangeType.IKE_SA_INIT
    if first and not message.response and spis != {bytes(8)}:
        yield "B39", "the responder's SPI is not zero in the first message"
    told = not first or (message.response and of(message, SecurityAssociation))
    chosen = message.from_initiator and not any(responder_spi)  # by the other side, and only repeated
    if told and not chosen and (spis != {responder_spi} or bytes(8) in spis):
        yield "B39", "the responder's SPI is another one's" if any(map(any, spis)) else "the responder's SPI is zero"
    if not any(message.pieces[0].octets[:8]) and not repeats:
        yield "B39", "the initiator's SPI is zero"


@engine_check("message-ids-in-sequence", due=Due.ALWAYS, requirement="B22")
def message_ids_in_sequence(view: View, _arguments: Arguments) -> Checked:
    """Each side numbers its requests 0, 1, 2, ... and every response repeats its request's number (B22, I04)."""
    objections = []
    for initiator in (True, False):
        requests = [m for m in view.requests if m.from_initiator == initiator]
        numbers = list(dict.fromkeys(m.message_id for m in requests))
        if numbers != list(range(len(numbers))):
            sentence = f"requests are numbered {numbers}"
            rule = "B39" if any(_is_turned(view, m) for m in requests) else _count_of(requests)
            objections.append(Objection(view.party(initiator=initiator), sentence, requests[0].pointer, rule))
        objections += _of_one_number(view, requests)
    for message in view.messages:
        if message.response and not _request_of(view, message):
            sentence = f"{message.label} answers no request that was seen"
            rule = "I04" if _counted_on(view, message) else "B22"
            if _is_turned(view, message):
                sentence, rule = f"{message.label} has the Response flag, and is the next request of its sender", "B39"
            objections.append(Objection(view.sender(message), sentence, message.pointer, rule))
    return Checked(f"{len(view.messages)} messages numbered without a gap", tuple(objections))


def _of_one_number(view: View, requests: list[SeenMessage]) -> Iterable[Objection]:
    """Requests of different exchanges that have the same number: the second one is no repetition of the first."""
    first: dict[int, SeenMessage] = {}
    for message in (m for m in requests if m.sealed or not m.protected):
        other = first.setdefault(message.message_id, message)
        if other.exchange != message.exchange:
            sentence = f"{message.label} has the number of the {other.label}"
            yield Objection(view.sender(message), sentence, message.pointer, "B22")


def _count_of(requests: list[SeenMessage]) -> str:
    """The rule that a gap breaks: RFC 9242 has the numbers from the first IKE_INTERMEDIATE to IKE_AUTH."""
    expected = 0
    for message in dict.fromkeys(requests):
        if message.message_id > expected:
            between = any(m.exchange == ExchangeType.IKE_INTERMEDIATE for m in requests)
            counted = message.exchange in (ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH)
            return "I04" if between and counted else "B22"
        expected = max(expected, message.message_id + 1)
    return "B22"


def _is_turned(view: View, message: SeenMessage) -> bool:
    """Whether the Response flag is the wrong way round: by its number a message is the other one of an exchange."""
    before = [m for m in view.requests if m.frame < message.frame]
    if message.response:
        own = {m.message_id for m in before if m.from_initiator == message.from_initiator}
        return message.message_id == len(own) and not _request_of(view, message)
    same = (message.exchange, message.message_id)
    asked = any((m.exchange, m.message_id) == same for m in before if m.from_initiator != message.from_initiator)
    answers = view.find(message.exchange, response=True, initiator=message.from_initiator)
    return asked and not any(m.message_id == message.message_id for m in answers)


def _counted_on(view: View, response: SeenMessage) -> bool:
    """Whether it is the number of a response up to IKE_AUTH that fits no request, with an IKE_INTERMEDIATE before."""
    numbers = {m.message_id for m in view.requests if m.from_initiator != response.from_initiator}
    if response.exchange == ExchangeType.IKE_INTERMEDIATE:
        return response.message_id not in numbers
    after = response.exchange == ExchangeType.IKE_AUTH and bool(view.intermediates(response=False))
    return after and response.message_id not in numbers


def _request_of(view: View, response: SeenMessage) -> bool:
    wanted = (response.exchange, response.message_id, not response.from_initiator)
    requests = [m for m in view.requests if m.frame < response.frame]
    return any((m.exchange, m.message_id, m.from_initiator) == wanted for m in requests)


@wire_check("retransmissions-identical", due=Due.ALWAYS, requirement="B18")
def retransmissions_identical(view: CaseView, _arguments: Arguments) -> Checked:
    """A repeated message is the same, bit for bit from the IKE header on; fragments each with themselves (B18, F14).

    IKE_SA_INIT with a cookie, or with another key exchange, is no repetition: but it takes a demand for it.
    """
    objections, repeats = [*_second_answer(view), *_other_request(view)], 0
    for message in view.messages:
        if message.exchange == ExchangeType.IKE_SA_INIT:
            continue  # different octets are different messages there
        first: dict[tuple[int, int], bytes] = {}
        for piece in message.pieces:
            fragment = piece.fragment
            key = (fragment.fragment_number, fragment.total_fragments) if fragment else (0, 0)
            repeats += key in first
            if first.setdefault(key, piece.octets) != piece.octets:
                pointer = Pointer.to_frame(piece.datagram.frame)
                objections.append(
                    Objection(view.sender(message), f"{message.label} is repeated with other octets", pointer, "B18")
                )
    return Checked(f"{repeats} repeated messages or fragments, all identical", tuple(objections))


def _second_answer(view: CaseView) -> list[Objection]:
    """A repeated IKE_SA_INIT request gets the response that it got before (B19); another one may get another.

    Who keeps no state may demand a cookie for an old one. That answer may come late: then there are as many requests.
    """
    objections: list[Objection] = []
    answered: SeenMessage | None = None
    messages = view.find(ExchangeType.IKE_SA_INIT)
    asked, told = (
        sorted(piece.datagram.frame for m in messages if m.response == response for piece in m.pieces)
        for response in (False, True)
    )
    for message in messages:
        if not message.response:
            answered = None
        elif answered is not None and (
            of(message, SecurityAssociation) or bisect(asked, message.frame) < bisect(told, message.frame)
        ):
            sentence = "IKE_SA_INIT is answered a second time, with other octets"
            objections.append(Objection(view.sender(message), sentence, message.pointer, "B19"))
        elif of(message, SecurityAssociation):
            answered = message
    return objections


_DEMANDS = (NotifyType.COOKIE, NotifyType.INVALID_KE_PAYLOAD)


def _other_request(view: CaseView) -> Iterable[Objection]:
    """IKE_SA_INIT requests of other octets than the one before, that no answer has asked for (sections 1.2, 2.6)."""
    answers = view.find(ExchangeType.IKE_SA_INIT, response=True)
    demands = [m for m in answers if any(notify.notify_type in _DEMANDS for notify in of(m, Notify))]
    for others, request in enumerate(view.find(ExchangeType.IKE_SA_INIT, response=False)):
        asked = sum(piece.datagram.frame < request.frame for demand in demands for piece in demand.pieces)
        if others > asked:
            sentence = "the IKE_SA_INIT request is repeated with other octets, and no answer asks for it"
            yield Objection(view.sender(request), sentence, request.pointer, "B18")


_THREE_RESERVED_OCTETS = (
    Authentication,
    Configuration,
    IdentificationInitiator,
    IdentificationResponder,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
_ATTRIBUTE_RESERVED_BIT = 0x8000  # of a configuration attribute (section 3.15.1)


def has_reserved_bits(payload: Payload) -> bool:
    """Whether a payload's body has anything but zero where RFC 7296 sections 3.3 to 3.15 say RESERVED."""
    if isinstance(payload, SecurityAssociation):
        return any(
            proposal.reserved or any(any(transform.reserved) for transform in proposal.transforms)
            for proposal in payload.proposals
        )
    if isinstance(payload, KeyExchange):
        return payload.reserved != 0
    if isinstance(payload, Configuration) and any(a.number & _ATTRIBUTE_RESERVED_BIT for a in payload.attributes):
        return True
    return isinstance(payload, _THREE_RESERVED_OCTETS) and any(payload.reserved)

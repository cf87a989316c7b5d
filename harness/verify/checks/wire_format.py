"""The form of the messages and their order (RFC 7296 sections 2.1, 2.2, 2.5, 3.1 and 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

from harness.registry.messages import ExchangeType
from harness.verify.reserved import has_reserved_bits
from harness.verify.result import Arguments, Checked, Objection
from harness.verify.transcript import Piece, SeenMessage
from harness.verify.view import View, of
from harness.wire.message import INITIATOR, RESPONSE, VERSION_2_0
from harness.wire.payloads import SecurityAssociation


def canonical_wire_format(view: View, _arguments: Arguments) -> Checked:
    """What every sender must write, whether its receiver objects or not (B14, B15, B16, B39).

    Version 2.0, the flags and SPIs of its role, zero in every reserved bit and octet, no critical bit on known
    payloads; and nothing on the ports of IKE that is no message of this IKE SA.
    """
    objections = [*_foreign(view)]
    for message in view.messages:
        for requirement, sentence in (*_form(message), *_spis(view, message), *_roles(message)):
            pointer = message.pointer
            objections.append(Objection(view.sender(message), f"{message.label}: {sentence}", pointer, requirement))
    return Checked(f"{len(view.messages)} messages: version 2.0, reserved bits zero", tuple(objections))


def _form(message: SeenMessage) -> Iterable[tuple[str, str]]:
    for piece in message.pieces:
        header = piece.message.header
        if header.version != VERSION_2_0:
            yield "B16", f"version {header.version >> 4}.{header.version & 15}"
        if header.flags & ~(INITIATOR | RESPONSE):
            yield "B15", f"flags {header.flags:#04x} have reserved bits"
    outer = [payload for piece in message.pieces for payload in piece.message.payloads]
    for payload in (*outer, *(message.opened.inner if message.opened else ())):
        if payload.flags:
            yield ("B14" if payload.critical else "B15"), f"{payload.type} has flags {payload.flags:#04x}"
        if has_reserved_bits(payload):
            yield "B15", f"{payload.type} has reserved bits that are not zero"


def _foreign(view: View) -> Iterable[Objection]:
    """Datagrams on the ports of IKE that belong to no message of this IKE SA."""
    for datagram in view.malformed:
        sentence = f"frame {datagram.frame} holds no IKE message that can be parsed"
        yield Objection(view.source(datagram), sentence, f"wire.pcapng#{datagram.frame}")
    for piece in view.strangers:
        if _tries_again(view, piece):
            continue
        header, frame = piece.message.header, piece.datagram.frame
        kind = "response" if header.is_response else "request"
        spi = header.initiator_spi.hex()
        sentence = (
            f"frame {frame} is an {header.exchange_type} {kind} with the initiator's SPI {spi}, of another IKE SA"
        )
        yield Objection(view.source(piece.datagram), sentence, f"wire.pcapng#{frame}", "B39")


def _tries_again(view: View, piece: Piece) -> bool:
    """Whether an initiator begins anew after a refusal: no document forbids it another IKE SA."""
    header = piece.message.header
    begins = header.exchange_type == ExchangeType.IKE_SA_INIT and not header.is_response
    after = bool(view.refusals) and view.refusals[0][0].frame < piece.datagram.frame
    return begins and after and view.source(piece.datagram) == view.party(initiator=True)


def _roles(message: SeenMessage) -> Iterable[tuple[str, str]]:
    """The Initiator flag says who began the IKE SA, in requests and responses alike (section 3.1)."""
    if any(piece.message.header.from_initiator != message.from_initiator for piece in message.pieces):
        role, flag = ("initiator", "not set") if message.from_initiator else ("responder", "set")
        yield "B39", f"the Initiator flag is {flag}, though the sender is the IKE SA's {role}"


def _spis(view: View, message: SeenMessage) -> Iterable[tuple[str, str]]:
    """The SPIs are those of the IKE SA; the responder's is zero until the answer that agrees tells it (section 3.1)."""
    spis = {piece.message.header.responder_spi for piece in message.pieces}
    first = message.exchange == ExchangeType.IKE_SA_INIT
    if first and not message.response and spis != {bytes(8)}:
        yield "B39", "the responder's SPI is not zero in the first message"
    told = not first or (message.response and of(message, SecurityAssociation))
    if told and spis != {view.secrets.responder_spi}:
        yield "B39", "the responder's SPI is another one's"


def message_ids_in_sequence(view: View, _arguments: Arguments) -> Checked:
    """Each side numbers its requests 0, 1, 2, ... and every response repeats its request's number (B22, I04)."""
    objections = []
    for initiator in (True, False):
        requests = [m for m in view.messages if not m.response and m.from_initiator == initiator]
        numbers = list(dict.fromkeys(m.message_id for m in requests))
        if numbers != list(range(len(numbers))):
            sentence = f"requests are numbered {numbers}"
            objections.append(Objection(view.party(initiator=initiator), sentence, requests[0].pointer, "B22"))
    for message in view.messages:
        if message.response and not _request_of(view, message):
            sentence = f"{message.label} answers no request that was seen"
            objections.append(Objection(view.sender(message), sentence, message.pointer, "B22"))
    return Checked(f"{len(view.messages)} messages numbered without a gap", tuple(objections))


def _request_of(view: View, response: SeenMessage) -> bool:
    wanted = (response.exchange, response.message_id, not response.from_initiator)
    requests = [m for m in view.messages if not m.response and m.frame < response.frame]
    return any((m.exchange, m.message_id, m.from_initiator) == wanted for m in requests)


def retransmissions_identical(view: View, _arguments: Arguments) -> Checked:
    """A repeated message is the same, bit for bit from the IKE header on; fragments each with themselves (B18, F14)."""
    objections, repeats = list(_second_answer(view)), 0
    for message in view.messages:
        if message.exchange == ExchangeType.IKE_SA_INIT:
            continue  # different octets are different messages there: a cookie or another KE may come in
        first: dict[tuple[int, int], bytes] = {}
        for piece in message.pieces:
            fragment = piece.fragment
            key = (fragment.fragment_number, fragment.total_fragments) if fragment else (0, 0)
            repeats += key in first
            if first.setdefault(key, piece.octets) != piece.octets:
                pointer = f"wire.pcapng#{piece.datagram.frame}"
                objections.append(
                    Objection(view.sender(message), f"{message.label} is repeated with other octets", pointer, "B18")
                )
    return Checked(f"{repeats} repeated messages or fragments, all identical", tuple(objections))


def _second_answer(view: View) -> list[Objection]:
    """IKE_SA_INIT is agreed on once: a repeated request gets the response that it got before (B19)."""
    answers = [m for m in view.find(ExchangeType.IKE_SA_INIT, response=True) if of(m, SecurityAssociation)]
    sentence = "IKE_SA_INIT is answered a second time, with other octets"
    return [Objection(view.sender(message), sentence, message.pointer, "B19") for message in answers[1:]]

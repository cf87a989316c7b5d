"""Messages of two products that are not what they were to be, put right: so the others are judged beside them.

A wrong number, flag or exchange type, octets too many, a marker that is missing: each is its sender's fault, and none
shows that a capture lacks something. What was wrong is told in words; the octets stay as they are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from harness.evidence.model import CapturedDatagram
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.open_enum import by_number
from harness.verify.misplaced import Restored, of_other_headers
from harness.verify.wire import Piece, SeenMessage, of, why_malformed
from harness.wire.errors import MalformedMessage
from harness.wire.message import HEADER, HEADER_OCTETS, Header, Message
from harness.wire.payloads import Encrypted, KeyExchange, Nonce, SecurityAssociation
from harness.wire.ports import NAT_PORT

_MARKER = bytes(4)
_SPI = 8  # octets
_GENERIC = 4  # octets of a payload's header
_MANY = 50  # versions of one message: a flood, which has no place in an exchange
_INITIAL = (ExchangeType.IKE_SA_INIT, ExchangeType.IKE_INTERMEDIATE, ExchangeType.IKE_AUTH)
_TYPES, _PAYLOADS = by_number(ExchangeType), by_number(PayloadType)


def unmarked(datagrams: Iterable[CapturedDatagram], known: Collection[bytes]) -> list[Piece]:
    """IKE messages on port 4500 with other octets in front than four of zero, or none (RFC 3948 section 2.2).

    They are looked for by the SPIs of their IKE SAs: by chance no ESP has one of these.
    """
    found = []
    for datagram in (each for each in datagrams if NAT_PORT in (each.source[1], each.destination[1])):
        for start in range(2 * len(_MARKER) + 1):
            octets = datagram.payload[start:]
            if octets[:_SPI] not in known or datagram.payload[:start] == _MARKER:
                continue
            try:
                found.append(Piece(datagram, octets, Message.parse(octets)))
            except MalformedMessage:
                continue
    return found


def readable_nonetheless(malformed: Iterable[CapturedDatagram], known: Collection[bytes]) -> list[Piece]:
    """What is no message by its form, and by its header takes the place of one of a known IKE SA."""
    found = []
    for datagram in malformed:
        octets = datagram.payload.removeprefix(_MARKER)
        if why_malformed(datagram) and len(octets) > HEADER_OCTETS + _GENERIC and octets[:_SPI] in known:
            message = _cut(octets) or _as_sealed(octets)
            if message is not None:
                found.append(Piece(datagram, octets, message))
    return found


def _cut(octets: bytes) -> Message | None:
    """The message without what stands behind its last payload, and with the Length that it has then."""
    at, following = HEADER_OCTETS, octets[16]
    while following and at + _GENERIC <= len(octets):
        following, at = _next(octets, at, following)
    try:
        return Message.parse(octets[:24] + at.to_bytes(4) + octets[HEADER_OCTETS:at])
    except MalformedMessage:
        return None


def _next(octets: bytes, at: int, kind: int) -> tuple[int, int]:
    """The type and place of the payload behind one; SK and SKF are the last."""
    following = 0 if kind in (PayloadType.SK, PayloadType.SKF) else octets[at]
    return following, at + max(int.from_bytes(octets[at + 2 : at + _GENERIC]), _GENERIC)


def _as_sealed(octets: bytes) -> Message | None:
    """A protected message of which only the header is believed."""
    initiator, responder, first, version, kind, flags, number, _ = HEADER.unpack_from(octets)
    exchange = _TYPES.get(kind)
    fills = int.from_bytes(octets[HEADER_OCTETS + 2 : HEADER_OCTETS + _GENERIC]) == len(octets) - HEADER_OCTETS
    if exchange is None or exchange == ExchangeType.IKE_SA_INIT:
        return None
    if first not in (PayloadType.SK, PayloadType.SKF) and not fills:
        return None
    header = Header(initiator, responder, exchange, flags, number, version)
    inner = _PAYLOADS.get(octets[HEADER_OCTETS], PayloadType.NO_NEXT_PAYLOAD)
    return Message(header, (Encrypted(inner, octets[HEADER_OCTETS + _GENERIC :]),))


def put_right(messages: Sequence[SeenMessage]) -> tuple[tuple[SeenMessage, ...], tuple[Restored, ...]]:
    """The messages of every IKE SA as they were to be, by frame, and each one that was not so."""
    by_sa: dict[bytes, list[SeenMessage]] = {}
    for message in messages:
        by_sa.setdefault(message.ike_sa, []).append(message)
    whole: list[SeenMessage] = []
    faults: list[Restored] = []
    for own in by_sa.values():
        for way in (
            _of_ike_sa_init,
            _of_number_zero,
            _numbered,
            _turned,
            _answered_otherwise,
            _answered_by_another_number,
        ):
            changes = dict(way(own))
            own[:] = [changes[number].message if number in changes else each for number, each in enumerate(own)]
            faults += [each for each in changes.values() if each.sentence]
        whole += own
    marked = [Restored(m, f"{m.label} goes to port {NAT_PORT} {_bare(m)}", "B37") for m in whole if _bare(m)]
    return tuple(sorted(whole, key=lambda message: message.frame)), (*faults, *marked, *of_other_headers(whole))


def _bare(message: SeenMessage) -> str:
    """What stands in place of the marker, in words; "" where it is there, or no place for it."""
    for piece in message.pieces:
        front = piece.datagram.payload[: -len(piece.octets)]
        if NAT_PORT in (piece.datagram.source[1], piece.datagram.destination[1]) and front != _MARKER:
            return f"behind {front.hex()}, which is no marker" if front else "without the marker"
    return ""


_Changes = Iterator[tuple[int, Restored]]  # by the place of the message


def _of_ike_sa_init(messages: Sequence[SeenMessage]) -> _Changes:
    """What is in clear and agrees on an IKE SA, with number 0, and has another exchange type than IKE_SA_INIT (3.1).

    It stands where its side has no IKE_SA_INIT message of its direction.
    """
    there = {(m.from_initiator, m.response) for m in messages if m.exchange == ExchangeType.IKE_SA_INIT}
    for place, each in enumerate(messages):
        agrees = all(of(each, kind) for kind in (SecurityAssociation, KeyExchange, Nonce))
        lacking = (each.from_initiator, each.response) not in there
        if lacking and agrees and not each.message_id and not each.sealed:
            now = replace(each, exchange=ExchangeType.IKE_SA_INIT)
            yield place, Restored(now, f"the {now.label} is a message of the exchange {each.exchange}", "B60")


def _of_number_zero(messages: Sequence[SeenMessage]) -> _Changes:
    """IKE_SA_INIT messages with another number than 0, which retries have, too (RFC 7296 section 2.2).

    A response repeats the number of its request.
    """
    asked = {m.message_id for m in messages if not m.protected and not m.response}
    for place, each in enumerate(messages):
        if each.message_id and not each.protected and not each.sealed:
            due = "response" if each.response else "request"
            repeats = each.response and each.message_id in asked
            sentence = "" if repeats else f"{each.label} is sent where {due} 0 is due"
            yield place, Restored(replace(each, message_id=0), sentence, "B22")


def _numbered(messages: Sequence[SeenMessage]) -> _Changes:
    """A request with a number that is not its turn, while lower ones come later; its answer repeats it (section 2.2).

    Where a capture lacks requests, those behind the gap have the higher numbers.
    """
    for initiator in (True, False):
        asked = [m for m in messages if not m.response and m.from_initiator == initiator and _counts(m)]
        order = list(dict.fromkeys((not m.protected, m.message_id) for m in asked))
        due = 0
        for place, (init, number) in enumerate(order):
            later = [each for _, each in order[place + 1 :]]
            if number > due and due not in later and any(due < each < number for each in later):
                yield from _moved(messages, number, due, initiator=initiator, init=init)
                due += 1
            elif number >= due:
                due = number + 1


def _moved(messages: Sequence[SeenMessage], number: int, due: int, *, initiator: bool, init: bool) -> _Changes:
    """Both messages of an exchange with the number that was due. The answer is not to blame."""
    early = any(m.exchange == ExchangeType.IKE_INTERMEDIATE for m in messages)
    for place, each in enumerate(messages):
        same = each.message_id == number and each.protected != init
        if same and each.response == (each.from_initiator != initiator) and _counts(each):
            rule = "I04" if early and each.exchange in _INITIAL[1:] else "B22"
            sentence = "" if each.response else f"{each.label} is sent where request {due} is due"
            yield place, Restored(replace(each, message_id=due), sentence, rule)


def _turned(messages: Sequence[SeenMessage]) -> _Changes:
    """The Response flag the wrong way round: by the numbers on both sides it is the other one of its exchange (3.1)."""
    alike: dict[tuple[ExchangeType, int], list[SeenMessage]] = {}
    for message in filter(_counts, messages):
        alike.setdefault((message.exchange, message.message_id), []).append(message)
    for place, each in enumerate(messages):
        found = [] if not _counts(each) else alike[each.exchange, each.message_id]
        if len(found) <= _MANY and _is_turned(messages, each, found):
            now = replace(each, response=not each.response)
            verb = "has" if each.response else "lacks"
            yield place, Restored(now, f"the {now.label} {verb} the Response flag", "B39")


def _is_turned(messages: Sequence[SeenMessage], each: SeenMessage, found: Sequence[SeenMessage]) -> bool:
    """Whether the others of its exchange and number show so. IKE_SA_INIT may be asked for more than once: most tell."""
    alike = sum((m.from_initiator == m.response) == (each.from_initiator == each.response) for m in found)
    if each.exchange == ExchangeType.IKE_SA_INIT and 2 * alike != len(found):
        return 2 * alike < len(found)
    own, theirs = (
        [m for m in found if m.from_initiator == side and m is not each]
        for side in (each.from_initiator, not each.from_initiator)
    )
    if each.response:
        wrong = not any(not m.response for m in theirs) and any(m.response and m.frame > each.frame for m in theirs)
        return wrong and not any(not m.response for m in own)
    asked = any(not m.response and m.frame < each.frame for m in theirs)
    return asked and not any(m.response for m in own) and _is_no_request(messages, each)


def _is_no_request(messages: Sequence[SeenMessage], each: SeenMessage) -> bool:
    """Whether its sender may not ask so, or not with this number."""
    if each.exchange in _INITIAL:
        return True
    before = {m.message_id for m in messages if not m.response and m.from_initiator == each.from_initiator}
    return each.message_id not in range(len(before - {each.message_id}) + 1)


def _answered_otherwise(messages: Sequence[SeenMessage]) -> _Changes:
    """A response of another exchange type than the request with its number, which gets no other answer."""
    asked = _requests(messages)
    for place, each in enumerate(messages):
        request = asked.get((each.from_initiator, each.message_id)) if each.response and _counts(each) else None
        if request is None or request.exchange == each.exchange or request.frame > each.frame:
            continue
        if not any(m.response and m.from_initiator == each.from_initiator and _same(m, request) for m in messages):
            words = f"the {request.label} is answered by a message of the exchange {each.exchange}"
            if _is_out_of_place(messages, request, each):
                words = f"the {request.label} stands where its answer is of the exchange {each.exchange}"
                yield _place_of(messages, request), Restored(replace(request, exchange=each.exchange), words, "B60")
            else:
                yield place, Restored(replace(each, exchange=request.exchange), words, "B60")


def _is_out_of_place(messages: Sequence[SeenMessage], request: SeenMessage, response: SeenMessage) -> bool:
    """Whether it is the request that has another exchange type than its place asks for."""
    if request.exchange == ExchangeType.IKE_AUTH and response.exchange in _INITIAL:
        later = (m for m in messages if m.from_initiator == request.from_initiator and m.frame > request.frame)
        return any(m.exchange in (response.exchange, ExchangeType.IKE_AUTH) and not m.response for m in later)
    if response.exchange in _INITIAL or not request.exchange.is_known:
        return request.exchange not in _INITIAL and not (request.exchange.is_known and _is_over(messages, request))
    if request.exchange == ExchangeType.IKE_AUTH:  # which was answered before
        return any(m.exchange == request.exchange and m.response and m.frame < request.frame for m in messages)
    before = (m for m in messages if m.frame < request.frame and m.exchange == ExchangeType.CREATE_CHILD_SA)
    return request.exchange == ExchangeType.IKE_FOLLOWUP_KE and not any(before)


def _is_over(messages: Sequence[SeenMessage], request: SeenMessage) -> bool:
    """Whether the initial exchanges are: IKE_AUTH was answered before, or this IKE SA comes from a rekey."""
    begun = any(m.exchange == ExchangeType.IKE_SA_INIT for m in messages)
    before = (m for m in messages if m.response and m.frame < request.frame)
    return not begun or any(m.exchange == ExchangeType.IKE_AUTH for m in before)


def _answered_by_another_number(messages: Sequence[SeenMessage]) -> _Changes:
    """A response with a number that nobody asked with, while one request of its exchange stays open (section 2.2)."""
    asked = _requests(messages)
    answers = {(m.from_initiator, m.message_id, m.exchange) for m in messages if m.response and _counts(m)}
    for place, each in enumerate(messages):
        own = asked.get((each.from_initiator, each.message_id))
        if not each.response or not _counts(each) or (own and own.exchange == each.exchange):
            continue
        waiting = [
            request
            for key, request in asked.items()
            if (*key, request.exchange) not in answers and key[0] == each.from_initiator
            if request.exchange == each.exchange and request.frame < each.frame
        ]
        if len(waiting) == 1:
            yield _of_one_number(messages, place, waiting[0])


def _of_one_number(messages: Sequence[SeenMessage], place: int, request: SeenMessage) -> tuple[int, Restored]:
    """The request, where the number of its response is the one that was due; else the response."""
    response = messages[place]
    before = {
        m.message_id
        for m in messages
        if not m.response and m.from_initiator == request.from_initiator and m.frame < request.frame and _counts(m)
    }
    wrong, due = (request, response) if response.message_id == len(before) else (response, request)
    words = f"the {due.label} and the {wrong.label} are of one exchange, {due.message_id} is its turn"
    return _place_of(messages, wrong), Restored(replace(wrong, message_id=due.message_id), words, "B22")


def _place_of(messages: Sequence[SeenMessage], message: SeenMessage) -> int:
    return next(number for number, each in enumerate(messages) if each is message)


def _requests(messages: Iterable[SeenMessage]) -> Mapping[tuple[bool, int], SeenMessage]:
    """Requests by who is to answer them, and their number."""
    return {(not m.from_initiator, m.message_id): m for m in messages if not m.response and _counts(m)}


def _same(one: SeenMessage, other: SeenMessage) -> bool:
    return (one.exchange, one.message_id) == (other.exchange, other.message_id)


def _counts(message: SeenMessage) -> bool:
    """What is in clear after IKE_SA_INIT anybody may have sent, with any number."""
    return message.sealed or not message.protected

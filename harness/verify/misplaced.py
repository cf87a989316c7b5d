"""Pieces of messages between two products that their header puts elsewhere than where they belong.

An initiator's SPI of no IKE SA, a fragment with another header than its message, a number that another message has:
each stands where something is missing, and is put there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

from harness.registry.messages import ExchangeType
from harness.verify.wire import Piece, SeenMessage, sealed_payload
from harness.wire.message import Message
from harness.wire.payloads import EncryptedFragment

_SPI = 8  # octets
_VERSION, _NUMBER, _LENGTH = 17, 20, 24  # where they are in the IKE header
_MANY = 50  # IKE SAs, or messages in fragments: a flood, in which it is not worth its cost to look for places


@dataclass(frozen=True, slots=True)
class Restored:
    """A message as it was to be, and what was wrong about it."""

    message: SeenMessage
    sentence: str
    requirement: str


def adopted(
    pieces: Mapping[bytes, Sequence[Piece]], initiator_address: str, told: Collection[bytes] = ()
) -> dict[bytes, list[Piece]]:
    """The pieces by IKE SA, where those with an initiator's SPI of none are put into the place that waits for them.

    A place waits: a request for its response, a response for its request, the next number for a request of its sender.
    An IKE SA that came of a rekey begins with number 0, and is none such. ``told`` are the SPIs that the two products
    report: where they do, one that is only seen in a message or two is none.
    """
    found = _of_their_responder(_of_one_spi(pieces), initiator_address)
    halves = Counter(frozenset(_ways_of_init(each)) for each in found.values())
    sure = {*told, *(found.keys() - pieces.keys())}
    known = [spi for spi, each in found.items() if spi in sure or _is_an_ike_sa(each, halves, bool(told))]
    if len(known) > _MANY:  # a flood of them
        return found
    once = not any(_exchange(p) == ExchangeType.CREATE_CHILD_SA for each in found.values() for p in each)  # no rekey
    for spi in [each for each in found if each not in known]:
        for piece in found[spi]:
            home = next((own for own in known if _waits_for(found[own], piece, initiator_address, in_turn=once)), None)
            if home is not None:
                found[home].append(_with(piece, home + piece.octets[_SPI:]))
        if all(any(p.datagram is each.datagram for own in known for p in found[own]) for each in found[spi]):
            del found[spi]
    return {spi: _in_their_places(each, initiator_address) for spi, each in found.items()}


def _of_one_spi(pieces: Mapping[bytes, Sequence[Piece]]) -> dict[bytes, list[Piece]]:
    """The pieces by IKE SA, where a rekeyed one that has the initiator's SPI of the one before goes by its responder's.

    Both sides use that one, from number 0 on, and a CREATE_CHILD_SA was answered before: "the first IKE request that
    either party sends on the new IKE SA will have Message ID 0" (RFC 7296 section 2.2).
    """
    found = {spi: list(each) for spi, each in pieces.items()}
    for spi, own in pieces.items():
        asked = (p.datagram.frame for p in own if _exchange(p) == ExchangeType.CREATE_CHILD_SA and _is_response(p))
        rekeyed = min(asked, default=inf)
        for other, those in _by_responder(own).items():
            ways = {_is_response(piece) for piece in those}
            if other not in pieces and rekeyed < those[0].datagram.frame and len(ways) > 1 and any(map(_begins, those)):
                gone = set(map(id, those))
                found[spi] = [piece for piece in found[spi] if id(piece) not in gone]
                found[other] = [replace(piece, ike_sa=other) for piece in those]
    return found


def _of_their_responder(found: dict[bytes, list[Piece]], initiator_address: str) -> dict[bytes, list[Piece]]:
    """The pieces by IKE SA, where one with the initiator's SPI of another goes to that of its responder's SPI.

    It does where its place waits for it there.
    """
    chosen = {spi: max(those, key=lambda other: len(those[other])) for spi, own in found.items()
              if (those := _by_responder(own))}  # fmt: skip
    homes = {other: spi for spi, other in chosen.items() if not found[spi][0].ike_sa}
    for spi, own in found.items():
        for piece in tuple(own):
            other = piece.message.header.responder_spi
            home = homes.get(other) if other != chosen.get(spi) and sealed_payload(piece.message) is not None else None
            if home is not None and _waits_for(found[home], piece, initiator_address, in_turn=True):
                own.remove(piece)
                found[home].append(_with(piece, home + piece.octets[_SPI:]))
    return found


def _by_responder(pieces: Sequence[Piece]) -> dict[bytes, list[Piece]]:
    """What is sealed by the responder's SPI."""
    found: dict[bytes, list[Piece]] = {}
    for piece in pieces:
        if sealed_payload(piece.message) is not None:
            found.setdefault(piece.message.header.responder_spi, []).append(piece)
    return found


def _is_response(piece: Piece) -> bool:
    return piece.message.header.is_response


def _exchange(piece: Piece) -> ExchangeType:
    return piece.message.header.exchange_type


def _waits_for(own: Sequence[Piece], piece: Piece, initiator_address: str, *, in_turn: bool) -> bool:
    """Whether a piece fits where something is missing, or, with ``in_turn``, what comes next."""
    header, side = piece.message.header, _is_from(piece, initiator_address)
    requests, responses = (
        {_place(p, initiator_address) for p in own if p.message.header.is_response == response}
        for response in (False, True)
    )
    place, across = ((header.exchange_type, header.message_id, each) for each in (side, not side))
    if piece.fragment is not None and place in (responses if header.is_response else requests):
        numbers = {p.fragment.fragment_number for p in own if p.fragment and _place(p, initiator_address) == place}
        return piece.fragment.fragment_number not in numbers
    if header.is_response:
        return across in requests and place not in responses
    last = max((number for _, number, by in requests if by == side), default=-1)
    its_turn = in_turn and 0 < header.message_id == last + 1
    return place not in requests and (across in responses or its_turn)


def _place(piece: Piece, initiator_address: str) -> tuple[ExchangeType, int, bool]:
    return _exchange(piece), piece.message.header.message_id, _is_from(piece, initiator_address)


def _is_from(piece: Piece, address: str) -> bool:
    return piece.datagram.source[0] == address


_FEW = 2  # messages that are no IKE SA by themselves


def _is_an_ike_sa(own: Sequence[Piece], halves: Mapping[frozenset[bool], int], others_are_told: bool) -> bool:
    """Whether pieces of one initiator's SPI are of an IKE SA.

    It begins with a request of number 0. Half of an IKE_SA_INIT exchange, alone, belongs to where the other half is.
    """
    init = _ways_of_init(own)
    if init:
        alone = all(_exchange(piece) == ExchangeType.IKE_SA_INIT for piece in own)
        return not (alone and len(init) == 1 and halves.get(frozenset({True, False} - init), 0))
    return any(map(_begins, own)) and (not others_are_told or len(own) > _FEW)


def _ways_of_init(pieces: Sequence[Piece]) -> set[bool]:
    """Whether IKE_SA_INIT messages are responses."""
    return {piece.message.header.is_response for piece in pieces if _exchange(piece) == ExchangeType.IKE_SA_INIT}


def _begins(piece: Piece) -> bool:
    """Whether it is the first request of a side in an IKE SA."""
    header = piece.message.header
    return not header.is_response and not header.message_id


def _with(piece: Piece, octets: bytes) -> Piece:
    return Piece(piece.datagram, octets, Message.parse(octets))


def _in_their_places(pieces: Sequence[Piece], initiator_address: str) -> list[Piece]:
    """The pieces of one IKE SA, with fragments beside those of their message, and no two messages in one place."""
    return _told_apart(_fragments_together(pieces, initiator_address), initiator_address)


_Full = tuple[bool, tuple[ExchangeType, int, bool]]  # whether a response, and its place


def _full_place(piece: Piece, initiator_address: str) -> _Full:
    return piece.message.header.is_response, _place(piece, initiator_address)


def _fragments_together(pieces: Sequence[Piece], initiator_address: str) -> list[Piece]:
    """A fragment that is alone under its header is one of the message that lacks its number (RFC 7383 section 2.5)."""
    sets: dict[_Full, list[tuple[Piece, EncryptedFragment]]] = {}
    for piece in pieces:
        if (fragment := piece.fragment) is not None:
            sets.setdefault(_full_place(piece, initiator_address), []).append((piece, fragment))
    if len(sets) > _MANY:  # a flood of them
        return list(pieces)
    moved: dict[int, Piece] = {}
    for piece, fragment in (those[0] for those in sets.values() if len(those) == 1):
        for those in sets.values():
            first = those[0][0]
            numbers = {each.fragment_number for _, each in those} | {fragment.fragment_number}
            totals = {each.total_fragments for _, each in those} | {fragment.total_fragments}
            whole = len(totals) == 1 and 1 < fragment.total_fragments == len(numbers)
            same = _is_from(piece, initiator_address) == _is_from(first, initiator_address)
            if whole and same and piece.datagram.frame > first.datagram.frame:
                head = first.octets[_VERSION:_LENGTH]
                moved[id(piece)] = _with(piece, piece.octets[:_VERSION] + head + piece.octets[_LENGTH:])
    return [moved.get(id(piece), piece) for piece in pieces]


def _told_apart(pieces: Sequence[Piece], initiator_address: str) -> list[Piece]:
    """A message with the number of an earlier one, while one of its exchange lacks its other half (section 2.2)."""
    places = [_full_place(piece, initiator_address) for piece in pieces]
    asked = {place: piece.datagram.frame for piece, (is_response, place) in zip(pieces, places, strict=True)
             if not is_response}  # fmt: skip
    apart: dict[_Full, list[Piece]] = {}
    for piece, place in zip(pieces, places, strict=True):
        if piece.fragment is None and _exchange(piece) != ExchangeType.IKE_SA_INIT:
            apart.setdefault(place, []).append(piece)
    moved: dict[int, Piece] = {}
    for place, those in apart.items():
        if len({piece.octets for piece in those}) == 1:
            continue
        response, (exchange, number, side) = place
        early = response and those[0].datagram.frame < asked.get((exchange, number, not side), 0)
        wrong = those[0] if early else next(piece for piece in those if piece.octets != those[0].octets)
        half = _missing_half(pieces, places, wrong, place)
        if half is not None:
            moved[id(wrong)] = _with(wrong, _numbered(wrong.octets, half))
    return [moved.get(id(piece), piece) for piece in pieces]


def _numbered(octets: bytes, number: int) -> bytes:
    return octets[:_NUMBER] + number.to_bytes(4) + octets[_LENGTH:]


def _missing_half(pieces: Sequence[Piece], places: Sequence[_Full], piece: Piece, place: _Full) -> int | None:
    """The number of the one message of the other side that a message could be the other half of; None for none."""
    response, (exchange, _, side) = place
    waiting = {
        number
        for other, (is_response, (kind, number, by)) in zip(pieces, places, strict=True)
        if is_response != response and kind == exchange and by != side
        if (other.datagram.frame < piece.datagram.frame) == response
        if (response, (kind, number, side)) not in places
    }
    return next(iter(waiting)) if len(waiting) == 1 else None


def of_other_headers(messages: Sequence[SeenMessage]) -> Iterator[Restored]:
    """Messages with another initiator's SPI, number or flags on the wire than where they were put.

    An answer repeats the initiator's SPI of its request.
    """
    known = {message.pieces[0].octets[:_SPI] for message in messages}
    strange = [m for m in messages if any(_told(piece) != piece.octets[:_LENGTH] for piece in m.pieces)]
    asked = {(m.exchange, m.message_id, not m.from_initiator) for m in strange if not m.response}
    for message in strange:
        told = next(_told(piece) for piece in message.pieces if _told(piece) != piece.octets[:_LENGTH])
        if told[:_SPI] == message.pieces[0].octets[:_SPI]:
            rule = "F05" if message.fragmented else "B22"
            yield Restored(message, f"{message.label} has the number {int.from_bytes(told[_NUMBER:])}", rule)
        elif not message.response or (message.exchange, message.message_id, message.from_initiator) not in asked:
            whose = "another" if told[:_SPI] in known else "no"
            words = f"{message.label} has the initiator's SPI {told[:_SPI].hex()}, which is of {whose} IKE SA"
            yield Restored(message, words, "B39")


def _told(piece: Piece) -> bytes:
    """SPIs to Message ID as they crossed the wire."""
    payload = piece.datagram.payload
    start = len(payload) - len(piece.octets)
    return payload[start : start + _LENGTH]

"""Two products: the messages that were not what they were to be, and answers that nobody asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from math import inf
from types import MappingProxyType

from harness.evidence.peer_report import DELETED
from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Step
from harness.verify.check import Arguments, Checked, Due, Objection, pair_check
from harness.verify.checks.exchanges import ends_by_deletion
from harness.verify.pair_view import PairView, initiator_spi
from harness.verify.wire import SeenMessage, of
from harness.wire.message import VERSION_2_0
from harness.wire.payloads import Notify, SecurityAssociation

_SPI = 8  # octets


@pair_check("pair-messages-as-due", due=Due.ALWAYS, requirement="B22")
def messages_as_due(view: PairView, _arguments: Arguments) -> Checked:
    """Number, Response flag and exchange type of each message are those of its exchange, a marker stands on port 4500.

    Where one is not, its place in the exchanges tells all the same what it was to be (B22, B37, B39, B60, I04). A
    refusal names what its request has (B13, B16).
    """
    objections = [
        Objection(view.sender(each.message), each.sentence, each.message.pointer, each.requirement)
        for each in view.restored
    ]
    objections += _unasked(view)
    objections += _once_too_often(view)
    objections += _agreed_and_refused(view)
    objections += _refused_for_nothing(view)
    objections += _of_reserved_types(view)
    objections += _of_one_number(view)
    objections += _behind_the_end(view)
    objections += _authenticated_again(view)
    objections += _over_a_deleted_one(view)
    objections += _same_spi(view)
    return Checked(f"{len(view.messages)} messages in the place of their exchange", tuple(objections))


def _agreed_and_refused(view: PairView) -> Iterator[Objection]:
    """A choice beside an error, or beside the demand for a cookie, in one IKE_SA_INIT response (sections 1.2, 2.6)."""
    for message in view.find(ExchangeType.IKE_SA_INIT, response=True):
        kinds = [notify.notify_type for notify in of(message, Notify)]
        refusing = [kind for kind in kinds if kind.is_error or kind == NotifyType.COOKIE]
        if refusing and of(message, SecurityAssociation):
            sentence = f"{message.label} chooses a proposal and has {refusing[0]}, too"
            yield Objection(view.sender(message), sentence, message.pointer, "B54")


def _refused_for_nothing(view: PairView) -> Iterator[Objection]:
    """An IKE_SA_INIT response that refuses a version, or a critical payload, which no request has (section 2.5)."""
    requests = view.find(ExchangeType.IKE_SA_INIT, response=False)
    for message in view.find(ExchangeType.IKE_SA_INIT, response=True):
        for kind in {notify.notify_type for notify in of(message, Notify)} & _REFUSALS.keys():
            rule, has, words = _REFUSALS[kind]
            asked = [m for m in requests if m.frame < message.frame]
            if asked and not any(map(has, asked)):
                sentence = f"{message.label} has {kind}, and no request {words}"
                yield Objection(view.sender(message), sentence, message.pointer, rule)


def _is_of_a_later_version(request: SeenMessage) -> bool:
    return any(piece.message.header.version >> 4 > VERSION_2_0 >> 4 for piece in request.pieces)


def _has_a_critical_payload(request: SeenMessage) -> bool:
    return any(payload.critical for payload in request.payloads)


_REFUSALS: Mapping[NotifyType, tuple[str, Callable[[SeenMessage], bool], str]] = MappingProxyType(
    {
        NotifyType.INVALID_MAJOR_VERSION: ("B16", _is_of_a_later_version, "is of a later version"),
        NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD: ("B13", _has_a_critical_payload, "has a critical payload"),
    }
)


def _of_reserved_types(view: PairView) -> Iterator[Objection]:
    """Requests of an exchange type that is none: "0-33 Reserved" (RFC 7296 section 3.1). An answer repeats it."""
    for message in view.messages:
        if not message.response and message.sealed and message.exchange < ExchangeType.IKE_SA_INIT:
            sentence = f"{message.label} is of an exchange type that is reserved"
            yield Objection(view.sender(message), sentence, message.pointer, "B60")


def _of_one_number(view: PairView) -> Iterator[Objection]:
    """Requests of different exchanges with the same number: the second is no repetition (RFC 7296 section 2.2)."""
    for one in view.ike_sas:
        first: dict[tuple[bool, int], SeenMessage] = {}
        for message in (m for m in one.messages if not m.response and (m.sealed or not m.protected)):
            other = first.setdefault((message.from_initiator, message.message_id), message)
            if other.exchange != message.exchange:
                sentence = f"{message.label} has the number of the {other.label}"
                yield Objection(one.sender(message), sentence, message.pointer, "B22")


def _behind_the_end(view: PairView) -> Iterator[Objection]:
    """A further request of who has asked for the deletion of the last IKE SA, and has its answer."""
    last = view.report.steps[-1] if view.report.steps else None
    answer = ends_by_deletion(view)
    if answer is None or last is None or last.step != DELETED or last.initiator.sas or last.responder.sas:
        return
    for message in view.messages:
        same = initiator_spi(message) == initiator_spi(answer) and message.from_initiator != answer.from_initiator
        later = message.frame > answer.frame and message.message_id > answer.message_id
        if same and later and message.sealed:
            sentence = f"{message.label} is sent in an IKE SA whose deletion was answered"
            yield Objection(view.sender(message), sentence, message.pointer, "B29")


def _over_a_deleted_one(view: PairView) -> Iterator[Objection]:
    """A request in a replaced IKE SA of who has answered, before, the last request of the other side, which deletes it.

    "The Delete payload to delete itself MUST be the last request sent over the old IKE SA" (RFC 7296 section 2.8). What
    was sent in which order the capture beside its sender tells. An INFORMATIONAL request may delete it itself.
    """
    for sa in view.ike_sas[:-1] if view.twice else ():
        asked = [m for m in sa.messages if not m.response and m.protected and m.sealed]
        last = {message.from_initiator: message for message in asked}
        for initiator, request in last.items():
            answer = _answer_of(sa, last.get(not initiator))
            deletes = request.exchange == ExchangeType.INFORMATIONAL
            if answer is not None and not deletes and _left_behind(view, request, answer):
                sentence = f"{request.label} is sent in a rekeyed IKE SA whose deletion its sender has answered"
                yield Objection(sa.sender(request), sentence, request.pointer, "B24")


def _same_spi(view: PairView) -> Iterator[Objection]:
    """An SPI of a rekeyed IKE SA that its side chose for the one before: "new initiator and responder SPIs" are due.

    The one that is replaced still stands when they are chosen (RFC 7296 section 1.3.2).
    """
    for before, sa in pairwise(view.ike_sas):
        chosen = set(_chosen(before))
        for side, spi in _chosen(sa) if sa.rekeyed else ():
            if (side, spi) in chosen:
                sentence = f"the SPI {spi.hex()} of a rekeyed IKE SA is one that {side} chose for the one before"
                yield Objection(side, sentence, sa.messages[0].pointer, "B24")


def _chosen(sa: PairView) -> list[tuple[str, bytes]]:
    """Who chose which SPI of an IKE SA."""
    return [(sa.sides[0].peer, sa.messages[0].pieces[0].octets[:_SPI]), (sa.sides[1].peer, sa.responder_spi)]


def _answer_of(sa: PairView, request: SeenMessage | None) -> SeenMessage | None:
    """The response to an INFORMATIONAL request."""
    if request is None or request.exchange != ExchangeType.INFORMATIONAL:
        return None
    answers = sa.find(ExchangeType.INFORMATIONAL, response=True, initiator=not request.from_initiator)
    return next((m for m in answers if m.message_id == request.message_id), None)


def _left_behind(view: PairView, message: SeenMessage, other: SeenMessage) -> bool:
    """Whether both captures have the first copy of a message behind that of another one."""
    far = view.evidence.far.datagrams if view.evidence.far else ()
    places = {(d.source, d.payload): place for place, d in reversed(list(enumerate(far)))}
    first, second = (places.get((m.pieces[0].datagram.source, m.pieces[0].datagram.payload)) for m in (message, other))
    return message.frame > other.frame and first is not None and second is not None and first > second


def _authenticated_again(view: PairView) -> Iterator[Objection]:
    """IKE_AUTH once ESP has gone both ways, where there was one IKE_SA_INIT alone: the initial exchanges are over."""
    if len({initiator_spi(message) for message in view.find(ExchangeType.IKE_SA_INIT)}) != 1:
        return
    first = {packet.source[0]: packet.frame for packet in reversed(view.esp)}
    used = max(first.values()) if len(first) == len(view.sides) else inf
    for message in view.find(ExchangeType.IKE_AUTH, response=False):
        if message.sealed and message.frame > used:
            sentence = f"{message.label} comes after ESP of both sides, when IKE_AUTH was complete"
            yield Objection(view.sender(message), sentence, message.pointer, "B54")


def _unasked(view: PairView) -> Iterator[Objection]:
    """A response that is beyond every request, and no gap of the captures makes it an answer."""
    for message in unasked_responses(view):
        sentence = f"{message.label} answers no request"
        yield Objection(view.sender(message), sentence, message.pointer, "B22")


def unasked_responses(view: PairView) -> list[SeenMessage]:
    """The responses to no request, where there is no request of nearly that number.

    One of the next number is such an answer, too, where both ends were watched and nothing that came about asks for it.
    """
    last: dict[tuple[bytes, bool], int] = {}
    for message in (m for m in view.messages if not m.response and m.sealed):
        side = initiator_spi(message), not message.from_initiator
        last[side] = max(last.get(side, -1), message.message_id)
    found, known = [], {spi for spi, _ in last}
    for message in (m for m in view.messages if m.response and m.sealed):
        spi = initiator_spi(message)
        beyond = message.message_id - last.get((spi, message.from_initiator), -1)
        if beyond > 1 or (beyond == 1 and spi in known and _is_idle(view, message)):
            found.append(message)
    return found


def _is_idle(view: PairView, response: SeenMessage) -> bool:
    """Whether both captures have as many requests of its exchange as what was reported takes.

    Each rekey takes a CREATE_CHILD_SA exchange, and it and the deletion an INFORMATIONAL one.
    """
    done = [step.step for step in view.report.steps[1:]]
    takes = {
        ExchangeType.CREATE_CHILD_SA: sum(step in (Step.REKEY_CHILD, Step.REKEY_IKE) for step in done),
        ExchangeType.INFORMATIONAL: sum(step != Step.TRAFFIC for step in done),
    }
    asked = len(view.find(response.exchange, response=False))
    watched = view.twice and not view.unreadable  # what cannot be read may be the request
    return watched and response.exchange in takes and asked >= takes[response.exchange]


def _once_too_often(view: PairView) -> Iterator[Objection]:
    """A response, or a fragment of one, that was sent more often than the request came (RFC 7296 section 2.1).

    What one capture alone holds twice, the path may have brought twice.
    """
    sent = _sent(view)
    asked: Counter[tuple[bytes, bool, int]] = Counter()
    for message in (m for m in view.messages if not m.response):
        asked[initiator_spi(message), not message.from_initiator, message.message_id] += copies_at_most(message)
    for message in (m for m in view.messages if m.response and m.exchange != ExchangeType.IKE_SA_INIT):
        came = asked[initiator_spi(message), message.from_initiator, message.message_id]
        if message.sealed and 0 < came < sent(message):
            sentence = f"{message.label} is sent {sent(message)} times, its request came {came} times"
            yield Objection(view.sender(message), sentence, message.pointer, "B18")
    yield from _init_once_too_often(view, asked, sent)


def _init_once_too_often(
    view: PairView, asked: Counter[tuple[bytes, bool, int]], sent: Callable[[SeenMessage], int]
) -> Iterator[Objection]:
    """Of IKE_SA_INIT all answers together: a cookie is one to a request, too."""
    answers = view.find(ExchangeType.IKE_SA_INIT, response=True)
    for spi in dict.fromkeys(map(initiator_spi, answers)):
        own = [m for m in answers if initiator_spi(m) == spi]
        came = asked[spi, own[-1].from_initiator, own[-1].message_id]
        if 0 < came < sum(map(sent, own)):
            sentence = f"IKE_SA_INIT is answered {sum(map(sent, own))} times, its request came {came} times"
            yield Objection(view.sender(own[-1]), sentence, own[-1].pointer, "B18")


def _sent(view: PairView) -> Callable[[SeenMessage], int]:
    """How many times a message was sent for sure: as often as both captures have it."""
    far = view.evidence.far if view.twice else None
    beyond = Counter((d.source, d.destination, d.payload) for d in far.datagrams) if far else Counter()

    def times(message: SeenMessage) -> int:
        if far is None:
            return 1
        pieces = (piece.datagram for piece in message.pieces)
        here = Counter((each.source, each.destination, each.payload) for each in pieces)
        return max(1, *(min(count, beyond[datagram]) for datagram, count in here.items()))

    return times


def copies(message: SeenMessage) -> int:
    """How many times a message was sent at least: whole, or its fragment that was sent most often."""
    return max(_kinds(message).values())


def copies_at_most(message: SeenMessage) -> int:
    """The same of each set of fragments by itself: a request may be repeated in others (RFC 7383 section 2.5.2)."""
    most: dict[int, int] = {}
    for (total, _), times in _kinds(message).items():
        most[total] = max(times, most.get(total, 0))
    return sum(most.values())


def _kinds(message: SeenMessage) -> Counter[tuple[int, int]]:
    """How many times each fragment is there, by Total Fragments and Fragment Number; (0, 0) is the whole message."""
    fragments = (piece.fragment for piece in message.pieces)
    return Counter((each.total_fragments, each.fragment_number) if each else (0, 0) for each in fragments)

"""In which order messages are sent: one request at a time, and each exchange at its time (RFC 7296 2.3, RFC 9242)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from heapq import heappop, heappush
from math import inf

from harness.registry.messages import ExchangeType
from harness.registry.notifications import NotifyType
from harness.verify.check import Arguments, Checked, Due, Objection, wire_check
from harness.verify.checks.key_agreement import late_error
from harness.verify.checks.pair_messages import copies_at_most
from harness.verify.pair_view import PairView
from harness.verify.view import CaseView, View
from harness.verify.wire import SeenMessage, of
from harness.wire.payloads import Delete, Notify

_WINDOW_OCTETS = 4


@wire_check("one-request-at-a-time", due=Due.ALWAYS, requirement="B20")
def one_request_at_a_time(view: CaseView, _arguments: Arguments) -> Checked:
    """A side begins no exchange before its last one is answered, unless the other side has a larger window (B20).

    The window is one until the initial exchanges are complete. A request that is repeated is the same request. Where
    nobody can read what a side says of its window, it may have said anything in IKE_AUTH, and later.
    """
    objections, count = [], 0
    for initiator in (True, False):
        requests, answered = _requests(view, initiator=initiator), _answered(view, initiator=initiator)
        windows = _windows(view, of_initiator=not initiator)
        count += len(requests)
        waiting: list[tuple[float, int]] = []  # when a request gets its answer, and which one it is
        for index, message in enumerate(requests):
            while waiting and waiting[0][0] < message.frame:
                heappop(waiting)
            if len(waiting) >= max(size for frame, size in windows if frame < message.frame):
                sentence = f"{message.label} is sent while {requests[waiting[0][1]].label} is not answered"
                objections.append(Objection(view.sender(message), sentence, message.pointer))
            answer = _answer_to(message, answered)
            if answer < inf or isinstance(view, View):  # of two products the capture may lack it
                heappush(waiting, (answer, index))
    return Checked(f"{count} exchanges, each begun when the one before was answered", tuple(objections))


def _requests(view: CaseView, *, initiator: bool) -> list[SeenMessage]:
    """The requests of a side, one for each Message ID: IKE_SA_INIT may be sent in several versions."""
    found: dict[int, SeenMessage] = {}
    for message in view.messages:
        in_turn = message.sealed or message.exchange == ExchangeType.IKE_SA_INIT
        if in_turn and not message.response and message.from_initiator == initiator:
            found.setdefault(message.message_id, message)
    return list(found.values())


def _answered(view: CaseView, *, initiator: bool) -> dict[int, list[int]]:
    """The frames of the responses that a side gets, by Message ID."""
    found: dict[int, list[int]] = {}
    for message in view.messages:
        if message.response and message.from_initiator != initiator:
            found.setdefault(message.message_id, []).append(message.frame)
    return found


def _answer_to(request: SeenMessage, answered: Mapping[int, list[int]]) -> float:
    """The frame of the first response to a request; infinite where there is none."""
    return min((frame for frame in answered.get(request.message_id, ()) if frame > request.frame), default=inf)


def _windows(view: CaseView, *, of_initiator: bool) -> list[tuple[int, float]]:
    """How many requests a side has said it keeps state for, each time with the frame; one to begin with (2.3)."""
    if isinstance(view, PairView):
        early = ExchangeType.IKE_SA_INIT, ExchangeType.IKE_INTERMEDIATE
        later = (m for m in view.messages if m.from_initiator == of_initiator and m.exchange not in early)
        return [(-1, 1), *((message.frame, inf) for message in later if message.sealed)]
    said = [
        (message.frame, int.from_bytes(notify.data))
        for message in view.messages
        if message.from_initiator == of_initiator and message.opened
        for notify in of(message, Notify)
        if notify.notify_type == NotifyType.SET_WINDOW_SIZE and len(notify.data) == _WINDOW_OCTETS
    ]
    return [(-1, 1), *said]


@wire_check("exchanges-in-order", due=Due.ALWAYS, requirement="I03")
def exchanges_in_order(view: CaseView, _arguments: Arguments) -> Checked:
    """IKE_INTERMEDIATE comes before IKE_AUTH, and is begun by the initiator; other exchanges follow (B42, I03).

    INFORMATIONAL may come early where an initiator gives up. Whatever follows IKE_SA_INIT is sealed (B61, I06). Of two
    products the initiator alone begins IKE_AUTH, an IKE SA that was rekeyed has neither of the first two (B54, I03),
    and IKE_FOLLOWUP_KE comes behind a CREATE_CHILD_SA (A08).
    """
    objections = [*_in_clear(view), *_after_auth(view), *_before_auth_ended(view), *_not_its_turn(view)]
    names = dict.fromkeys(str(message.exchange) for message in view.messages)
    return Checked(f"exchanges in their order: {', '.join(names)}", tuple(objections))


def _in_clear(view: CaseView) -> Iterable[Objection]:
    """All that follows IKE_SA_INIT is protected, but for a word that no such SA is there (RFC 7296 section 1.2)."""
    for message in view.messages:
        if message.protected and not message.sealed and not late_error(message):
            rule = "I06" if message.exchange == ExchangeType.IKE_INTERMEDIATE else "B61"
            yield Objection(view.sender(message), f"{message.label} has no Encrypted payload", message.pointer, rule)


def _after_auth(view: CaseView) -> Iterable[Objection]:
    for message in view.find(ExchangeType.IKE_INTERMEDIATE, response=False, initiator=False):
        if message.sealed:  # "the initiator ... starts" the exchanges before IKE_AUTH (RFC 9242 section 3.2)
            yield Objection(view.sender(message), f"{message.label} is begun by the responder", message.pointer, "I03")
    first = min((m.message_id for m in view.find(ExchangeType.IKE_AUTH, response=False, initiator=True)), default=None)
    for message in view.find(ExchangeType.IKE_INTERMEDIATE, response=False, initiator=True):
        if first is not None and message.sealed and message.message_id > first:
            yield Objection(view.sender(message), f"{message.label} comes after IKE_AUTH", message.pointer, "I03")


def _before_auth_ended(view: CaseView) -> Iterable[Objection]:
    if view.rekeyed:
        return
    ended = min((m.frame for m in view.find(ExchangeType.IKE_AUTH, response=True)), default=inf)
    # Where a request came again its answer may be lost: for the responder IKE_AUTH has ended with that.
    side = True if any(copies_at_most(m) > 1 for m in view.find(ExchangeType.IKE_AUTH, response=False)) else None
    for exchange in (ExchangeType.CREATE_CHILD_SA, ExchangeType.IKE_FOLLOWUP_KE):
        for message in view.find(exchange, response=False, initiator=side):
            if message.sealed and message.frame < ended:
                sentence = f"{message.label} comes before IKE_AUTH has ended"
                yield Objection(view.sender(message), sentence, message.pointer, "B42")
    for message in view.find(ExchangeType.INFORMATIONAL, response=False, initiator=side):
        if message.sealed and message.frame < ended and not _gives_up(message, ended):
            sentence = f"{message.label} comes before IKE_AUTH has ended"
            yield Objection(view.sender(message), sentence, message.pointer, "B42")


def _gives_up(message: SeenMessage, ended: float) -> bool:
    """Whether an initiator may end the initial exchanges so: it tells of what it cannot accept (section 2.21.2).

    What nobody can read may say that, unless IKE_AUTH has ended all the same, in frame ``ended``.
    """
    failed = any(notify.notify_type.is_error for notify in of(message, Notify)) or bool(of(message, Delete))
    return message.from_initiator and (failed or (not message.readable and ended == inf))


def _not_its_turn(view: CaseView) -> Iterable[Objection]:
    """Exchanges that the side, or the IKE SA, has no call for. A deviation of ours may ask for any."""
    if not isinstance(view, PairView):
        return
    for exchange, rule in ((ExchangeType.IKE_INTERMEDIATE, "I03"), (ExchangeType.IKE_AUTH, "B54")):
        for message in view.find(exchange, response=False):
            turned = exchange == ExchangeType.IKE_AUTH and not message.from_initiator
            if message.sealed and (view.rekeyed or turned):
                place = "in a rekeyed IKE SA" if view.rekeyed else "by the responder"
                yield Objection(view.sender(message), f"{message.label} is sent {place}", message.pointer, rule)
    created = view.find(ExchangeType.CREATE_CHILD_SA, response=False)
    for message in view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False):
        own = (m for m in created if m.from_initiator == message.from_initiator and m.frame < message.frame)
        if message.sealed and not any(own):
            sentence = f"{message.label} follows no CREATE_CHILD_SA exchange of its sender"
            yield Objection(view.sender(message), sentence, message.pointer, "A08")
    yield from _before_its_word(view)


def _before_its_word(view: CaseView) -> Iterable[Objection]:
    """An IKE_FOLLOWUP_KE request in front of the response whose ADDITIONAL_KEY_EXCHANGE it repeats (RFC 9370 2.2.4).

    Several series may be in progress: each of their responses has the word for one request.
    """
    series = (ExchangeType.CREATE_CHILD_SA, ExchangeType.IKE_FOLLOWUP_KE)
    told = {(m.from_initiator, m.message_id): m.frame for m in view.messages if m.response and m.exchange in series}
    for message in view.find(ExchangeType.IKE_FOLLOWUP_KE, response=False):
        own = [
            m
            for exchange in series
            for m in view.find(exchange, response=False, initiator=message.from_initiator)
            if m.sealed and m.frame < message.frame
        ]
        words = [told.get((not m.from_initiator, m.message_id)) for m in own]
        used = sum(m.exchange == ExchangeType.IKE_FOLLOWUP_KE for m in own)
        late = [frame for frame in words if frame is not None and frame > message.frame]
        if message.sealed and late and len(words) - words.count(None) - len(late) <= used:
            sentence = f"{message.label} comes before the response to the exchange that it follows"
            yield Objection(view.sender(message), sentence, message.pointer, "A08")

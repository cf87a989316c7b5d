"""Two products' messages: answers that nobody asked for, or too many of them, and requests that are out of place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from pair_builder import FIRST, HERE, SECOND, THERE, good_pair

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, ESTABLISHED, PairReport, PeerReport, StepReport
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.scenario.model import Step
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.pair_messages import copies, copies_at_most, unasked_responses
from harness.verify.pair_view import PairView
from harness.verify.wire import Piece, SeenMessage
from harness.wire.payloads import Encrypted, EncryptedFragment, Notify, Unknown

DUE, PAIR = "pair-messages-as-due", "pairs/hybrid"
INIT, AUTH, INFORMATIONAL = ExchangeType.IKE_SA_INIT, ExchangeType.IKE_AUTH, ExchangeType.INFORMATIONAL
CREATE = ExchangeType.CREATE_CHILD_SA
SPI, OTHER = bytes(range(8)), bytes(range(1, 9))
NOTHING = PeerReport("1", (), "[]")
Said = tuple[str, str | None, str]
SEALED = Encrypted(PayloadType.SA, bytes(40))


def piece(frame: int, *payloads: Any, spi: bytes = SPI, by: int = 0, mark: bytes = b"") -> Piece:
    """A datagram of the initiator (0) or the responder (1)."""
    model = good_pair(PAIR).view.messages[0].pieces[0]
    octets = spi + bytes(20) + mark
    ends = ((HERE, 500), (THERE, 500))
    source, destination = ends if by == 0 else ends[::-1]
    datagram = CapturedDatagram(frame, 0.0, source, destination, octets, (48,))
    return Piece(datagram, octets, replace(model.message, payloads=payloads))


def message(
    exchange: ExchangeType, number: int, frame: int, *, by: int = 0, response: bool = False, spi: bytes = SPI,
    times: int = 1, sealed: bool = True, payloads: Sequence[Any] | None = None,
) -> SeenMessage:  # fmt: skip
    """A message, once or in copies."""
    held = payloads if payloads is not None else [SEALED] if sealed and exchange != INIT else []
    mark = bytes((exchange, number, response))
    pieces = (piece(frame + at, *held, spi=spi, by=by, mark=mark) for at in range(times))
    return SeenMessage(exchange, number, response, by == 0, tuple(pieces))


def exchange(kind: ExchangeType, number: int, frame: int, *, by: int = 0, **parts: Any) -> list[SeenMessage]:
    """A request, and its answer in the next frame."""
    return [
        message(kind, number, frame, by=by, **parts),
        message(kind, number, frame + 1, by=1 - by, response=True, **parts),
    ]


def begun() -> list[SeenMessage]:
    """IKE_SA_INIT and IKE_AUTH."""
    return [*exchange(INIT, 0, 1), *exchange(AUTH, 1, 3)]


def view_of(messages: Iterable[SeenMessage], **parts: Any) -> PairView:
    view = replace(good_pair(PAIR).view, messages=tuple(messages), restored=(), **parts)
    return replace(view, each=(replace(view, each=None),))


def said(messages: Iterable[SeenMessage], **parts: Any) -> list[Said]:
    found: Iterable[Objection] = CHECKS[DUE](view_of(messages, **parts)).objections
    return [(each.party, each.requirement, each.sentence) for each in found]


def test_messages_in_their_place():
    assert said([*begun(), *exchange(CREATE, 2, 5), *exchange(INFORMATIONAL, 0, 7, by=1)]) == []


REFUSAL, STATUS = Notify(NotifyType.NO_PROPOSAL_CHOSEN), Notify(NotifyType.INITIAL_CONTACT)


def test_an_answer_chooses_or_refuses():
    """RFC 7296 section 1.2."""
    (sa,) = (p for p in good_pair(PAIR).message("IKE_SA_INIT response 0").payloads if p.type == PayloadType.SA)

    def answered(*payloads: Any) -> list[Said]:
        return said([message(INIT, 0, 1), message(INIT, 0, 2, by=1, response=True, payloads=payloads)])

    sentence = "IKE_SA_INIT response 0 chooses a proposal and has NO_PROPOSAL_CHOSEN, too"
    assert answered(STATUS, sa, REFUSAL, Notify(NotifyType.INVALID_SYNTAX)) == [(SECOND, "B54", sentence)]
    cookie = Notify(NotifyType.COOKIE, b"cookie")  # section 2.6
    assert answered(cookie, sa) == [(SECOND, "B54", "IKE_SA_INIT response 0 chooses a proposal and has COOKIE, too")]
    assert answered(cookie, STATUS) == []
    assert answered(sa, STATUS) == answered(REFUSAL) == answered(sa) == []
    asked = message(INIT, 0, 1, payloads=(sa, REFUSAL))
    assert said([asked, message(INIT, 0, 2, by=1, response=True)]) == []  # in a request it is to be ignored


def refused(kind: NotifyType, *payloads: Any, version: int = 0x20, exchange: ExchangeType = INIT) -> list[Said]:
    """A request with these payloads, and the refusal of it."""
    ask = message(INIT, 0, 1, payloads=payloads)
    (one,) = ask.pieces
    header = replace(one.message.header, version=version)
    ask = replace(ask, pieces=(replace(one, message=replace(one.message, header=header)),))
    return said([ask, message(exchange, 0, 2, by=1, response=True, payloads=[Notify(kind)])])


VERSION_TOO, CRITICAL_TOO = NotifyType.INVALID_MAJOR_VERSION, NotifyType.UNSUPPORTED_CRITICAL_PAYLOAD


def test_a_refusal_names_what_its_request_has():
    """RFC 7296 section 2.5."""
    plain, critical = (Unknown(PayloadType(200), b"ours", flags=flags) for flags in (0, 0x80))
    what = f"IKE_SA_INIT response 0 has {VERSION_TOO}, and no request is of a later version"
    for version in (0x10, 0x20, 0x2F):
        assert refused(VERSION_TOO, critical, version=version) == [(SECOND, "B16", what)]
    assert refused(VERSION_TOO, version=0x30) == []
    what = f"IKE_SA_INIT response 0 has {CRITICAL_TOO}, and no request has a critical payload"
    assert refused(CRITICAL_TOO, plain, version=0x30) == [(SECOND, "B13", what)]
    assert refused(CRITICAL_TOO, plain, critical) == []
    assert refused(NotifyType.NO_PROPOSAL_CHOSEN) == []
    assert refused(VERSION_TOO, exchange=AUTH) == []


def test_a_refusal_of_a_request_that_is_not_seen_may_be_right():
    answer = message(INIT, 0, 2, by=1, response=True, payloads=[Notify(CRITICAL_TOO)])
    assert said([answer]) == []
    assert said([answer, message(INIT, 0, 3)]) == []
    critical = message(INIT, 0, 1, payloads=[Unknown(PayloadType(200), b"ours", flags=0x80)])
    assert said([critical, replace(message(INIT, 0, 1, payloads=[]), pieces=(piece(1, mark=b"other"),)), answer]) == []


def test_an_exchange_type_that_is_reserved():
    """RFC 7296 section 3.1; who answers repeats it."""
    what = "ExchangeType {} request 2 is of an exchange type that is reserved"
    for number in (0, 33):
        assert said([*begun(), *exchange(ExchangeType(number), 2, 5)]) == [(FIRST, "B60", what.format(number))]
    assert said([*begun(), *exchange(ExchangeType(200), 2, 5)]) == []
    assert said([*begun(), *exchange(ExchangeType(33), 2, 5, sealed=False)]) == []
    assert said([*begun(), message(INIT, 2, 5, payloads=[SEALED])]) == []


def test_a_number_is_one_requests_alone():
    same = message(CREATE, 1, 9)
    sentence = "CREATE_CHILD_SA request 1 has the number of the IKE_AUTH request 1"
    assert said([*begun(), same]) == [(FIRST, "B22", sentence)]
    assert said([*begun(), message(CREATE, 1, 9, sealed=False)]) == []  # anybody can say that
    assert said([*begun(), *exchange(CREATE, 1, 9, by=1)]) == []  # each side counts by itself
    assert said([*begun(), message(CREATE, 0, 9)]) == [
        (FIRST, "B22", "CREATE_CHILD_SA request 0 has the number of the IKE_SA_INIT request 0")
    ]
    assert said([*begun(), message(INIT, 0, 9)]) == []  # with a cookie


def after(*messages: SeenMessage, by: int = 0, last: StepReport | None = None) -> list[Said]:
    """What is said of messages behind a deletion in frames 20 and 21, which a side has asked for."""
    view = view_of([*begun(), *exchange(INFORMATIONAL, 2, 20, by=by), *messages])
    told = last or StepReport(DELETED, 0.0, NOTHING, NOTHING)
    view = replace(view, report=replace(view.report, steps=(told,)))
    return [(each.party, each.requirement, each.sentence) for each in CHECKS[DUE](view).objections]


def test_who_has_the_answer_to_its_deletion_asks_no_more():
    late = message(INFORMATIONAL, 3, 30)
    sentence = "INFORMATIONAL request 3 is sent in an IKE SA whose deletion was answered"
    assert after(late) == [(FIRST, "B29", sentence)]
    theirs = message(INFORMATIONAL, 3, 30, by=1)
    assert after(theirs, by=1) == [(SECOND, "B29", sentence)]
    assert after(theirs) == []  # it may have been on its way
    for other in (
        message(INFORMATIONAL, 3, 10), message(INFORMATIONAL, 2, 30), message(INFORMATIONAL, 3, 30, sealed=False),
        message(INFORMATIONAL, 3, 15, spi=OTHER),
    ):  # fmt: skip
        assert after(other) == []


def test_another_ike_sa_may_go_on():
    """The one that began first, here."""
    both = (message(INFORMATIONAL, number, frame, spi=OTHER) for number, frame in ((1, 1), (3, 30)))
    assert "B29" not in {rule for _, rule, _ in after(*both)}


def test_what_a_side_still_reports_was_not_deleted():
    report = good_pair(PAIR).reported("established", "initiator")
    late = message(INFORMATIONAL, 3, 30)
    for last in (
        StepReport(DELETED, 0.0, report, NOTHING), StepReport(DELETED, 0.0, NOTHING, report),
        StepReport("established", 0.0, NOTHING, NOTHING),
    ):  # fmt: skip
        assert after(late, last=last) == []
    view = view_of([*begun(), *exchange(INFORMATIONAL, 2, 20), late])
    assert CHECKS[DUE](replace(view, report=replace(view.report, steps=()))).objections == ()


def esp(frame: int, side: int) -> CapturedDatagram:
    model = next(each for each in good_pair(PAIR).view.esp if each.source[0] == (HERE, THERE)[side])
    return replace(model, frame=frame)


def authenticated(
    frame: int, *packets: CapturedDatagram, sealed: bool = True, more: Sequence[SeenMessage] = ()
) -> bool:
    """Whether it is held against the initiator that it authenticates in this frame."""
    view = good_pair(PAIR).view
    wire = replace(view.wire, datagrams=packets)
    again = message(AUTH, 2, frame, sealed=sealed)
    found = [each for each in said([*begun(), *more, again], wire=wire) if "comes after ESP" in each[2]]
    sentence = "IKE_AUTH request 2 comes after ESP of both sides, when IKE_AUTH was complete"
    assert found in ([], [(FIRST, "B54", sentence)])
    return bool(found)


def test_ike_auth_is_over_once_esp_has_gone_both_ways():
    first, second = esp(10, 0), esp(12, 1)
    assert authenticated(13, first, second) and authenticated(13, second, first, esp(14, 0), esp(15, 1))
    assert not authenticated(11, first, second) and not authenticated(11, second, first)
    assert not authenticated(13, first) and not authenticated(13, second) and not authenticated(13)
    assert not authenticated(13, first, second, sealed=False)
    other = exchange(INIT, 0, 5, spi=OTHER)
    assert not authenticated(13, first, second, more=other)  # of the other IKE SA


def test_an_answer_far_beyond_all_requests_is_to_none():
    def answer(number: int, **parts: Any) -> SeenMessage:
        return message(INFORMATIONAL, number, 30, **{"by": 1, "response": True, **parts})

    sentence = "INFORMATIONAL response 3 answers no request"
    assert said([*begun(), answer(3)]) == [(SECOND, "B22", sentence)]
    assert said([*begun(), answer(2)]) == []  # the capture may lack one
    assert unasked_responses(view_of([*begun(), answer(3, sealed=False)])) == []
    early = message(INFORMATIONAL, 5, 9)
    assert unasked_responses(view_of([early, *begun(), answer(6)])) == []
    assert [m.message_id for m in unasked_responses(view_of([early, *begun(), answer(7)]))] == [7]
    for asked in (replace(early, from_initiator=False), message(INFORMATIONAL, 5, 9, sealed=False)):
        assert len(unasked_responses(view_of([*begun(), asked, answer(6)]))) == 1
    for other in (answer(1, by=0), answer(1, spi=OTHER)):
        assert unasked_responses(view_of([*begun(), other])) == [other]
    first = message(INFORMATIONAL, 0, 9)
    assert unasked_responses(view_of([first, answer(1)])) == []
    assert len(unasked_responses(view_of([first, answer(2)]))) == 1
    assert unasked_responses(view_of([answer(0)])) == []
    assert len(unasked_responses(view_of([answer(1)]))) == 1


REKEYS = (Step.REKEY_CHILD, Step.REKEY_IKE)


def watched(*messages: SeenMessage, done: Sequence[str] = (), twice: bool = True) -> list[str]:
    """The answers to no request, where these steps were taken, and both ends are watched."""
    steps = tuple(StepReport(step, 0.0, NOTHING, NOTHING) for step in (ESTABLISHED, *done))
    view = view_of([*begun(), *messages])
    return [m.label for m in unasked_responses(replace(view, report=PairReport(steps), twice=twice))]


def test_a_response_of_the_next_number_answers_nothing_where_both_ends_are_watched():
    answer = message(INFORMATIONAL, 2, 9, by=1, response=True)
    assert watched(answer) == ["INFORMATIONAL response 2"]
    assert watched(message(INFORMATIONAL, 0, 9, response=True)) == ["INFORMATIONAL response 0"]
    assert watched(answer, twice=False) == []
    assert watched(replace(answer, exchange=AUTH)) == []  # the case may have asked for it
    assert watched(message(INFORMATIONAL, 1, 9, by=1, response=True)) == []
    assert watched(message(INFORMATIONAL, 0, 9, by=1, response=True, spi=OTHER)) == []
    assert watched(message(INFORMATIONAL, 2, 7), answer) == []


@pytest.mark.parametrize("step", [Step.REKEY_CHILD, Step.REKEY_IKE, DELETED])
def test_what_came_about_may_have_been_asked_for(step):
    """Each rekey takes a CREATE_CHILD_SA exchange, and it and the deletion an INFORMATIONAL one."""
    answer = message(INFORMATIONAL, 4, 20, by=1, response=True)
    created = replace(answer, exchange=CREATE)
    both = [*exchange(CREATE, 2, 9), *exchange(INFORMATIONAL, 3, 11)]
    for done, others, made in (((step,), True, True), ((step, step), False, step == DELETED)):
        assert bool(watched(*both, answer, done=done)) is others
        assert bool(watched(*both, created, done=done)) is made
        assert bool(watched(*both, answer, done=(*done, Step.TRAFFIC))) is others


def test_what_cannot_be_read_may_be_the_request():
    view = view_of([*begun(), message(INFORMATIONAL, 2, 9, by=1, response=True)])
    view = replace(view, report=PairReport((StepReport(ESTABLISHED, 0.0, NOTHING, NOTHING),)), twice=True)
    odd = replace(begun()[0].pieces[0].datagram, payload=b"no message")
    assert len(unasked_responses(view)) == 1
    assert unasked_responses(replace(view, malformed=(odd,))) == []


def twice_seen(*messages: SeenMessage, beyond: Iterable[SeenMessage] | None = None) -> list[Said]:
    """What is said where both captures have these messages, or that of the responder other ones."""
    pair = good_pair(PAIR)
    far = tuple(p.datagram for m in (messages if beyond is None else beyond) for p in m.pieces)
    evidence = replace(pair.evidence, far=replace(pair.wire, datagrams=far))
    return said(messages, evidence=evidence, twice=True)


def test_an_answer_is_sent_as_often_as_its_request_comes():
    """RFC 7296 section 2.1."""
    request = message(AUTH, 1, 3)
    answer = message(AUTH, 1, 5, by=1, response=True, times=2)
    sentence = "IKE_AUTH response 1 is sent 2 times, its request came 1 times"
    assert twice_seen(request, answer) == [(SECOND, "B18", sentence)]
    assert twice_seen(message(AUTH, 1, 3, times=2), answer) == []
    once = replace(answer, pieces=answer.pieces[:1])
    assert twice_seen(request, answer, beyond=[request, once]) == []  # the path may have doubled it
    assert said([request, answer]) == []  # nor does one capture alone tell
    for others in ([], [message(AUTH, 1, 3, spi=OTHER)], [message(AUTH, 1, 3, by=1)], [message(CREATE, 2, 3)]):
        assert "B18" not in {rule for _, rule, _ in twice_seen(*others, answer)}
    bare = message(AUTH, 1, 5, by=1, response=True, times=2, sealed=False)
    assert twice_seen(request, bare) == []
    mine = message(INFORMATIONAL, 0, 9, by=1)
    assert twice_seen(mine, message(INFORMATIONAL, 0, 10, response=True, times=2)) == [
        (FIRST, "B18", "INFORMATIONAL response 0 is sent 2 times, its request came 1 times")
    ]


def test_each_side_has_requests_and_answers_of_its_own():
    theirs = message(INFORMATIONAL, 1, 20, by=1)
    repeated = message(INFORMATIONAL, 1, 3, times=2), message(INFORMATIONAL, 1, 5, by=1, response=True, times=2)
    assert twice_seen(*repeated, theirs, message(INFORMATIONAL, 1, 21, response=True)) == []
    often = message(INFORMATIONAL, 1, 21, response=True, times=2)
    sentence = "INFORMATIONAL response 1 is sent 2 times, its request came 1 times"
    assert twice_seen(*exchange(INFORMATIONAL, 1, 3), theirs, often) == [(FIRST, "B18", sentence)]


def test_requests_of_one_number_count_together():
    """Whatever one of them came with."""
    answer = message(AUTH, 1, 9, by=1, response=True, times=2)
    assert twice_seen(message(AUTH, 1, 3), message(AUTH, 1, 4, sealed=False), answer) == []


def test_of_ike_sa_init_all_answers_count_together():
    """A cookie is one to a request, too."""
    ask, cookie, answer = message(INIT, 0, 1), message(INIT, 0, 2, by=1, response=True), message(
        INIT, 0, 3, by=1, response=True, payloads=(STATUS,))  # fmt: skip
    sentence = "IKE_SA_INIT is answered 2 times, its request came 1 times"
    assert twice_seen(ask, cookie, answer) == [(SECOND, "B18", sentence)]
    again = message(INIT, 0, 4, payloads=(STATUS,))
    assert twice_seen(ask, cookie, again, answer) == twice_seen(cookie, answer) == []
    other = [replace(each, pieces=(replace(each.pieces[0], octets=OTHER + bytes(20)),)) for each in (ask, answer)]
    assert twice_seen(ask, cookie, *other) == []
    (_, _, words) = twice_seen(*other, ask, cookie, answer)[0]
    assert words == sentence
    assert [rule for _, rule, _ in twice_seen(ask, replace(cookie, message_id=5), answer)] == ["B18"]
    assert said([ask, cookie, answer]) == twice_seen(ask, cookie, answer, beyond=[ask]) == [(SECOND, "B18", sentence)]
    (objection,) = CHECKS[DUE](view_of([ask, cookie, answer])).objections
    assert objection.pointer == answer.pointer
    odd = message(INIT, 0, 2, by=1, response=True, times=2, payloads=(SEALED,))
    assert twice_seen(ask, odd) == [(SECOND, "B18", sentence)]  # once
    doubled = message(INIT, 0, 2, by=1, response=True, times=3)
    assert [words for _, _, words in twice_seen(ask, doubled)] == [sentence.replace("2 times,", "3 times,")]


def fragments(*numbers: tuple[int, int]) -> SeenMessage:
    """A message in fragments of (number, total); (0, 0) is the whole."""
    held = (
        piece(at, EncryptedFragment(PayloadType.SA, number, total, bytes(40)) if total else SEALED)
        for at, (number, total) in enumerate(numbers)
    )
    return SeenMessage(AUTH, 1, False, True, tuple(held))


@pytest.mark.parametrize(
    ("numbers", "at_least", "at_most"),
    [
        ([(0, 0)], 1, 1), ([(0, 0), (1, 1)], 1, 2),
        ([(0, 0), (0, 0)], 2, 2), ([(1, 2), (2, 2)], 1, 1), ([(1, 2), (2, 2), (2, 2)], 2, 2),
        ([(1, 2), (1, 2), (2, 2)], 2, 2), ([(0, 0), (1, 2), (2, 2)], 1, 2), ([(1, 2), (2, 2), (1, 3), (2, 3)], 1, 2),
        ([(0, 0), (0, 0), (1, 2), (1, 2), (1, 2)], 3, 5),
    ],
)  # fmt: skip
def test_how_often_a_message_came(numbers, at_least, at_most):
    """It may be repeated in other fragments (RFC 7383 section 2.5.2)."""
    assert (copies(fragments(*numbers)), copies_at_most(fragments(*numbers))) == (at_least, at_most)

"""Two products: what is left of an IKE SA at the end, and requests that nobody answers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_builder import FIRST, SECOND, good_pair

from harness.evidence.peer_report import DELETED, SaReport
from harness.registry.messages import ExchangeType
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.deletion import ON_ITS_WAY
from harness.verify.checks.exchanges import ends_by_deletion, late_esp
from harness.verify.pair_view import PairView
from harness.verify.wire import SeenMessage, sealed_payload

HYBRID, ANSWERED, GONE = "pairs/hybrid", "pair-requests-answered", "pair-deleted-on-both-sides"
OTHER = bytes(range(1, 9))  # the initiator's SPI of another IKE SA
INIT, INFORMATIONAL, AUTH = ExchangeType.IKE_SA_INIT, ExchangeType.INFORMATIONAL, ExchangeType.IKE_AUTH
BEFORE, BEHIND = 12, 100  # frames: of traffic, and of what comes behind the deletion


def of_another(exchange: ExchangeType, frame: int, spi: bytes = OTHER) -> SeenMessage:
    """A message in clear, of another IKE SA unless its SPI is given."""
    model = good_pair(HYBRID).message("IKE_SA_INIT request 0")
    piece = model.pieces[0]
    octets = spi + piece.octets[8:]
    return replace(
        model, exchange=exchange, pieces=(replace(piece, octets=octets, datagram=replace(piece.datagram, frame=frame)),)
    )


def left_over(*seen: SeenMessage, state: str = "CONNECTING", spi: str | None = OTHER.hex()) -> PairView:
    """The responder reports another IKE SA after the deletion, of which these messages are on the wire."""
    pair = good_pair(HYBRID)
    (sa,) = pair.reported("established", "responder").sas
    other: SaReport = replace(sa, state=state, initiator_spi=spi)
    told = pair.with_step(DELETED, responder=replace(pair.reported(DELETED, "responder"), sas=(other,)))
    view = told.view
    return replace(view, messages=(*view.messages, *seen))


def said(view: PairView, check: str = GONE) -> tuple[Objection, ...]:
    return CHECKS[check](view).objections


def test_a_side_may_begin_another_ike_sa_once_the_first_is_gone():
    """It may go on trying (RFC 7296 section 2.4)."""
    assert said(left_over()) == said(left_over(of_another(INIT, BEHIND))) == ()
    assert said(left_over(of_another(INIT, BEHIND), of_another(INIT, BEHIND + 1))) == ()


@pytest.mark.parametrize(
    "exchanges",
    [[(INIT, BEFORE)], [(INIT, BEHIND), (AUTH, BEHIND + 1)], [(AUTH, BEHIND)], [(INIT, BEFORE), (INIT, BEHIND)]],
)
def test_an_ike_sa_that_came_to_more_is_left_over(exchanges):
    (objection,) = said(left_over(*(of_another(*each) for each in exchanges)))
    assert (objection.party, objection.sentence) == (SECOND, f"{SECOND} still reports an IKE SA after the deletion")


def test_an_ike_sa_that_stands_or_has_no_spi_is_left_over():
    assert len(said(left_over(state="ESTABLISHED"))) == len(said(left_over(spi=None))) == 1


def test_without_a_deletion_no_ike_sa_comes_behind_it():
    view = left_over(of_another(INIT, BEHIND))
    last = [m for m in view.messages if m.exchange == INFORMATIONAL and m.response][-1]
    undeleted = replace(view, messages=tuple(m for m in view.messages if m is not last))
    assert ends_by_deletion(undeleted) is None
    words = f"{SECOND} still reports an IKE SA after the deletion"
    assert words in {each.sentence for each in said(undeleted)}
    unseen = replace(undeleted, messages=undeleted.messages[:-1])  # it may begin another one all the same
    assert words not in {each.sentence for each in said(unseen)}


def test_what_is_in_clear_ends_nothing_and_is_no_later_use():
    view = good_pair(HYBRID).view
    last = view.messages[-1]
    assert ends_by_deletion(view) is last and last.response
    own = last.pieces[0].octets[:8]
    for exchange in (ExchangeType.CREATE_CHILD_SA, INFORMATIONAL):
        for response in (True, False):
            clear = replace(of_another(exchange, BEHIND, own), response=response)
            assert ends_by_deletion(replace(view, messages=(*view.messages, clear))) is last


def test_an_exchange_of_another_kind_behind_it_shows_that_it_deleted_something_else():
    view = good_pair(HYBRID).view
    request = view.messages[-2]
    piece = replace(request.pieces[0], datagram=replace(request.pieces[0].datagram, frame=BEHIND))
    later = replace(request, exchange=ExchangeType.CREATE_CHILD_SA, message_id=4, pieces=(piece,))
    answer = replace(later, response=True)
    for behind in ((later,), (answer,), (later, answer)):
        assert ends_by_deletion(replace(view, messages=(*view.messages, *behind))) is None


def test_the_last_of_several_answers_ends_it():
    """The one before may be a sign of life."""
    view = good_pair(HYBRID).view
    last = view.messages[-1]
    piece = replace(last.pieces[0], datagram=replace(last.pieces[0].datagram, frame=BEHIND))
    later = replace(last, message_id=last.message_id + 1, pieces=(piece,))
    assert ends_by_deletion(replace(view, messages=(*view.messages, later))) is later


def left_open(seconds: float, *, ends: tuple[float, float] = (0, 0), twice: bool = True, copies: int = 1) -> PairView:
    """The request to delete has no answer; so long after it both captures end, and this much later each."""
    view = good_pair(HYBRID).view
    *messages, request = view.messages[:-1]
    asked = replace(request, pieces=request.pieces * copies)
    end = request.pieces[0].datagram.at + seconds
    report = replace(view.report, ended=(end + ends[0], end + ends[1]))
    return replace(view, messages=(*messages, asked), report=report, twice=twice)


def test_one_request_that_both_captures_have_long_before_their_end_is_left_open():
    (objection,) = said(left_open(30.01), ANSWERED)
    assert (objection.party, objection.requirement) == (SECOND, "B30")
    assert objection.sentence.endswith(f"of {FIRST} was sent once, long before the end, and never answered")
    (twice,) = said(left_open(30.01, copies=2), ANSWERED)
    assert "was sent 2 times and" in twice.sentence
    for ends in ((0.0, 1.0), (1.0, 0.0)):
        assert said(left_open(29.99, ends=ends), ANSWERED) == ()
    assert said(left_open(30.01, twice=False), ANSWERED) == ()
    answered = replace(left_open(30.01), messages=good_pair(HYBRID).view.messages)
    assert said(answered, ANSWERED) == ()
    assert said(replace(left_open(30.01), messages=()), ANSWERED) == ()


def test_what_is_not_the_last_word_is_left_open_by_nobody():
    view = left_open(30.01)
    later = replace(of_another(INFORMATIONAL, BEHIND, view.messages[-1].pieces[0].octets[:8]), from_initiator=False)
    assert len(said(replace(view, messages=(*view.messages, later)), ANSWERED)) == 1  # in clear anybody says that
    model = view.messages[-1]
    piece = replace(model.pieces[0], datagram=replace(model.pieces[0].datagram, frame=BEHIND))
    sealed = replace(model, from_initiator=False, response=True, message_id=0, pieces=(piece,))
    assert said(replace(view, messages=(*view.messages, sealed)), ANSWERED) == ()


def test_who_has_asked_and_waits_may_keep_its_ike_sa():
    view = left_open(30.01)
    kept = good_pair(HYBRID).reported("established", "initiator")
    steps = tuple(replace(s, initiator=kept) if s.step == DELETED else s for s in view.report.steps)
    kept_view = replace(view, report=replace(view.report, steps=steps))
    assert [each.party for each in said(kept_view)] == [""]
    bare = replace(view.messages[-1].pieces[0], message=replace(view.messages[-1].pieces[0].message, payloads=()))
    for other in (replace(view.messages[-1], exchange=AUTH), replace(view.messages[-1], pieces=(bare,))):
        unlike = replace(kept_view, messages=(*kept_view.messages[:-1], other))
        assert [each.party for each in said(unlike)] == [FIRST, ""]


def with_esp(view: PairView, frame: int, at: float) -> PairView:
    packet = replace(view.esp[-1], frame=frame, at=at)
    return replace(view, wire=replace(view.wire, datagrams=(*view.wire.datagrams, packet)))


def test_esp_is_late_where_order_and_clock_say_so():
    view = good_pair(HYBRID).view
    response = view.messages[-1]
    at = response.pieces[0].datagram.at
    for frame, seconds, late in ((BEHIND, 1.5, True), (BEHIND, ON_ITS_WAY, False), (BEFORE, 1.5, False)):
        assert bool(late_esp(with_esp(view, frame, at + seconds), response)) is late


def test_an_answer_that_was_sent_again_may_have_come_the_second_time_alone():
    view = good_pair(HYBRID).view
    response = view.messages[-1]
    piece = response.pieces[0]
    again = replace(piece, datagram=replace(piece.datagram, frame=BEHIND, at=piece.datagram.at + 1))
    twice = replace(response, pieces=(piece, again))
    for seconds, late in ((1.5, False), (2.5, True)):
        assert bool(late_esp(with_esp(view, BEHIND + 1, piece.datagram.at + seconds), twice)) is late


def test_an_answer_alone_may_end_it():
    """Of a capture that lacks all before."""
    last = good_pair(HYBRID).view.messages[-1]
    piece = last.pieces[0]
    first = replace(last, pieces=(replace(piece, datagram=replace(piece.datagram, frame=1)),))
    assert ends_by_deletion(replace(good_pair(HYBRID).view, messages=(first,))) is first


def unanswered(frame: int, number: int) -> SeenMessage:
    """A request of the initiator that was sent twice, and never answered."""
    model = good_pair(HYBRID).message("INFORMATIONAL request 3")
    piece = replace(model.pieces[0], datagram=replace(model.pieces[0].datagram, frame=frame))
    assert sealed_payload(piece.message) is not None
    return replace(model, message_id=number, pieces=(piece, piece))


def test_who_does_not_answer_is_named_unless_the_ike_sa_is_gone():
    view = good_pair(HYBRID).view
    early, late = unanswered(BEFORE, 7), unanswered(BEHIND, 8)
    assert said(replace(view, messages=(*view.messages, late)), ANSWERED) == ()
    for both in ((early, late), (late, early)):
        (objection,) = said(replace(view, messages=(*view.messages, *both)), ANSWERED)
        assert (objection.party, objection.pointer) == (SECOND, early.pointer)
        assert objection.sentence == f"INFORMATIONAL request 7 of {FIRST} was sent 2 times and never answered"

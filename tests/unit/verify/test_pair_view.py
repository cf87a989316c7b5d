"""The IKE SAs of two products, each by itself."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest
from lines import messages, pieces, spi
from pair_alterations import clear, found, header, junk, stray
from pair_builder import FIRST, HERE, SECOND, THERE, Pair, good_pair
from pair_defect_rows import sealed_again
from pair_legitimate_rows import rekeyed_by_the_responder

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, ESTABLISHED, PeerReport
from harness.registry.messages import ExchangeType, PayloadType
from harness.scenario.model import Step
from harness.verify.pair_view import PairView, established, initiator_spi
from harness.verify.wire import SeenMessage, of
from harness.wire.message import INITIATOR, Message
from harness.wire.payloads import Encrypted, Nonce, SecurityAssociation

HYBRID, REKEY, CLASSICAL = "pairs/hybrid", "pairs/rekey", "pairs/classical"
ANSWER, REQUEST = "IKE_SA_INIT response 0", "IKE_SA_INIT request 0"
NOTHING = PeerReport("1", (), "[]")


@pytest.mark.parametrize(("scenario", "count"), [(HYBRID, 1), (CLASSICAL, 1), (REKEY, 4)])
def test_each_ike_sa_has_its_own_messages_in_the_order_of_the_first(scenario, count):
    view = good_pair(scenario).view
    assert len(view.ike_sas) == count
    assert [m.frame for sa in view.ike_sas for m in sa.messages] == [m.frame for m in view.messages]
    assert all(len({initiator_spi(m) for m in sa.messages}) == 1 for sa in view.ike_sas)
    assert [sa.rekeyed for sa in view.ike_sas] == [False] + [True] * (count - 1)
    assert all(sa.ike_sas == (sa,) for sa in view.ike_sas)


def test_a_rekeyed_ike_sa_goes_by_what_the_first_one_announced():
    first, *others = good_pair(REKEY).view.ike_sas
    assert None not in first.final_init
    assert all(sa.final_init == first.final_init for sa in others)
    assert not any(sa.find(ExchangeType.IKE_SA_INIT) for sa in others)
    assert first.suite is not None and all(sa.suite == first.suite for sa in others)


def test_who_rekeys_is_the_initiator_of_the_new_ike_sa():
    view = rekeyed_by_the_responder(good_pair(REKEY)).view
    assert [sa.party(initiator=True) for sa in view.ike_sas] == [FIRST, FIRST, FIRST, SECOND]
    last = view.ike_sas[-1]
    assert {(sa.source(m.pieces[0].datagram)) for sa in (last,) for m in sa.messages} == {FIRST, SECOND}
    assert [last.sender(m) for m in last.messages] == [view.sender(m) for m in view.messages[-len(last.messages) :]]
    assert all(m.from_initiator == m.pieces[0].message.header.from_initiator for m in last.messages)
    request, _ = last.final_init
    assert request is not None and last.sender(request) == FIRST
    assert last.expectation.initiator == view.expectation.responder


def test_of_two_messages_that_contradict_each_other_who_rekeyed_tells():
    """Two flags for two roles: the side that asked for the rekey has the IKE SA."""
    one = header("INFORMATIONAL request 0", last=True, flip=INITIATOR)(good_pair(REKEY))
    assert one.view.ike_sas[-1].party(initiator=True) == FIRST

    def asked_by_the_other(pair: Pair) -> Pair:
        for message in [m for m in pair.view.messages if m.exchange == ExchangeType.CREATE_CHILD_SA][-2:]:
            piece = message.pieces[0]
            d = next(d for d in pair.wire.datagrams if d.payload == piece.datagram.payload)
            pair = pair.changed(d, replace(d, source=d.destination, destination=d.source))
        return pair

    assert asked_by_the_other(one).view.ike_sas[-1].party(initiator=True) == SECOND


def test_the_responders_spi_is_what_most_messages_have():
    pair = good_pair(HYBRID)
    due = pair.view.ike_sas[0].responder_spi
    assert any(due)
    spoilt = sealed_again(pair, found(pair, "IKE_AUTH response 2").pieces[0], responder_spi=b"x" * 8)
    assert spoilt.view.ike_sas[0].responder_spi == due
    alone = pair.with_datagrams(pair.wire.datagrams[:1])
    assert alone.view.ike_sas[0].responder_spi == bytes(8)
    assert pair.with_datagrams(pair.wire.datagrams[:2]).view.ike_sas[0].responder_spi == due


def test_what_belongs_to_no_ike_sa_is_a_stranger_to_all():
    pair = stray(HERE, b"nowhere!", ExchangeType.INFORMATIONAL)(good_pair(REKEY))
    assert len(pair.view.ike_sas) == len(good_pair(REKEY).view.ike_sas)
    assert {tuple(piece.octets[:8] for piece in sa.strangers) for sa in pair.view.ike_sas} == {(b"nowhere!",)}


def test_what_is_no_message_is_kept():
    pair = junk(THERE)(good_pair(HYBRID))
    (datagram,) = pair.view.malformed
    assert datagram.source[0] == THERE
    assert [sa.malformed for sa in pair.view.ike_sas] == [(datagram,)]


def test_a_message_behind_another_marker_is_no_esp():
    pair = good_pair(CLASSICAL)
    datagram = pair.view.messages[-1].pieces[0].datagram
    altered = pair.changed(datagram, replace(datagram, payload=b"\xff" * 4 + datagram.payload[4:]))
    view = altered.view
    assert datagram.frame in {m.frame for m in view.messages} and view.malformed == ()
    assert [packet.frame for packet in view.esp] == [packet.frame for packet in pair.view.esp]
    assert view.esp and [sa.esp for sa in view.ike_sas] == [view.esp]


def test_an_ike_sa_that_the_responder_begins_is_its_own():
    """A second IKE_SA_INIT from the other side, answered: both may begin at once."""
    pair = good_pair(CLASSICAL)
    first = pair.wire.datagrams[:2]
    other = [
        replace(d, source=(to[0], d.source[1]), destination=(of[0], d.destination[1]), payload=b"n" * 8 + d.payload[8:])
        for d, of, to in ((d, d.source, d.destination) for d in first)
    ]
    both = pair.with_datagrams((*pair.wire.datagrams, *other))
    assert [sa.party(initiator=True) for sa in both.view.ike_sas] == [FIRST, SECOND]
    assert [sa.suite for sa in both.view.ike_sas] == [pair.view.suite] * 2


def watched(pair: Pair) -> Pair:
    """Both ends of the path have the same in their captures."""
    return pair.with_evidence(far=pair.wire).with_report(ended=(1.0, 1.0))


IKEV1 = b"1" * 16 + bytes((1, 0x10, 2, 0)) + bytes(4) + (28).to_bytes(4)


def test_what_cannot_be_read_in_both_captures_may_stand_for_a_message():
    broken = junk(THERE)(good_pair(HYBRID))
    assert watched(broken).view.unreadable == {SECOND}
    for once in (broken, watched(broken).with_evidence(far=None), watched(broken).with_report(ended=())):
        assert not once.view.twice and once.view.unreadable == set()
    other = watched(junk(THERE, IKEV1)(good_pair(HYBRID)))
    assert other.view.malformed and other.view.unreadable == set(), "that is of another protocol"


def test_what_is_read_all_the_same_has_its_place():
    pair = good_pair(HYBRID)
    piece = pair.message("IKE_AUTH response 2").pieces[0]
    longer = pair.changed(piece.datagram, replace(piece.datagram, payload=piece.datagram.payload + b"!"))
    assert [m.frame for m in watched(longer).view.messages] == [m.frame for m in pair.view.messages]
    assert [d.frame for d in watched(longer).view.malformed] == [piece.datagram.frame]
    assert piece.datagram.frame not in [m.frame for m in longer.view.messages], "one capture alone may be wrong"
    last = pair.view.messages[-1].pieces[0]
    assert last.datagram.source[1] == 4500
    bare = pair.changed(last.datagram, replace(last.datagram, payload=last.octets))
    assert [m.frame for m in bare.view.messages] == [m.frame for m in pair.view.messages]
    assert bare.view.malformed == (), "it lacks the marker, and is a message"


def bearing(message: SeenMessage, *spis: bytes, payloads: tuple[Any, ...] | None = None) -> SeenMessage:
    """A message in so many copies, with these SPIs of the responder."""
    piece = message.pieces[0]
    inside = piece.message.payloads if payloads is None else payloads
    copies = (Message(replace(piece.message.header, responder_spi=each), inside) for each in spis)
    return replace(message, pieces=tuple(replace(piece, message=copy) for copy in copies))


def seeing(*found: SeenMessage, reported: str = "") -> PairView:
    """A view of these messages, in which one side reports this SPI of the responder."""
    pair = good_pair(HYBRID)
    told = pair.with_sa(ESTABLISHED, "initiator", responder_spi=reported) if reported else pair.with_report(steps=())
    return replace(told.view, messages=found)


RIGHT, WRONG = b"R" * 8, b"W" * 8
INIT, INIT_ANSWER, ONE, TWO, THREE = messages("i INIT 0", "r INIT 0 <", "i INFO 2", "r INFO 2 <", "i INFO 3")
CLEAR, CLEAR_TOO = messages("i INFO 4 clear", "i INFO 5 clear")
SEALED = (Encrypted(PayloadType.SA, bytes(40)),)


def test_the_answer_and_what_is_sealed_tell_the_responders_spi():
    answer = bearing(INIT_ANSWER, RIGHT)
    clear = [bearing(each, WRONG) for each in (CLEAR, CLEAR_TOO)]
    assert seeing(answer, *clear).responder_spi == RIGHT, "what is in clear may be anybody's"
    requests = [bearing(each, WRONG, payloads=SEALED) for each in (INIT, INIT)]
    assert seeing(answer, *requests).responder_spi == RIGHT, "a request that begins it knows none yet"
    sealed = [bearing(each, WRONG) for each in (ONE, TWO)]
    assert seeing(answer, *sealed).responder_spi == WRONG, "most have it"
    assert seeing(bearing(ONE, RIGHT, WRONG, WRONG)).responder_spi == RIGHT, "of copies the first counts"


def test_of_as_many_the_reported_spi_of_the_responder_counts_and_else_the_first():
    even = bearing(ONE, RIGHT), bearing(TWO, WRONG)
    assert seeing(*even).responder_spi == RIGHT
    assert seeing(*even, reported=WRONG.hex()).responder_spi == WRONG
    most = seeing(*even, bearing(THREE, RIGHT), reported=WRONG.hex())
    assert most.responder_spi == RIGHT


def test_requests_of_both_sides_with_one_number_do_not_answer_each_other():
    found = messages("i INFO 3 =one", "i INFO 3 =one", "r INFO 3 =two", "r INFO 3 =two")
    assert seeing(*found).unanswered == found


def test_an_ike_sa_is_established_with_a_child_sa_in_use():
    report = good_pair(HYBRID).reported(ESTABLISHED, "initiator")
    (sa,) = report.sas
    assert established(report) is sa
    assert established(replace(report, sas=(replace(sa, state="CONNECTING"),))) is None
    unused = replace(sa.children[0], state="DELETED")
    later = replace(sa, children=(unused,))
    assert established(replace(report, sas=(later,))) is None
    assert established(replace(report, sas=(later, sa))) is sa


def test_a_tunnel_is_up_where_both_say_so_after_one_step_and_the_wire_shows_the_choice():
    pair = good_pair(HYBRID)
    assert pair.view.up and not replace(pair.view, suite=None).up
    once = pair.with_step(Step.TRAFFIC, initiator=NOTHING)
    assert once.view.up
    for side in ("initiator", "responder"):
        never = once.with_step(ESTABLISHED, **{side: NOTHING}).with_step(Step.TRAFFIC, **{side: NOTHING})
        assert not never.view.up
    late = never.with_step(DELETED, **{side: pair.reported(ESTABLISHED, side) for side in ("initiator", "responder")})
    assert not late.view.up, "then it is to be gone"


def lined(*lines: str, turned: Collection[int] = ()) -> Pair:
    """What was captured, from lines; in the frames ``turned`` the Initiator flag is the other one."""

    def sent(each: CapturedDatagram) -> CapturedDatagram:
        flag = bytearray(each.payload)
        flag[4 + 19] ^= INITIATOR
        return replace(each, payload=bytes(flag)) if each.frame in turned else each

    return good_pair(HYBRID).with_report(steps=()).with_datagrams(sent(each.datagram) for each in pieces(*lines))


BEGUN = "i INIT 0", "r INIT 0 <", "i AUTH 1", "r AUTH 1 <"
REKEYED = *BEGUN, "i CREATE 2", "r CREATE 2 <"


def spis(pair: Pair) -> list[bytes]:
    return [initiator_spi(sa.messages[0]) for sa in pair.view.ike_sas]


def test_an_ike_sa_comes_of_a_rekey_that_was_answered():
    two = "i INFO 0 spi=2", "r INFO 0 < spi=2"
    assert spis(lined(*REKEYED, *two)) == [spi(1), spi(2)]
    unanswered = lined(*BEGUN, "i CREATE 2", *two)
    assert spis(unanswered) == [spi(1)]
    assert spis(lined(*BEGUN, "i CREATE 2", two[0], "r CREATE 2 <", two[1])) == [spi(1)], "it was there before"
    lost = watched(junk(THERE)(unanswered))
    assert spis(lost) == [spi(1), spi(2)], "what cannot be read may be the answer"
    assert spis(watched(unanswered)) == [spi(1)]
    assert spis(lined("r CREATE 2 <", "i INFO 3", "r INFO 3 <")) == [], "no rekey begins the IKE SA that it is in"


def test_a_rekeyed_ike_sa_has_before_it_what_came_before_its_first_message():
    view = lined(*REKEYED, "i INFO 0 spi=2", "i INIT 0 spi=3", "r INIT 0 < spi=3", "r INFO 0 < spi=2").view
    before = {initiator_spi(sa.messages[0]): [m.frame for m in sa.init_before] for sa in view.ike_sas}
    assert before == {spi(1): [], spi(2): [1, 2], spi(3): []}
    alone = lined(*REKEYED, "i INFO 0 spi=2").view
    assert [m.frame for m in alone.ike_sas[-1].init_before] == [1, 2]


def test_who_asked_last_before_a_rekeyed_ike_sa_has_it_where_its_flags_contradict_each_other():
    others = "r CREATE 0", "i CREATE 0 <"
    for more in ((), others):
        late = lined(*REKEYED, "i INFO 0 spi=2", *more, "r INFO 0 < spi=2", turned={7 + len(more) + 1})
        assert late.view.ike_sas[-1].party(initiator=True) == FIRST
    behind = lined(*REKEYED, "i INFO 0 spi=2", "r INFO 0 < spi=2", *others, turned={8})
    assert behind.view.ike_sas[1].party(initiator=True) == FIRST
    early = lined(*REKEYED, *others, "i INFO 0 spi=2", "r INFO 0 < spi=2", turned={10})
    assert early.view.ike_sas[-1].party(initiator=True) == SECOND
    within = lined(*REKEYED, "r CREATE 0 spi=2", "i CREATE 0 < spi=2", turned={8})
    assert within.view.ike_sas[-1].party(initiator=True) == FIRST, "that is a rekey of the new one"
    unseen = lined(*BEGUN, "r CREATE 2 <", "i INFO 0 spi=2", "r INFO 0 < spi=2", turned={7})
    assert unseen.view.ike_sas[-1].party(initiator=True) == FIRST


def test_the_flag_of_the_first_copy_tells_who_has_an_ike_sa():
    view = lined(*REKEYED, "i INFO 0 spi=2 =one", "i INFO 0 spi=2 =one", turned={8}).view
    (message,) = view.ike_sas[-1].messages
    assert len(message.pieces) == 2 and view.ike_sas[-1].party(initiator=True) == FIRST


def test_without_its_request_an_ike_sa_is_whose_its_flags_say():
    assert good_pair(HYBRID).without(REQUEST).view.ike_sas[0].party(initiator=True) == FIRST


def numbered(pair: Pair, label: str, *numbers: int) -> Pair:
    """The SA payload of a message has its first proposal with these numbers."""
    message = pair.message(label)

    def edit(payload: Any) -> Any:
        if not isinstance(payload, SecurityAssociation):
            return payload
        return replace(payload, proposals=tuple(replace(payload.proposals[0], number=number) for number in numbers))

    piece = message.pieces[0]
    return pair.changed(piece.datagram, clear(message, [edit(each) for each in piece.message.payloads]))


@pytest.mark.parametrize(
    ("offered", "answered", "place"), [((3, 5), 5, 2), ((3, 5), 3, 1), ((2, 2), 2, 2), ((1, 2), 9, 9)]
)
def test_the_number_of_the_answer_tells_its_place_in_the_offer(offered, answered, place):
    """Where it has one there: numbers that are not 1, 2, 3 ... are the offer's fault."""
    suite = numbered(numbered(good_pair(HYBRID), REQUEST, *offered), ANSWER, answered).view.suite
    assert suite is not None and suite.proposal_number == place


def test_without_an_offer_the_answer_has_its_own_number():
    pair = numbered(good_pair(HYBRID), ANSWER, 4).without(REQUEST)
    assert pair.view.suite is not None and pair.view.suite.proposal_number == 4


def test_an_answer_with_a_nonce_in_ike_sa_init_makes_the_choice():
    pair = good_pair(HYBRID)
    answer = pair.message(ANSWER)
    payloads = answer.pieces[0].message.payloads
    bare = pair.changed(answer.pieces[0].datagram, clear(answer, [p for p in payloads if not isinstance(p, Nonce)]))
    assert of(bare.message(ANSWER), SecurityAssociation) and bare.view.suite is None
    later = clear(answer, payloads, exchange_type=ExchangeType.IKE_AUTH, message_id=1)
    late = pair.changed(answer.pieces[0].datagram, later)
    assert late.view.suite is None


def telling(initiator: str | None, responder: str | None) -> Pair:
    """A message without a request, and what may be it with another SPI; what both sides say of the SPI is this."""
    pair = lined(*BEGUN, "r INFO 0 spi=2", "i INFO 0 <")
    steps = good_pair(HYBRID).report.steps[:1]
    told = pair.with_report(steps=steps)
    for side, word in (("initiator", initiator), ("responder", responder)):
        told = told.with_sa(ESTABLISHED, side, initiator_spi=word)
    return told


OWN = (b"\1" * 8).hex()


@pytest.mark.parametrize(
    ("initiator", "responder", "told"),
    [
        (OWN, OWN, True),
        (OWN, None, False),
        (None, OWN, False),
        (None, None, False),
        (OWN[:8], OWN[:8], False),
        ("", "", False),
        (OWN * 2, OWN * 2, False),
        (OWN[:15] + "x", OWN[:15] + "x", False),
    ],
)
def test_spis_that_both_report_are_those_there_are(initiator, responder, told):
    """Another one, of a message or two, is then none."""
    found = {initiator_spi(message) for message in telling(initiator, responder).view.messages}
    assert found == ({spi(1)} if told else {spi(1), spi(2)})

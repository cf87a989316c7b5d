"""Two products' ESP: its numbers, whether its SA still stood, and whether all of it is in the capture."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from pair_builder import FIRST, HERE, HYBRID_REKEY, SECOND, THERE, good_pair
from pair_esp_rows import one_spi_over_a_rekey

from harness.evidence.model import CapturedDatagram
from harness.evidence.peer_report import DELETED, ESTABLISHED, ChildReport, PeerReport, StepReport
from harness.registry.messages import ExchangeType
from harness.scenario.model import Step
from harness.verify.check import Objection
from harness.verify.checks.catalogue import CHECKS
from harness.verify.checks.pair_esp import before_its_sa, too_few_packets
from harness.verify.pair_view import PairView
from harness.verify.wire import SeenMessage

ORDER, PAIR = "pair-esp-in-order", "pairs/classical"
ONE, TWO = b"\xc1\0\0\1", b"\xc1\0\0\2"  # SPIs
NOTHING = PeerReport("1", (), "[]")
AUTH, INFORMATIONAL = ExchangeType.IKE_AUTH, ExchangeType.INFORMATIONAL
CREATE = ExchangeType.CREATE_CHILD_SA


def packet(frame: int, number: int = 1, *, side: int = 0, spi: bytes = ONE, at: float = 0.0) -> CapturedDatagram:
    """What the initiator (0) or the responder (1) sends."""
    model = next(each for each in good_pair(PAIR).view.esp if each.source[0] == (HERE, THERE)[side])
    return replace(model, frame=frame, at=at, payload=spi + number.to_bytes(4) + os.urandom(144))


def message(frame: int, exchange: ExchangeType, *, by: int = 0, response: bool = False) -> SeenMessage:
    """A sealed message of the initiator (0) or the responder (1)."""
    model = next(m for m in good_pair(PAIR).view.messages if m.exchange == INFORMATIONAL)
    piece = replace(model.pieces[0], datagram=replace(model.pieces[0].datagram, frame=frame, at=0.0))
    return replace(
        model, exchange=exchange, message_id=frame, response=response, from_initiator=by == 0, pieces=(piece,)
    )


def clear(found: SeenMessage) -> SeenMessage:
    piece = found.pieces[0]
    return replace(found, pieces=(replace(piece, message=replace(piece.message, payloads=())),))


def child(spi_in: bytes = b"\xc0\0\0\1", spi_out: bytes = ONE, out: int | None = 3) -> ChildReport:
    (sa,) = good_pair(PAIR).reported(Step.TRAFFIC, "initiator").sas
    return replace(sa.children[0], spi_in=spi_in.hex(), spi_out=spi_out.hex(), packets_out=out)


def having(*children: ChildReport) -> PeerReport:
    report = good_pair(PAIR).reported(Step.TRAFFIC, "initiator")
    return replace(report, sas=(replace(report.sas[0], children=children),))


def step(name: str, first: PeerReport = NOTHING, second: PeerReport = NOTHING, **parts: Any) -> StepReport:
    return StepReport(name, 0.0, first, second, **parts)


def view_of(
    packets: Iterable[CapturedDatagram], messages: Iterable[SeenMessage] = (), steps: Iterable[StepReport] = ()
) -> PairView:
    view = good_pair(PAIR).view
    wire, report = replace(view.wire, datagrams=tuple(packets)), replace(view.report, steps=tuple(steps))
    return replace(view, wire=wire, report=report, messages=tuple(messages))


def said(view: PairView) -> tuple[Objection, ...]:
    return CHECKS[ORDER](view).objections


def numbered(*numbers: int, counts: tuple[int | None, ...] = (), side: int = 0) -> list[str]:
    """Whom the check names for these numbers, where their sender counts so many packets after each step."""
    both = [(NOTHING, NOTHING) for _ in counts]
    for at, count in enumerate(counts):
        told = having(child(out=count))
        both[at] = (told, NOTHING) if side == 0 else (NOTHING, told)
    steps = [step(Step.TRAFFIC, *each) for each in both]
    found = said(view_of((packet(at, number, side=side) for at, number in enumerate(numbers, start=1)), (), steps))
    assert all(each.pointer == "wire.pcapng#1" for each in found)
    return [each.party for each in found]


@pytest.mark.parametrize(("side", "name"), [(0, FIRST), (1, SECOND)])
def test_numbers_begin_with_one_where_the_sender_counts_as_many_as_there_are(side, name):
    """RFC 4303 section 3.3.3."""
    assert numbered(1, 2, 3, counts=(3,), side=side) == numbered(2, 1, 3, counts=(3,), side=side) == []
    assert numbered(2, 3, 4, counts=(3,), side=side) == numbered(2, 3, 4, counts=(1, 3), side=side) == [name]
    assert numbered(2, 2, 3, 4, counts=(3,), side=side) == [name]  # one that comes again is the same
    for counts in ((), (4,), (2,), (None,), (3, None)):
        assert numbered(2, 3, 4, counts=counts, side=side) == []
    assert numbered(2, 3, 4, counts=(3,), side=1 - side) == [(FIRST, SECOND)[1 - side]]


def test_who_counts_no_packet_says_nothing_of_one():
    assert numbered(2, counts=(0,)) == numbered(2, counts=(0, 0)) == []
    assert numbered(2, counts=(1,)) == [FIRST]


def test_a_sender_may_have_dropped_a_few_that_it_had_numbered():
    assert numbered(1, 2, 3 + 64, counts=(3,)) == []
    assert numbered(1, 2, 3 + 65, counts=(3,)) == [FIRST]


def test_what_one_side_counts_tells_nothing_of_the_others_packets_or_of_another_sa():
    packets = [packet(at, at + 1) for at in (1, 2, 3)]
    theirs = step(Step.TRAFFIC, NOTHING, having(child()))
    other = step(Step.TRAFFIC, having(child(spi_out=TWO)))
    assert said(view_of(packets, (), [theirs])) == said(view_of(packets, (), [other])) == ()


def test_numbers_do_not_go_down():
    assert numbered(3, 2, 1) == [FIRST]
    assert numbered(2, 1) == numbered(1, 2, 3) == numbered(3, 1, 2) == []
    assert numbered(3, 2, 1, side=1) == [SECOND]
    two = [packet(1, 9), packet(2, 5, spi=TWO), packet(3, 8), packet(4, 4, spi=TWO)]
    assert said(view_of(two)) == ()  # of each SA by itself


def stale(
    frames: dict[int, bytes], closed: Iterable[int], *steps: str, kept: bytes | None = None, sealed: bool = True
) -> list[str]:
    """The frames of packets that came over an SA that was gone, of those that the initiator sent."""
    messages = [message(frame, INFORMATIONAL, by=1, response=True) for frame in closed]
    last = [step(Step.TRAFFIC, having(child(spi_out=kept)))] if kept else []
    told = [step(ESTABLISHED), *map(step, steps), *last]
    packets = [packet(frame, frame, spi=spi) for frame, spi in frames.items()]
    found = said(view_of(packets, messages if sealed else map(clear, messages), told))
    assert all((each.party, each.requirement) == (FIRST, "B29") for each in found)
    return [str(each.pointer) for each in found]


REPLACED = {1: ONE, 3: TWO, 5: ONE}


def test_nothing_goes_over_an_sa_that_was_replaced_and_deleted():
    assert stale(REPLACED, [2], Step.REKEY_CHILD) == stale(REPLACED, [4], Step.REKEY_CHILD) == ["wire.pcapng#5"]
    assert stale(REPLACED, [], Step.REKEY_CHILD) == stale(REPLACED, [6], Step.REKEY_CHILD) == []
    assert stale(REPLACED, [4], Step.REKEY_CHILD, sealed=False) == []  # in clear anybody may have said it
    assert stale({1: ONE, 3: TWO, 5: TWO}, [2], Step.REKEY_CHILD) == []
    assert stale({2: ONE, 3: TWO, 5: ONE}, [1], Step.REKEY_CHILD) == []  # before the last packet on it


def test_what_its_sender_still_reports_at_the_end_stands():
    assert stale(REPLACED, [4], Step.REKEY_CHILD, kept=ONE) == []
    assert stale(REPLACED, [4], Step.REKEY_CHILD, kept=TWO) == ["wire.pcapng#5"]


def test_an_exchange_more_than_the_steps_ask_for_may_be_a_sign_of_life():
    assert stale(REPLACED, [2], Step.TRAFFIC) == []
    assert stale(REPLACED, [2, 4], Step.TRAFFIC) == stale(REPLACED, [2], Step.TRAFFIC, Step.TRAFFIC) == []
    assert stale(REPLACED, [2, 4], Step.REKEY_CHILD) == ["wire.pcapng#5"]
    assert stale(REPLACED, [2, 6], Step.REKEY_CHILD) == []
    assert stale(REPLACED, [2], Step.REKEY_CHILD, Step.REKEY_CHILD) == ["wire.pcapng#5"]


def test_what_the_other_side_reports_or_reported_before_does_not_keep_an_sa():
    messages = [message(4, INFORMATIONAL, by=1, response=True)]
    packets = [packet(frame, frame, spi=spi) for frame, spi in REPLACED.items()]
    mine, theirs = having(child()), having(child(spi_out=TWO))
    for steps in ([step(ESTABLISHED), step(Step.REKEY_CHILD, theirs, mine)],
                  [step(ESTABLISHED, mine), step(Step.REKEY_CHILD, theirs)]):  # fmt: skip
        assert len(said(view_of(packets, messages, steps))) == 1


def test_each_side_leaves_its_own_sas():
    messages = [message(2, INFORMATIONAL, by=1, response=True)]
    packets = [packet(1), packet(3, side=1, spi=TWO), packet(5, 2)]
    assert said(view_of(packets, messages, [step(ESTABLISHED), step(Step.REKEY_CHILD)])) == ()


def deleted(*packets: CapturedDatagram, last: StepReport | None = None) -> tuple[Objection, ...]:
    """What is said of packets behind the deletion in frame 10."""
    ends = [message(9, INFORMATIONAL), message(10, INFORMATIONAL, by=1, response=True)]
    return said(view_of(packets, ends, [step(ESTABLISHED), last or step(DELETED)]))


def test_nothing_goes_over_an_ike_sa_that_was_deleted():
    found = deleted(packet(11, at=1.5), packet(12, side=1, at=2.0))
    assert [(each.party, each.requirement) for each in found] == [(FIRST, "B29"), (SECOND, "B29")]
    assert deleted(packet(11, at=0.5)) == deleted(packet(8, at=0.0)) == ()


def test_what_either_side_still_reports_was_not_deleted_for_both():
    late = packet(11, at=1.5)
    for last in (step(DELETED, having()), step(DELETED, NOTHING, having()), step(Step.TRAFFIC)):
        assert deleted(late, last=last) == ()
    assert said(view_of([late], [], [step(DELETED)])) == ()
    ends = [message(9, INFORMATIONAL), message(10, INFORMATIONAL, by=1, response=True)]
    assert said(view_of([late], ends, [])) == ()


def echoed(sent: int, received: int) -> StepReport:
    return step(Step.TRAFFIC, echo_sent=sent, echo_received=received)


def lost(packets: Iterable[CapturedDatagram], *steps: StepReport, ended: bool = False) -> str:
    ends = [message(9, INFORMATIONAL), message(10, INFORMATIONAL, by=1, response=True)] if ended else []
    return too_few_packets(view_of(packets, ends, steps))


def test_there_is_a_packet_each_way_for_every_echo_that_came_back():
    there, back = [packet(1), packet(3, 2)], [packet(2, side=1), packet(4, 2, side=1)]
    assert lost([*there, *back], echoed(2, 2)) == lost([*there, *back], echoed(1, 1), echoed(1, 1)) == ""
    few = "wire.pcapng has {} ESP packets to {} in time, and {} echo replies came back"
    assert lost([*there, *back[:1]], echoed(2, 2)) == few.format(1, FIRST, 2)
    assert lost([*there[:1], *back], echoed(2, 2)) == few.format(1, SECOND, 2)
    assert lost([*there, *back], echoed(2, 2), echoed(1, 1)) == few.format(2, FIRST, 3)
    assert lost(there, echoed(2, 1)) == lost(there, echoed(1, 1), echoed(2, 1)) == lost(there, echoed(1, 2)) == ""
    assert lost(there, step(ESTABLISHED, echo_sent=2, echo_received=2)) == ""


def test_what_comes_behind_the_deletion_was_no_echo():
    packets = [packet(1), packet(2, side=1), packet(3, 2, side=1), packet(11, 2)]
    assert lost(packets, echoed(2, 2), step(DELETED)) == lost(packets, echoed(2, 2), ended=True) == ""
    assert "has 1 ESP packets" in lost(packets, echoed(2, 2), step(DELETED), ended=True)
    both_ways = [packet(1), packet(2, side=1), packet(11, 2), packet(12, 2, side=1)]
    assert lost(both_ways, echoed(2, 2), step(DELETED), ended=True) == "", "it goes on: nothing was deleted by that"


@pytest.mark.parametrize(("twice", "counted"), [(True, True), (False, False)])
def test_what_both_captures_have_in_another_form_may_have_been_esp(twice, counted):
    packets = [packet(1), packet(2, side=1), packet(3, 2, side=1)]
    view = replace(view_of(packets, [], [echoed(2, 2)]), malformed=(packet(4, 2),), twice=twice)
    assert (too_few_packets(view) == "") is counted
    across = replace(view, malformed=(packet(4, 2, side=1),))
    assert too_few_packets(across) != ""


def test_a_stub_was_a_packet():
    """What was cut short is not missing."""
    there, back = packet(1), packet(2, side=1)
    stub = replace(back, payload=back.payload[:7])
    assert lost([there, stub], echoed(1, 1)) == ""
    assert lost([there, replace(back, payload=b"\xff")], echoed(1, 1)) != ""


def early(packets: Iterable[CapturedDatagram], *messages: SeenMessage, steps: Iterable[StepReport] = ()) -> str:
    return before_its_sa(view_of(packets, messages, steps))


def test_nobody_sends_before_it_is_told_the_spi():
    """The IKE_AUTH request tells the responder, and its answer the initiator."""
    request, answer = message(5, AUTH), message(7, AUTH, by=1, response=True)
    told = "wire.pcapng has ESP of {} in front of the IKE_AUTH {}, which tells it the SPI"
    assert early([packet(6)], request, answer) == told.format(FIRST, "response 7")
    assert early([packet(4, side=1)], request, answer) == told.format(SECOND, "request 5")
    assert early([packet(8), packet(6, side=1)], request, answer) == ""
    assert early([packet(1), packet(2, side=1)]) == ""
    assert early([packet(6)], request) == early([packet(6, side=1)], answer) == ""
    assert early([packet(6)], request, clear(answer)) == early([packet(4, side=1)], clear(request), answer) == ""
    again = message(9, AUTH, by=1, response=True)
    assert early([packet(8)], request, answer, again) == ""  # the first one tells it
    assert early([packet(8), packet(6)], request, answer) != ""


def test_no_later_child_sa_is_used_before_the_first_rekey():
    first, later = having(child()), having(child(b"\xc0\0\0\2", TWO))
    steps = [step(ESTABLISHED, first), step(Step.REKEY_CHILD, later)]
    rekeys = [message(10, CREATE), message(20, CREATE)]
    told = "wire.pcapng has ESP of a later Child SA in front of the first rekey, in frame 6"
    for spi in (TWO, b"\xc0\0\0\2"):
        assert early([packet(6, spi=spi)], *rekeys, steps=steps) == told
        assert early([packet(11, spi=spi)], *rekeys, steps=steps) == ""
    assert early([packet(6, spi=TWO)], steps=steps) == early([packet(6, spi=ONE)], *rekeys, steps=steps) == ""
    both = [step(ESTABLISHED, first), step(Step.REKEY_CHILD, first)]
    assert early([packet(6, spi=ONE)], *rekeys, steps=both) == early([packet(6, spi=TWO)], *rekeys, steps=both) == ""
    assert early([packet(6, spi=TWO)], *reversed(rekeys), steps=steps) == told


def test_the_packets_of_a_good_case_are_in_order():
    for scenario in (PAIR, HYBRID_REKEY):
        view = good_pair(scenario).view
        assert CHECKS[ORDER](view).detail == f"{len(view.esp)} ESP packets in the order of their numbers"
        assert (said(view), too_few_packets(view), before_its_sa(view)) == ((), "", "")


@pytest.mark.parametrize(("side", "rekey"), [(0, 1), (0, 2), (1, 1)])
def test_an_spi_that_was_free_may_come_again(side, rekey):
    pair = one_spi_over_a_rekey(side, rekey=rekey)(good_pair("pairs/rekey"))
    assert pair.check("pair-esp-in-order").objections == ()
    other = ("responder", "initiator")[side]
    silent = tuple(replace(s, **{other: replace(getattr(s, other), sas=())}) for s in pair.report.steps)
    found = pair.with_report(steps=silent).check("pair-esp-in-order").objections
    assert ((SECOND, FIRST)[side], "B29") in [(each.party, each.requirement) for each in found]  # of one side's word

"""Echo messages, counters and SPIs of two products' traffic, each rule by itself; and the numbers of ESP packets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from case_builder import ENGINE, INNER, PEER, PEER_INNER, PEER_NAME, good
from judging import kernel
from pair_builder import FIRST, HERE, SECOND, THERE, Pair, good_pair

from harness.evidence.model import ClearPacket
from harness.evidence.peer_report import DELETED, ChildReport, PeerReport, SaReport, StepReport
from harness.ike.selectors import network_selector
from harness.policy.role import Role
from harness.registry.identities import TrafficSelectorType
from harness.registry.messages import ExchangeType
from harness.results.model import CAPTURE, ENGINE_REPORT, STEPS
from harness.scenario.model import Step
from harness.verify.check import Objection
from harness.verify.checks import traffic
from harness.verify.checks.catalogue import PAIR_CHECKS
from harness.verify.esp import SeenEsp
from harness.verify.pair_view import PairView
from harness.verify.view import View
from harness.wire.payloads import TrafficSelectorsInitiator, TrafficSelectorsResponder
from harness.wire.payloads.traffic_selector import OpaqueSelector

CHECK, HYBRID = "pair-esp-both-ways", "pairs/hybrid"
SIDES = [("initiator", FIRST, 0), ("responder", SECOND, 1)]
NOTHING = PeerReport("1", (), "[]")
FAIL, INCONCLUSIVE = "fail", "inconclusive"


def said(view: PairView, **arguments: int) -> list[tuple[str, str, str]]:
    found = PAIR_CHECKS[CHECK](view, arguments).objections
    return [(each.party, str(each.severity), each.sentence) for each in found]


def unasked(view: PairView) -> PairView:
    """With a CREATE_CHILD_SA exchange that no step asks for."""
    last = next(m for m in view.messages if m.exchange == ExchangeType.INFORMATIONAL and m.response)
    return replace(view, messages=(*view.messages, replace(last, exchange=ExchangeType.CREATE_CHILD_SA)))


def echoed(sent: int, received: int, said: str = "its words") -> StepReport:
    return StepReport(Step.TRAFFIC, 0.0, NOTHING, NOTHING, said, sent, received)


@pytest.mark.parametrize(
    ("sent", "received", "wanted", "severity", "words"),
    [
        (3, 3, 3, "", ""),
        (3, 3, 2, "", ""),
        (1, 1, 1, "", ""),
        (3, 3, 4, FAIL, "3 of 3 echo requests were answered; its words"),
        (4, 3, 3, FAIL, "3 of 4 echo requests were answered; its words"),
        (3, 0, 1, FAIL, "0 of 3 echo requests were answered; its words"),
        (3, 4, 3, INCONCLUSIVE, "4 answers came to 3 echo requests"),
        (0, 0, 1, INCONCLUSIVE, "no echo request is known to be sent; its words"),
        (0, 2, 1, INCONCLUSIVE, "no echo request is known to be sent; its words"),
        (-1, 0, 1, INCONCLUSIVE, "0 answers came to -1 echo requests"),
    ],
)
def test_every_echo_request_gets_its_answer(sent, received, wanted, severity, words):
    found = traffic._echoed(echoed(sent, received), wanted)
    expected = [Objection("", words, STEPS, severity=severity)] if words else []
    assert found == expected


def test_without_traffic_nothing_is_due_unless_the_scenario_has_it():
    view = good_pair(HYBRID).view
    idle = replace(view, report=replace(view.report, steps=view.report.steps[:1]))
    assert said(idle) == [("", FAIL, "no traffic was sent: the tunnel did not stand")]
    unplanned = replace(idle, scenario=replace(view.scenario, steps=(Step.DELETE,)))
    assert said(unplanned) == []
    assert PAIR_CHECKS[CHECK](unplanned).detail == "the scenario has no traffic"


def test_the_echo_replies_of_all_steps_are_told():
    view = good_pair(HYBRID).view
    step = next(each for each in view.report.steps if each.step == Step.TRAFFIC)
    twice = replace(view, report=replace(view.report, steps=(*view.report.steps, step)))
    packets = len(view.esp)
    assert PAIR_CHECKS[CHECK](view).detail == f"3 echo replies in {packets} ESP packets, counted on both sides"
    assert PAIR_CHECKS[CHECK](twice).detail == f"6 echo replies in {packets} ESP packets, counted on both sides"


# What both sides count.


def child_of(side: str, **parts: Any) -> ChildReport:
    return replace(good_pair(HYBRID).reported(Step.TRAFFIC, side).sas[0].children[0], **parts)


def having(side: str, *children: ChildReport, **parts: Any) -> Pair:
    return good_pair(HYBRID).with_sa(Step.TRAFFIC, side, children=children, **parts)


def counted(pair: Pair | PairView, wanted: int = 3, **step: Any) -> list[tuple[str, str, str]]:
    view = pair.view if isinstance(pair, Pair) else pair
    (told,) = (each for each in view.report.steps if each.step == Step.TRAFFIC)
    found = traffic._counted(view, replace(told, **step), wanted)
    assert all(each.pointer == STEPS for each in found)
    return [(each.party, str(each.severity), each.sentence) for each in found]


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(("side", "name", "_index"), SIDES)
def test_a_side_that_counts_too_little(side, name, _index, way):
    """What it sent itself the path shows; what came in may be its sender's fault."""
    few = having(side, child_of(side, **{f"packets_{way}": 2}))
    words = f"{name} counts 2 packets {way}, 3 are due and 3 are on the path"
    assert counted(few) == [("", INCONCLUSIVE, words)]  # every echo came back
    lost = {"echo_received": 2}
    assert counted(few, **lost) == [(name if way == "out" else "", FAIL, words)]
    assert counted(few, 2) == counted(few, 2, **lost) == []
    assert counted(few, 4, **lost)[-1][0] == "", "the path does not show as many either"
    untold = having(side, child_of(side, **{f"packets_{way}": None}))
    assert counted(untold) == counted(untold, **lost) == []


@pytest.mark.parametrize(("side", "name", "_index"), SIDES)
def test_of_several_child_sas_the_most_is_counted(side, name, _index):
    zero, one, four = (child_of(side, packets_in=n, packets_out=n) for n in (0, 1, 4))
    assert counted(having(side, zero, four)) == counted(having(side, four, zero)) == []
    words = [f"{name} counts 1 packets {way}, 3 are due and 3 are on the path" for way in ("in", "out")]
    assert [each[2] for each in counted(having(side, one, zero))] == words
    assert counted(having(side, one, replace(one, packets_in=None, packets_out=None))) == []
    kept = replace(four, state="DELETED")
    assert [each[2] for each in counted(having(side, one, kept))] == words, "it is not in use any more"
    none = [f"{name} counts 0 packets {way}, 3 are due and 0 are on the path" for way in ("in", "out")]
    assert [each[2] for each in counted(having(side))] == none
    assert [each[2] for each in counted(having(side, four, state="DELETING"))] == none


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(("side", "name", "_index"), SIDES)
def test_who_rekeyed_meanwhile_counts_from_then_on(side, name, _index, way):
    """As many as there are on the path of the SA, where every echo came back."""
    pair = having(side, child_of(side, **{f"packets_{way}": 2}))
    spi = getattr(child_of(side), f"spi_{way}")
    last = next(each for each in pair.view.esp if each.payload[:4].hex() == spi)
    rekeyed = unasked(pair.changed(last, replace(last, payload=b"\1\2\3\4" + last.payload[4:])).view)
    assert counted(rekeyed) == []
    words = f"{name} counts 2 packets {way}, 3 are due and {{}} are on the path"
    assert counted(rekeyed, echo_received=2) == [("", FAIL, words.format(2))]
    assert counted(unasked(pair.view)) == [("", INCONCLUSIVE, words.format(3))]
    asked = replace(rekeyed, messages=rekeyed.messages[:-1])
    assert counted(asked) == [("", INCONCLUSIVE, words.format(2))]


@pytest.mark.parametrize(("side", "name", "_index"), SIDES)
def test_who_counts_from_a_rekey_on_counts_so_each_way(side, name, _index):
    pair = having(side, child_of(side, packets_in=2, packets_out=1))
    last = [each for each in pair.view.esp if each.payload[:4].hex() == child_of(side).spi_in][-1]
    rekeyed = unasked(pair.changed(last, replace(last, payload=b"\1\2\3\4" + last.payload[4:])).view)
    words = f"{name} counts 1 packets out, 3 are due and 3 are on the path"
    assert counted(rekeyed) == [("", INCONCLUSIVE, words)]


# The SPIs on the wire.


def strange(pair: Pair, index: int) -> Pair:
    """All that a side receives has an SPI that nobody reports."""
    address = (HERE, THERE)[index]
    mine = {each.frame for each in pair.view.esp if each.destination[0] == address}
    spi = bytes((index + 1,)) * 4
    return pair.with_datagrams(
        replace(d, payload=spi + d.payload[4:]) if d.frame in mine else d for d in pair.wire.datagrams
    )


def on_the_wire(view: PairView) -> list[tuple[str, str, str]]:
    return [(each.party, str(each.severity), each.sentence) for each in traffic._on_the_wire(view)]


@pytest.mark.parametrize(("side", "name", "index"), SIDES)
def test_esp_goes_to_each_side(side, name, index):
    pair = good_pair(HYBRID)
    gone = {each.frame for each in pair.view.esp if each.destination[0] == (HERE, THERE)[index]}
    cut = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in gone)
    assert traffic._on_the_wire(pair.view) == []
    assert traffic._on_the_wire(cut.view) == [Objection("", f"no ESP packet goes to {name}", CAPTURE)]


@pytest.mark.parametrize("back", [True, False])
@pytest.mark.parametrize(("side", "name", "index"), SIDES)
def test_an_spi_that_nobody_reports_is_its_senders(side, name, index, back):
    sender = SIDES[1 - index][1]
    pair = strange(good_pair(HYBRID), index).with_step(Step.TRAFFIC, echo_received=3 if back else 2)
    words = f"ESP with SPI {f'0{index + 1}' * 4} goes to {name}, which reports no such Child SA, and neither does "
    assert traffic._on_the_wire(pair.view) == [Objection(sender, words + sender, CAPTURE)]
    assert on_the_wire(unasked(pair.view)) == [], "it came and went between two reports"


@pytest.mark.parametrize(("back", "severity"), [(True, INCONCLUSIVE), (False, FAIL)])
@pytest.mark.parametrize(("side", "name", "index"), SIDES)
def test_an_spi_that_only_its_sender_reports(side, name, index, back, severity):
    """Where every echo came back the receiver has that SA."""
    spi, (other, sender, _) = bytes((index + 1,)) * 4, SIDES[1 - index]
    pair = strange(good_pair(HYBRID), index).with_child(Step.TRAFFIC, other, spi_out=spi.hex())
    pair = pair.with_step(Step.TRAFFIC, echo_received=3 if back else 2)
    words = f"ESP with SPI {spi.hex()} goes to {name}, which reports no such Child SA; {sender} does"
    for view in (pair.view, unasked(pair.view)):
        assert on_the_wire(view) == [("", severity, words)]
    (found,) = traffic._on_the_wire(pair.view)
    assert found.pointer == (STEPS if back else CAPTURE)
    own = [each for each in pair.view.esp if each.payload[:4] == spi]
    two = pair.changed(own[0], replace(own[0], payload=b"\0\0\0\x09" + own[0].payload[4:]))
    (found,) = traffic._on_the_wire(two.view)
    assert found.party == sender, "of one it does not tell"


def test_two_spis_that_go_to_and_fro_and_neither_side_reports():
    pair = strange(strange(good_pair(HYBRID), 0), 1)
    assert [each[:2] for each in on_the_wire(pair.view)] == [("", INCONCLUSIVE)] * 2
    lost = pair.with_step(Step.TRAFFIC, echo_received=2)
    assert [each[:2] for each in on_the_wire(lost.view)] == [(SECOND, FAIL), (FIRST, FAIL)]
    other = replace(lost.report.steps[0], echo_sent=9)  # of a step that is no traffic nobody counts
    told = pair.with_report(steps=(other, *pair.report.steps[1:]))
    assert [each[:2] for each in on_the_wire(told.view)] == [("", INCONCLUSIVE)] * 2


def test_one_traffic_step_with_an_echo_that_did_not_come_back_is_enough():
    pair = strange(strange(good_pair(HYBRID), 0), 1)
    (step,) = (each for each in pair.report.steps if each.step == Step.TRAFFIC)
    for more in (replace(step, echo_received=2), replace(step, echo_sent=0)):
        both = pair.with_report(steps=(*pair.report.steps, more))
        assert [each[:2] for each in on_the_wire(both.view)] == [(SECOND, FAIL), (FIRST, FAIL)]
    one = pair.with_step(Step.TRAFFIC, echo_sent=1, echo_received=1)
    assert [each[:2] for each in on_the_wire(one.view)] == [("", INCONCLUSIVE)] * 2


def test_an_sa_that_came_and_went_does_not_hide_what_the_other_side_lacks():
    pair = strange(good_pair(HYBRID), 0)
    gone = {each.frame for each in pair.view.esp if each.destination[0] == THERE}
    cut = pair.with_datagrams(d for d in pair.wire.datagrams if d.frame not in gone)
    assert on_the_wire(unasked(cut.view)) == [("", FAIL, f"no ESP packet goes to {SECOND}")]


@pytest.mark.parametrize(("side", "name", "index"), SIDES)
def test_what_a_side_reported_once_while_the_ike_sa_stood_is_known(side, name, index):
    pair = strange(good_pair(HYBRID), index)
    first = pair.report.steps[0]
    report = getattr(first, side)
    more = replace(report.sas[0].children[0], spi_in=f"0{index + 1}" * 4, state="DELETED")
    sa: SaReport = replace(report.sas[0], children=(*report.sas[0].children, more))
    told = replace(first, **{side: replace(report, sas=(*report.sas, sa))})
    assert on_the_wire(pair.with_report(steps=(told, *pair.report.steps[1:])).view) == []
    late = replace(told, step=DELETED)
    assert len(on_the_wire(pair.with_report(steps=(*pair.report.steps[:-1], late)).view)) == 1


# With our engine: whose fault too few packets are, and their numbers.


@pytest.mark.parametrize(
    ("kind", "by_peer", "party", "severity"),
    [
        ("misbehaved", True, "", INCONCLUSIVE),
        ("misbehaved", False, "", INCONCLUSIVE),
        ("malformed", False, "", INCONCLUSIVE),
        ("refused", True, PEER_NAME, FAIL),
        ("refused", False, "engine", FAIL),
        ("deleted", False, "engine", FAIL),
        ("", False, "engine", FAIL),
    ],
)
def test_whose_fault_too_few_echo_requests_are(role, kind, by_peer, party, severity):
    view = good(role=role).view
    ended = replace(view, report=replace(view.report, closed_kind=kind, closed_by_peer=by_peer, closed_reason="why"))
    found = traffic._too_few(ended, "it is so")
    assert (found.party, found.severity) == (party, severity)
    assert found.sentence.startswith("it is so")
    assert (found.pointer == ENGINE_REPORT) is (found.requirement is None or not party) is (party != "engine")


def test_a_peer_that_deletes_the_ike_sa_of_our_engine_ends_it_too_early(role):
    """Where the peer began, deleting is its part."""
    view = good(role=role).view
    ended = replace(view, report=replace(view.report, closed_kind="deleted", closed_by_peer=True))
    found = traffic._too_few(ended, "it is so")
    assert found.party == (PEER_NAME if role is Role.INITIATOR else "engine")


def numbered(frame: int, number: int) -> SeenEsp:
    """A packet of ours, of other octets than those in other frames."""
    return SeenEsp(frame, True, number, None, "", bytes((frame,)), True, b"", b"", True, 0, "")


def numbers(*sequence: int, lost: int = 0) -> list[tuple[str, str]]:
    return faults([numbered(frame, number) for frame, number in enumerate(sequence, start=1)], lost)


def faults(packets: Sequence[SeenEsp], lost: int = 0) -> list[tuple[str, str]]:
    found = traffic._numbering("engine", list(packets), lost=lost)
    assert all((each.party, each.requirement) == ("engine", "E02") for each in found)
    return [(each.sentence.removesuffix(" (RFC 4303 section 3.3.3)"), str(each.pointer)) for each in found]


@pytest.mark.parametrize(
    ("sequence", "lost", "words", "frame"),
    [
        ((), 0, "", 0),
        ((1,), 0, "", 0),
        ((1, 2, 3, 4), 0, "", 0),
        ((1, 2, 3), -5, "", 0),
        ((2, 1), 0, "", 0),
        ((2, 1, 3), 0, "", 0),
        ((3, 2, 1), 0, "the ESP sequence numbers go down, from 3", 1),
        ((9, 5, 1), 9, "the ESP sequence numbers go down, from 9", 1),
        ((3, 2, 4), 0, "the ESP sequence numbers begin with 2, 1 is due", 2),
        ((2, 3), 1, "", 0),
        ((3, 4), 1, "the ESP sequence numbers begin with 3, 1 is due", 1),
        ((0, 1), 9, "the ESP sequence numbers begin with 0, 1 is due", 1),
        ((0, 1), 0, "the ESP sequence numbers begin with 0, 1 is due", 1),
        ((2, 3), -5, "the ESP sequence numbers begin with 2, 1 is due", 1),
        ((1, 3, 5), 0, "", 0),
        ((1, 3, 5, 7), 0, "the ESP sequence numbers grow by 2 with every packet, 1 is due", 1),
        ((5, 1, 7, 3), 0, "the ESP sequence numbers grow by 2 with every packet, 1 is due", 1),
        ((1, 4, 7, 10, 13), -1, "the ESP sequence numbers grow by 3 with every packet, 1 is due", 1),
        ((1, 3, 5, 7), 1, "", 0),
        ((1, 3, 5, 6), 0, "", 0),
        ((1, 3, 5, 10), 0, "", 0),
        ((1, 2, 1), 0, "two ESP packets have the sequence number 1", 3),
    ],
)  # fmt: skip
def test_the_numbers_of_one_sender(sequence, lost, words, frame):
    assert numbers(*sequence, lost=lost) == ([(words, f"wire.pcapng#{frame}")] if words else [])


def test_the_same_packet_twice_is_one():
    one, two, three = (numbered(n, n) for n in (1, 2, 3))
    assert faults([one, two, one, three, two]) == []


def nowhere(view: View) -> View:
    """Without what the harness knows of the hosts behind the two ends."""
    bare = (replace(side, inner="") for side in (view.facts.initiator, view.facts.responder))
    return replace(view, facts=replace(view.facts, **dict(zip(("initiator", "responder"), bare, strict=True))))


def leaking(view: View, source: str, destination: str) -> list[str]:
    clear = (ClearPacket(9, source, destination, 1),)
    return [each.party for each in traffic._clear(replace(view, wire=replace(view.wire, clear=clear)))]


OTHER = "192.0.2.7"


@pytest.mark.parametrize("label", ["IKE_AUTH request 2", "IKE_AUTH response 2"])
def test_who_is_behind_our_end_either_message_tells(role, label):
    """As far as its selectors are of IPv4, and of our end."""
    ours, theirs = TrafficSelectorsInitiator, TrafficSelectorsResponder
    if role is not Role.INITIATOR:
        ours, theirs = theirs, ours
    label_of_none = OpaqueSelector(TrafficSelectorType(10), 0, b"label")
    more = label_of_none, network_selector("2001:db8::/64"), network_selector(f"{OTHER}/32")

    def other(payload):
        return replace(payload, selectors=more) if isinstance(payload, ours) else payload

    view = nowhere(good(role=role).rewritten(label, lambda old: map(other, old)).view)
    assert leaking(view, INNER, PEER_INNER) == leaking(view, OTHER, PEER_INNER) == ["engine"]
    assert leaking(view, PEER_INNER, INNER) == leaking(view, PEER_INNER, OTHER) == []


def test_in_transport_mode_nobody_is_behind_our_end(role):
    view = nowhere(kernel("esp/transport", role).view)
    assert leaking(view, INNER, PEER_INNER) == []
    assert leaking(view, ENGINE, PEER) == ["engine"]
    assert leaking(view, PEER, ENGINE) == [view.peer]

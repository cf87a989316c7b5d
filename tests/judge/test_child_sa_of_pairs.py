"""Two products between which there is a NAT: who is told of it, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pair_alterations import edited
from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair, good_pair
from pair_form_alterations import moved_to_4500, twice

from harness.evidence.model import CapturedDatagram
from harness.registry.notifications import NotifyType
from harness.wire.message import RESPONSE
from harness.wire.payloads import Notify

NAT, CLASSICAL, HYBRID = "pair-moves-behind-a-nat", "pairs/classical", "pairs/hybrid"
REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"
KINDS = {"s": NotifyType.NAT_DETECTION_SOURCE_IP, "d": NotifyType.NAT_DETECTION_DESTINATION_IP}


def told(pair: Pair, request: str, answer: str) -> Pair:
    """Digests of the source (s) and the destination (d) that fit nothing, or are left out (S, D)."""
    for label, which in ((REQUEST, request), (ANSWER, answer)):
        wrong, gone = ({KINDS[each.lower()] for each in which if each in some} for some in ("sd", "SD"))

        def change(payloads, wrong=wrong, gone=gone):
            kept = [p for p in payloads if not (isinstance(p, Notify) and p.notify_type in gone)]
            return [replace(p, data=bytes(20)) if isinstance(p, Notify) and p.notify_type in wrong else p for p in kept]

        pair = edited(change, label)(pair)
    return pair


def bare(pair: Pair, *addresses: str) -> Pair:
    """All ESP of these goes right above IP."""
    for packet in pair.view.esp:
        if packet.source[0] in addresses or not addresses:
            above = {"source": (packet.source[0], 0), "destination": (packet.destination[0], 0)}
            pair = pair.changed(packet, replace(packet, **above))
    return pair


def named(pair: Pair) -> list[tuple[str, str | None]]:
    return [(each.party, each.requirement) for each in pair.check(NAT).objections]


OF_FIRST, OF_SECOND, MOVES = (FIRST, "B46"), (SECOND, "B46"), (FIRST, "B36")


@pytest.mark.parametrize(
    ("request_", "answer", "expected"),
    [
        ("", "", []),
        ("s", "s", [OF_SECOND, OF_FIRST, MOVES]),
        ("s", "", []),  # one alone may have made its digest wrong
        ("", "s", []),
        ("d", "d", []),  # each is told that itself is behind a NAT, which the other has to know
        ("s", "d", [OF_SECOND]),  # the initiator is behind one
        ("d", "s", [OF_FIRST, MOVES]),
        ("sd", "s", [OF_FIRST, MOVES]),  # neither fits: another address in the capture
        ("sd", "sd", []),
        ("Sd", "s", []),  # who does not send NAT_DETECTION knows nothing of it
        ("s", "Sd", []),
    ],
)
def test_who_is_told_of_a_nat_moves(request_, answer, expected):
    pair = bare(told(good_pair(CLASSICAL), request_, answer))
    assert named(pair) == expected
    assert named(moved_to_4500(pair)) == [each for each in expected if each is not MOVES]
    assert named(told(moved_to_4500(good_pair(CLASSICAL)), request_, answer)) == []


@pytest.mark.parametrize(
    ("answer", "moves"),
    [("", False), ("s", True), ("d", True), ("sd", False), ("S", False), ("Sd", False), ("Ds", False)],
)
def test_whom_the_answer_alone_tells_of_a_nat_asks_at_the_other_port(answer, moves):
    """Whatever it sent itself (RFC 7296 section 2.23), where both ends of the path were watched."""
    pair = told(good_pair(CLASSICAL), "", answer)
    assert named(pair) == []
    assert named(twice(pair)) == ([MOVES] if moves else [])
    assert named(twice(bare(pair, FIRST))) == named(twice(pair))
    assert named(twice(moved_to_4500(pair))) == []


def test_the_first_packet_that_went_wrong_is_shown():
    pair = bare(told(good_pair(HYBRID), "s", "d"))
    (objection,) = moved_to_4500(pair).check(NAT).objections
    assert objection.pointer == f"wire.pcapng#{min(p.frame for p in pair.view.esp if pair.view.source(p) == SECOND)}"
    found = told(good_pair(HYBRID), "d", "s").check(NAT).objections
    assert [each.requirement for each in found] == ["I05", "B36"]  # IKE_INTERMEDIATE is the first to move


def again(pair: Pair, label: str, *, first: bool = False, **ends: tuple[str, int]) -> Pair:
    """A copy of a message between other ends, behind or in front of it."""
    datagram = pair.message(label).pieces[0].datagram
    copy = replace(datagram, **ends)
    return pair.changed(datagram, *((copy, datagram) if first else (datagram, copy)))


def over_4500(datagram: CapturedDatagram) -> CapturedDatagram:
    here, there = ((address, 4500) for address, _ in (datagram.source, datagram.destination))
    return replace(datagram, source=here, destination=there, payload=bytes(4) + datagram.payload)


def test_the_first_copy_of_a_message_counts():
    asked = "IKE_AUTH request 1"
    pair = told(good_pair(CLASSICAL), "d", "s")
    datagram = pair.message(asked).pieces[0].datagram
    assert named(pair.changed(datagram, datagram, over_4500(datagram))) == [MOVES]
    assert named(pair.changed(datagram, over_4500(datagram), datagram)) == []
    sent = bare(told(good_pair(CLASSICAL), "", "d"))
    source = sent.message(REQUEST).pieces[0].datagram.source[0]
    assert named(again(sent, REQUEST, source=(source, 1024))) == []
    assert named(again(sent, REQUEST, first=True, source=(source, 1024))) == [OF_SECOND]


def test_only_what_the_initiator_asks_is_due_at_the_other_port():
    """An answer goes back to where the question came from, which is for another check; in clear, anybody can send."""
    pair = told(good_pair(CLASSICAL), "d", "s")
    request = pair.message("IKE_AUTH request 1").pieces[0].datagram
    moved = pair.changed(request, over_4500(request))
    assert named(moved) == []
    ends = {"source": (request.destination[0], 500), "destination": (request.source[0], 500)}
    assert named(moved.changed(moved.wire.datagrams[-1], moved.wire.datagrams[-1], replace(request, **ends))) == []
    answer = bytearray(request.payload)
    answer[19] |= RESPONSE
    assert named(moved.changed(moved.wire.datagrams[-1], replace(request, frame=99, payload=bytes(answer)))) == []
    opened = edited(lambda _: [Notify(NotifyType.COOKIE, b"c")], "IKE_AUTH request 1")(pair)
    assert named(opened) == []


def test_an_attempt_without_nat_detection_does_not_hide_the_next_one():
    pair = told(good_pair(CLASSICAL), "d", "s")
    silent = told(good_pair(CLASSICAL), "SD", "SD").wire.datagrams[:2]
    before = [replace(each, payload=b"another!" + each.payload[8:], frame=n - 2) for n, each in enumerate(silent)]
    both = pair.with_datagrams((*before, *pair.wire.datagrams))
    assert len(both.view.ike_sas) == 2
    assert named(both) == named(pair) == [MOVES]


def test_each_packet_is_told_of_once_however_many_ike_sas_there_are():
    pair = bare(told(good_pair(HYBRID_REKEY), "s", "s"))
    assert [each for each in named(moved_to_4500(pair)) if each[1] == "B46"] == [OF_SECOND, OF_FIRST]

"""Capture, trace and sockets tell of the same datagrams: what each may lack, and what not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, PEER_NAME, Case, flipped, good
from extra_messages import behind, protected

from harness.evidence.model import CapturedDatagram
from harness.policy.role import Role
from harness.registry.messages import PayloadType
from harness.verify.checks.witnesses import not_captured
from harness.wire.message import Message
from harness.wire.payloads import EncryptedFragment

HYBRID, CLASSICAL = "hybrid/x25519-mlkem768", "classical/ecp384"


@pytest.mark.parametrize(("here", "there"), [(500, 500), (4500, 4500), (500, 1024), (0, 0)])
def test_a_datagram_of_our_engine_that_our_sockets_did_not_send(role, here, there):
    case = good("classical/ecp384", role=role)
    last = next(d for d in reversed(case.datagrams) if d.source[0] == ENGINE)
    ends = {"source": (ENGINE, here), "destination": (PEER, there)}
    other = replace(last, frame=99, payload=b"\xee" * 40, **ends)
    words = not_captured(case.with_capture((*case.datagrams, other)).view)
    assert words.endswith("engine/datagrams.jsonl lacks the datagram of our engine in frame 99 of wire.pcapng")


@pytest.mark.parametrize(("here", "there"), [(4501, 500), (0, 500), (1, 0), (0, 1)])
def test_what_leaves_another_port_prepares_the_case(role, here, there):
    """The half-open IKE SAs are none of our engine's."""
    case = good("classical/ecp384", role=role)
    ends = {"source": (ENGINE, here), "destination": (PEER, there)}
    other = replace(case.datagrams[-1], frame=99, payload=b"\xee" * 40, **ends)
    assert not_captured(case.with_capture((*case.datagrams, other)).view) == ""


def at_another_address(case: Case, address: str) -> Case:
    facts = case.evidence.facts
    side = case.evidence.role.other.value
    return case.with_evidence(facts=replace(facts, **{side: replace(getattr(facts, side), address=address)}))


def test_where_our_engine_sends_is_where_the_record_has_the_peer(role):
    case = good(HYBRID, role=role)
    words = not_captured(at_another_address(case, "198.51.100.99").view)
    assert words.startswith(f"case.json has 198.51.100.99 for {PEER_NAME}, the ")
    ours = next(m for m in case.view.messages if case.view.sender(m) == "engine").pieces[0].datagram
    strayed = replace(ours, destination=("198.51.100.99", 500))
    assert "goes to another one" in not_captured(case.changed(ours, strayed, ours).view)


def test_what_the_kernel_dropped_is_told_beside_a_gap_alone(role):
    dropping = good(HYBRID, role=role).with_report(capture_drops=3)
    assert not_captured(dropping.view) == ""
    gap = dropping.without("IKE_AUTH request 2")
    assert not_captured(gap.view).endswith("trace.jsonl tells of; the kernel dropped 3 frames of the capture")


def test_of_two_messages_of_one_place_the_one_of_its_sender_has_to_open():
    """Each side has its own INFORMATIONAL request of a number."""
    case = good("lifecycle/liveness-and-delete")
    number = case.message("INFORMATIONAL request 2").message_id
    octets = flipped(protected(case, (), by_engine=False, message_id=number), -1)
    assert not_captured(behind(case, octets, by_engine=False).view) == ""


def test_a_request_of_our_engine_that_the_trace_has_of_the_peer_alone():
    case = good("lifecycle/liveness-and-delete", role=Role.RESPONDER)
    number = case.message("INFORMATIONAL request 2").message_id
    octets = protected(case, (), by_engine=True, message_id=number)
    words = not_captured(behind(case, octets, by_engine=True).view)
    assert words == "trace.jsonl lacks the INFORMATIONAL request 2 that wire.pcapng has of our engine"


def test_what_was_never_sealed_need_not_open(role):
    case = good(HYBRID, role=role)
    answer = case.message("IKE_SA_INIT response 0").pieces[0]
    sealed = EncryptedFragment(PayloadType.NOTIFY, 1, 1, bytes(40))
    octets = Message(answer.message.header, (*answer.message.payloads, sealed)).to_bytes()
    assert not_captured(case.changed(answer.datagram, replace(answer.datagram, payload=octets)).view) == ""
    auth = case.message("IKE_AUTH response 2")
    clear = Message(auth.pieces[0].message.header, auth.payloads).to_bytes()
    datagram = auth.pieces[0].datagram
    instead = replace(datagram, payload=clear)
    assert not_captured(case.changed(datagram, instead).view) == ""
    junk = replace(datagram, payload=flipped(auth.pieces[0].octets, -1))  # beside it somebody sends what never opens
    assert not_captured(case.changed(datagram, instead, junk).view) == ""


@pytest.mark.parametrize(
    ("count", "words"),
    [
        ("requests_sent", "5 of the 9 echo requests to"),
        ("replies_received", "5 of the 9 echo replies from"),
        ("requests_received", "0 of the 9 echo requests from"),
        ("replies_sent", "0 of the 9 echo replies to"),
    ],
)
def test_each_echo_message_that_our_side_counts_is_in_the_capture(role, count, words):
    case = good(CLASSICAL, role=role)
    assert not_captured(case.with_echo(**{count: 9}).view).startswith(f"wire.pcapng holds {words} {PEER_NAME}")


def test_a_record_of_the_sockets_is_counted(role):
    case = good(CLASSICAL, role=role).with_report(datagrams=None)
    assert not_captured(case.view).endswith("datagrams, engine/sas.json counts none")


def esp_of(case: Case, *, by_engine: bool) -> CapturedDatagram:
    return case.esp(from_engine=by_engine)[-1]


def test_each_datagram_of_our_sockets_is_in_the_capture(role):
    case = good(CLASSICAL, role=role)
    for by_engine, way in ((True, "sent"), (False, "received")):
        gone = esp_of(case, by_engine=by_engine)
        words = not_captured(case.with_capture(d for d in case.datagrams if d is not gone).view)
        assert words.startswith(f"wire.pcapng lacks a datagram that our socket {way}")


def test_what_we_sent_again_may_be_lost_and_what_we_received_again_is_there(role):
    case = good(CLASSICAL, role=role)
    for by_engine, words in ((True, ""), (False, "wire.pcapng lacks a datagram that our socket received")):
        packet = esp_of(case, by_engine=by_engine)
        twice = case.changed(packet, packet, packet)
        once = twice.with_capture(case.datagrams)
        assert not_captured(once.view).startswith(words) and bool(not_captured(once.view)) is bool(words)


def test_what_goes_to_others_is_not_what_we_received(role):
    case = good(CLASSICAL, role=role)
    gone = esp_of(case, by_engine=False)
    other = replace(gone, destination=("198.51.100.77", gone.destination[1]))
    words = not_captured(case.with_capture(other if d is gone else d for d in case.datagrams).view)
    assert words.startswith("wire.pcapng lacks a datagram that our socket received")


def test_what_came_too_late_for_our_sockets_is_no_contradiction(role):
    case = good(CLASSICAL, role=role)
    late = replace(esp_of(case, by_engine=False), frame=99, payload=b"\xee" * 40)
    assert not_captured(case.with_capture((*case.datagrams, late)).view) == ""

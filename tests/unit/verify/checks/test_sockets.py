"""The record of our sockets against the capture, datagram by datagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, good

from harness.evidence.model import CapturedDatagram, SocketDatagram
from harness.policy.role import Role
from harness.verify.checks.sockets import at_our_socket, datagrams_differ, known_to_our_sockets, strangers
from harness.verify.view import View

CLASSICAL, ELSEWHERE = "classical/ecp384", "203.0.113.5"


@pytest.fixture
def view(role: Role) -> View:
    return good(CLASSICAL, role=role).view


def record(view: View, *every: SocketDatagram) -> View:
    """With that in the record of our sockets, which is whole."""
    evidence = replace(view.evidence, datagrams=every)
    return replace(view, evidence=evidence, report=replace(view.report, datagrams=len(every)))


def captured(view: View, *datagrams: CapturedDatagram) -> View:
    numbered = (replace(each, frame=number) for number, each in enumerate(datagrams, start=1))
    return replace(view, wire=replace(view.wire, datagrams=tuple(numbered)))


def own(view: View) -> tuple[SocketDatagram, ...]:
    return view.evidence.datagrams or ()


def foreign(*, sent: bool, payload: bytes = b"of the case before") -> SocketDatagram:
    return SocketDatagram.of(payload, 500, (ELSEWHERE, 500), sent=sent)


def test_what_still_comes_from_elsewhere_the_capture_is_not_there_to_see(view):
    assert datagrams_differ(record(view, *own(view), foreign(sent=False))) == ""
    words = datagrams_differ(record(view, *own(view), foreign(sent=True)))
    assert words.startswith("wire.pcapng lacks a datagram that our socket sent (18 octets, SHA-256 ")


def test_what_came_from_elsewhere_is_not_captured_from_the_peer(view):
    theirs = next(each for each in view.wire.datagrams if each.source[0] == PEER)
    strange = foreign(sent=False, payload=theirs.payload)
    words = f"engine/datagrams.jsonl has a datagram of {ELSEWHERE} that wire.pcapng has of another address"
    assert datagrams_differ(record(view, *own(view), strange)) == words
    ours = next(each for each in view.wire.datagrams if each.source[0] == ENGINE)
    assert datagrams_differ(record(view, *own(view), foreign(sent=False, payload=ours.payload))) == ""
    seen = replace(theirs, source=(ELSEWHERE, 500), payload=b"of the case before")
    both = captured(record(view, *own(view), foreign(sent=False)), *view.wire.datagrams, seen)
    assert datagrams_differ(both) == ""


def test_the_first_harnesses_kept_no_record(view):
    bare = replace(view, evidence=replace(view.evidence, datagrams=None))
    assert datagrams_differ(replace(bare, report=replace(view.report, datagrams=None))) == ""
    assert datagrams_differ(bare).startswith("engine/datagrams.jsonl has 0 datagrams, engine/sas.json counts ")
    assert datagrams_differ(replace(view, report=replace(view.report, datagrams=None))).endswith("counts none")


def made(*, ours: bool, port: int = 500, payload: bytes = b"") -> CapturedDatagram:
    here, there = (ENGINE, port), (PEER, 500)
    source, destination = (here, there) if ours else (there, here)
    return CapturedDatagram(1, 0.0, source, destination, payload, (60,))


A, B = made(ours=True, payload=b"A"), made(ours=True, payload=b"B")
X, Y, Z = (made(ours=False, port=port, payload=p) for port, p in ((500, b"X"), (500, b"Y"), (4500, b"Z")))


@pytest.mark.parametrize(
    ("sockets", "capture", "told"),
    [
        ((A, X, B), (A, X, B), ""),
        ((A, B), (B, A), "frame 2 behind a datagram that our socket sent"),
        ((X, A), (A, X), "frame 2 behind a datagram that our socket sent"),
        ((A, X), (X, A), ""),  # the two crossed: it was captured before our socket read it
        ((X, Y), (Y, X), "frame 2 behind a datagram that our socket received"),
        ((X, Z), (Z, X), ""),  # one socket is read after the other
        ((Z, X, Y), (Y, X, Z), "frame 2 behind a datagram that our socket received"),
        ((X, Z, A), (Z, A, X), "frame 3 behind a datagram that our socket sent"),
        ((A, X, A), (A, X, A), ""),  # what is captured several times stands where it may
        ((A, A, B), (A, B, A), ""),
        ((X, X, Y), (X, Y, X), ""),
        ((X, Y, X), (X, Y, X), ""),
        ((X, Y, X), (X, X, Y), "frame 3 behind a datagram that our socket received"),
    ],
)
def test_the_order_of_the_sockets_is_that_of_the_capture(view, sockets, capture, told):
    of_sockets = tuple(at_our_socket(each, ENGINE) for each in sockets)
    words = datagrams_differ(captured(record(view, *of_sockets), *capture))
    assert words == "" if not told else told in words


def case(view: View, sockets: Sequence[CapturedDatagram], capture: Sequence[CapturedDatagram]) -> str:
    return datagrams_differ(captured(record(view, *(at_our_socket(each, ENGINE) for each in sockets)), *capture))


def test_what_is_sent_or_read_is_captured_as_often_as_may_be(view):
    assert case(view, (A, A), (A,)) == ""  # one was lost before the interface
    assert "our socket sent" in case(view, (A,), ())
    assert "our socket received" in case(view, (X, X), (X,))
    assert case(view, (X,), (X, X)) == ""  # the other came too late
    assert case(view, (), (X,)) == ""


def test_what_is_captured_of_our_engine_its_sockets_sent(view):
    for port, known in ((500, True), (4500, True), (501, False), (0, False)):
        words = case(view, (A,), (A, made(ours=True, port=port, payload=b"unknown")))
        assert words == ("engine/datagrams.jsonl lacks the datagram of our engine in frame 2 of wire.pcapng" * known)
    bare = replace(made(ours=True, port=0, payload=b"ESP"), destination=(PEER, 0))
    assert "in frame 2" in case(view, (A,), (A, bare))


def test_between_others_nothing_is_asked_of_our_sockets(view):
    between = replace(A, source=(PEER, 500), destination=(ELSEWHERE, 500))
    assert case(view, (A,), (A, between)) == ""


def test_strangers_are_the_addresses_of_neither_side(view):
    assert list(strangers(view)) == []
    coming, going = replace(X, source=(ELSEWHERE, 500)), replace(A, destination=(ELSEWHERE, 500))
    strange = captured(view, A, coming, X, going)
    assert [(datagram.frame, address) for datagram, address in strangers(strange)] == [(2, ELSEWHERE), (4, ELSEWHERE)]
    facts = replace(view.facts, responder=replace(view.facts.responder, address=""))
    assert list(strangers(replace(strange, facts=facts))) == []


def test_a_captured_datagram_is_known_by_its_octets_ends_and_way(view):
    known = record(view, at_our_socket(A, ENGINE), at_our_socket(X, ENGINE))
    assert known_to_our_sockets(known, A) and known_to_our_sockets(known, replace(X, frame=99))
    others = B, replace(A, payload=b"X"), replace(X, source=(ELSEWHERE, 500)), replace(X, destination=(ENGINE, 4500))
    assert not any(known_to_our_sockets(known, each) for each in others)
    assert not known_to_our_sockets(replace(known, evidence=replace(known.evidence, datagrams=None)), A)

"""Effects in front of their causes, and what may well cross on its way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import ENGINE, PEER, good

from harness.evidence.model import SocketDatagram
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.verify.checks.causes import before_its_cause
from harness.verify.checks.sockets import at_our_socket
from harness.verify.view import View
from harness.verify.wire import SeenMessage

HYBRID, LATE = "hybrid/x25519-mlkem768", 10**6


def at(message: SeenMessage, frame: int) -> SeenMessage:
    """The message in another place of the capture."""
    pieces = (replace(piece, datagram=replace(piece.datagram, frame=frame)) for piece in message.pieces)
    return replace(message, pieces=tuple(pieces))


def ours_in_intermediate(view: View) -> SeenMessage:
    return next(m for m in view.find(ExchangeType.IKE_INTERMEDIATE) if view.sender(m) == "engine")


def with_others(view: View, gone: SeenMessage, *instead: SeenMessage) -> View:
    kept = [one for message in view.messages for one in (instead if message is gone else (message,))]
    return replace(view, messages=tuple(kept))


def test_keys_come_from_our_part_of_each_key_exchange(role):
    view = good(HYBRID, role=role).view
    ours = ours_in_intermediate(view)
    words = before_its_cause(with_others(view, ours, at(ours, LATE)))
    assert "of strongswan-6.1 in front of the IKE_INTERMEDIATE" in words
    assert before_its_cause(view) == ""


def test_what_does_not_open_is_no_part_of_a_key_exchange(role):
    """A copy that somebody damaged: the one that opens made the keys."""
    view = good(HYBRID, role=role).view
    ours = ours_in_intermediate(view)
    damaged = replace(ours, opened=None, generation=None)
    assert before_its_cause(with_others(view, ours, damaged, at(ours, LATE)))


def test_where_our_part_is_not_captured_nothing_is_in_front_of_it(role):
    view = good(HYBRID, role=role).view
    assert before_its_cause(with_others(view, ours_in_intermediate(view))) == ""


def test_our_own_order_is_for_the_sockets_to_tell(role):
    view = good(HYBRID, role=role).view
    ours = next(m for m in view.find(ExchangeType.IKE_AUTH) if view.sender(m) == "engine")
    early = replace(view, messages=(at(ours, 0), *(m for m in view.messages if m is not ours)))
    assert "of strongswan-6.1" not in before_its_cause(early)


@pytest.mark.parametrize(
    ("capture", "sockets", "told"),
    [
        ("q a", "q a", False),
        ("a q", "q a", True),
        ("a q", "a q", False),  # our socket, too, read it before: there is no contradiction
        ("a q", "a", False),  # of what is not on record nobody knows when it was
        ("a q", "q", False),
        ("Q A a q", "Q A a", False),
        ("q a A", "q A a", False),  # the peer's answer is on its way to our socket while ours leaves
        ("q a Q", "q Q a", False),  # two sockets, read one after the other
        ("Q q a", "q Q a", False),  # two requests of one number cross
        ("A q a", "q A a", False),  # what our sockets sent in another order is told by them
    ],
)
def test_a_response_is_captured_in_front_of_its_request(capture, sockets, told):
    """Our request, the peer's answer, the peer's own request of that number, and our answer: q, a, Q, A."""
    view = good(HYBRID, role=Role.INITIATOR).view
    model = view.find(ExchangeType.INFORMATIONAL, response=False)[0]
    made = {
        letter: _made(model, ours=letter in "qA", response=letter in "aA", frame=1 + place)
        for place, letter in enumerate(capture.split())
    }
    read = tuple(_at_our_socket(made[letter]) for letter in sockets.split())
    case = replace(view, messages=tuple(made.values()), evidence=replace(view.evidence, datagrams=read))
    assert bool(before_its_cause(case)) == told


def _made(model: SeenMessage, *, ours: bool, response: bool, frame: int) -> SeenMessage:
    here, there = (ENGINE, 500), (PEER, 500)
    source, destination = (here, there) if ours else (there, here)
    payload = f"{ours} {response}".encode()
    datagram = replace(model.pieces[0].datagram, source=source, destination=destination, payload=payload, frame=frame)
    piece = replace(model.pieces[0], datagram=datagram)
    return replace(model, from_initiator=ours, response=response, generation=None, pieces=(piece,))


def _at_our_socket(message: SeenMessage) -> SocketDatagram:
    return at_our_socket(message.pieces[0].datagram, ENGINE)

"""What is a message, of which IKE SA, and why not; and what counts of a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from case_builder import good
from lines import HERE, THERE, messages, piece, spi

from harness.evidence.model import CapturedDatagram
from harness.registry.notifications import NotifyType
from harness.verify.wire import (
    Opened,
    SeenMessage,
    accepts,
    announces_intermediate,
    answered_suite,
    final_init,
    of,
    pieces_by_sa,
    read_pieces,
    why_malformed,
)
from harness.wire.message import Message
from harness.wire.payloads import Notify, SecurityAssociation

REQUEST, ANSWER = "IKE_SA_INIT request 0", "IKE_SA_INIT response 0"


def sent(line: str, frame: int = 1, octets: bytes | None = None) -> CapturedDatagram:
    """A datagram from its line, perhaps with other octets."""
    datagram = piece(line, frame).datagram
    return datagram if octets is None else replace(datagram, payload=octets)


MESSAGE = piece("i INFO 2 port=500", 1).octets
UNMARKED = sent("i INFO 2 bare", 2)
SHORT = sent("i INFO 2 port=500", 3, MESSAGE[:-1])
IKEV1 = sent("i INFO 2 port=500", 4, MESSAGE[:17] + b"\x10" + MESSAGE[18:-1])
ESP = sent("i INFO 2", 5, b"\1" * 40)
FINE = sent("i INFO 2 port=500", 6)


def test_why_a_datagram_is_no_message():
    assert why_malformed(FINE) == ""
    assert why_malformed(UNMARKED) == "it has no non-ESP marker"
    assert str(len(MESSAGE) - 1) in why_malformed(SHORT)
    assert why_malformed(IKEV1) == "", "it is a message of another protocol"


def test_messages_by_ike_sa_and_what_is_none():
    malformed: list[CapturedDatagram] = []
    other = sent("i INFO 3 spi=2", 7)
    found = pieces_by_sa([UNMARKED, SHORT, IKEV1, ESP, FINE, other], malformed)
    assert {key: [each.datagram.frame for each in those] for key, those in found.items()} == {spi(1): [6], spi(2): [7]}
    assert malformed == [UNMARKED, SHORT, IKEV1]
    assert pieces_by_sa([UNMARKED, SHORT, IKEV1, ESP, FINE, other]) == found


def test_of_one_ike_sa_what_is_no_message_is_kept_apart():
    found = read_pieces([UNMARKED, ESP, SHORT, FINE], spi(1))
    assert ([each.datagram for each in found.pieces], found.malformed) == ([FINE], [UNMARKED, SHORT])


def test_on_our_own_ports_alone_others_are_strangers():
    own, theirs = sent("i INIT 0 spi=2 port=500", 1), sent("r INIT 0 < spi=2 port=500", 2)
    prepared = replace(own, frame=3, source=(HERE, 40_000))
    passing = replace(own, frame=4, source=("192.0.2.9", 500))
    found = read_pieces([prepared, passing, own, theirs, FINE], spi(1), HERE)
    assert [each.datagram for each in found.strangers] == [own, theirs]
    assert [each.datagram for each in found.pieces] == [FINE]
    moved = replace(FINE, source=(HERE, 40_000), destination=(THERE, 500))
    assert read_pieces([moved], spi(1), HERE).pieces, "the IKE SA's own messages may come from anywhere"


def test_where_a_message_is_found():
    (message,) = messages("i INFO 2")
    assert message.pointer == "wire.pcapng#1"


def test_what_decrypts_to_no_chain_of_payloads_is_not_readable():
    (message,) = messages("i INFO 2")
    assert not message.readable
    assert replace(message, opened=Opened((), (), b"", b"")).readable
    assert not replace(message, opened=Opened((), (), b"", b"", "why")).readable


def holding(message: SeenMessage, *payloads: Any) -> SeenMessage:
    """The message with other payloads in clear."""
    first = message.pieces[0]
    return replace(message, pieces=(replace(first, message=Message(first.message.header, payloads)),))


def test_a_request_without_a_nonce_begins_nothing():
    bare, request, answer = messages("i INIT 0", "i INIT 0", "r INIT 0 <")
    assert final_init([holding(bare, Notify(NotifyType.COOKIE)), request, answer]) == (request, answer)


def test_no_answer_is_taken_for_a_request_whatever_their_order():
    request, early, answer = messages("i INIT 0", "r INIT 0 <", "r INIT 0 <")
    assert final_init([request, answer, early]) == (request, answer)


def test_only_one_notification_announces_intermediate_exchanges():
    (message,) = messages("i INIT 0")
    assert announces_intermediate(holding(message, Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED)))
    assert not announces_intermediate(holding(message, Notify(NotifyType.COOKIE)))


def test_an_error_in_a_request_refuses_nothing():
    request, answer = good().message(REQUEST), good().message(ANSWER)
    error = Notify(NotifyType.INVALID_SYNTAX)
    assert accepts(holding(request, *request.payloads, error)) == of(request, SecurityAssociation)
    assert accepts(holding(answer, *answer.payloads, error)) == []


def test_the_first_proposal_of_an_answer_is_the_one_accepted():
    (answer,) = of(good().message(ANSWER), SecurityAssociation)
    (proposal,) = answer.proposals
    two = replace(answer, proposals=(proposal, replace(proposal, number=2, transforms=())))
    assert answered_suite(two) == answered_suite(answer)

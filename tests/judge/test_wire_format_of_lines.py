"""Headers, numbers and repetitions of messages, each rule by itself, of messages that are written as lines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from case_builder import PEER_NAME, good
from lines import messages, pieces

from harness.policy.role import Role
from harness.registry.messages import ExchangeType, PayloadType
from harness.registry.notifications import NotifyType
from harness.verify.checks import wire_format
from harness.verify.checks.catalogue import CHECKS
from harness.verify.view import View
from harness.verify.wire import SeenMessage
from harness.wire.payload import Payload
from harness.wire.payloads import Nonce, Notify, SecurityAssociation
from harness.wire.payloads.opaque import Unknown

NUMBERS, COPIES = "message-ids-in-sequence", "retransmissions-identical"


def view_of(found: Iterable[SeenMessage]) -> View:
    """These messages alone, in the order of the capture. Our engine is the initiator."""
    view = good("classical/ecp384", role=Role.INITIATOR).view
    return replace(view, messages=tuple(sorted(found, key=lambda m: m.frame)))


def said(check: str, *lines: str) -> list[tuple[str, str, str]]:
    """The rule, the frame and the party of each objection."""
    found = CHECKS[check](view_of(messages(*lines))).objections
    return [(each.requirement or "", str(each.pointer).removeprefix("wire.pcapng#"), each.party) for each in found]


BEGUN = ("i INIT 0", "r INIT 0 <")
OUR, THEIR = "engine", PEER_NAME


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((*BEGUN, "i AUTH 1", "r AUTH 1 <", "r INFO 0", "i INFO 0 <", "i INFO 2", "r INFO 2 <"), []),
        ((*BEGUN, "i AUTH 2"), [("B22", "1", OUR)]),
        ((*BEGUN, "i INTERMEDIATE 1", "i AUTH 3"), [("I04", "1", OUR)]),
        ((*BEGUN, "i INTERMEDIATE 2", "i AUTH 3"), [("I04", "1", OUR)]),
        ((*BEGUN, "i INTERMEDIATE 1", "i AUTH 2", "i INFO 4"), [("B22", "1", OUR)]),
        ((*BEGUN, "i AUTH 1", "i INFO 3", "i INTERMEDIATE 4"), [("B22", "1", OUR)]),
        ((*BEGUN, "i AUTH 1", "r INFO 1"), [("B22", "4", THEIR)]),
        ((*BEGUN, "r INFO 0", "r INFO 2"), [("B22", "3", THEIR)]),
        ((*BEGUN, "i AUTH 1", "i AUTH 1", "i INFO 2"), []),  # a repetition
        ((*BEGUN, "i INTERMEDIATE 1", "r INFO 0", "i AUTH 2", "r AUTH 2"), [("B39", "4", THEIR)]),  # without its flag
    ],
)
def test_requests_are_numbered_without_a_gap(lines, expected):
    assert said(NUMBERS, *lines) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ((*BEGUN, "i AUTH 1", "i INFO 1"), [("B22", "4", OUR)]),
        ((*BEGUN, "i INFO 1 clear", "i AUTH 1"), []),  # anybody may have sent what is in clear
        ((*BEGUN, "i AUTH 1", "i INFO 1 clear"), []),
        ((*BEGUN, "i AUTH 1", "r INFO 0"), []),  # each side has numbers of its own
        ((*BEGUN, "i CREATE 0"), [("B22", "3", OUR)]),
        ((*BEGUN, "i AUTH 1", "i INFO 1", "i CREATE 1"), [("B22", "4", OUR), ("B22", "5", OUR)]),
    ],
)
def test_one_number_is_of_one_exchange(lines, expected):
    assert said(NUMBERS, *lines) == expected


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ((*BEGUN, "i AUTH 1", "r AUTH 1 <"), ""),
        ((*BEGUN, "r AUTH 1 <"), "B22"),
        ((*BEGUN, "r AUTH 1 <", "i AUTH 1"), "B22"),
        ((*BEGUN, "i AUTH 1", "i AUTH 1 <"), "B22"),
        ((*BEGUN, "i AUTH 1", "r INFO 1 <"), "B22"),
        ((*BEGUN, "i AUTH 1", "r AUTH 2 <"), "B22"),
        ((*BEGUN, "i INTERMEDIATE 1", "r INTERMEDIATE 2 <"), "I04"),
        ((*BEGUN, "i INTERMEDIATE 1", "r AUTH 2 <"), "I04"),
        ((*BEGUN, "i INTERMEDIATE 1", "r INFO 2 <"), "B22"),
        ((*BEGUN, "i INTERMEDIATE 1 clear", "r AUTH 2 <"), "B22"),
        ((*BEGUN, "i INTERMEDIATE 1", "r AUTH 1 <"), "B22"),  # of the right number and another exchange
        ((*BEGUN, "i AUTH 1", "r INTERMEDIATE 1 <"), "B22"),
        ((*BEGUN, "i AUTH 1", "r INTERMEDIATE 2 <"), "I04"),
    ],
)
def test_a_response_answers_a_request_before_it(lines, rule):
    found = [each for each in CHECKS[NUMBERS](view_of(messages(*lines))).objections if "answers no" in each.sentence]
    assert [each.requirement for each in found] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("lines", "turned"),
    [
        ((*BEGUN, "i AUTH 1 <"), True),  # the next number of its sender, and the flag of a response
        ((*BEGUN, "i AUTH 2 <"), False),
        ((*BEGUN, "i AUTH 0 <"), False),
        ((*BEGUN, "r INFO 0 <"), True),
        ((*BEGUN, "i INFO 0", "r INFO 0 <"), False),
        ((*BEGUN, "r INFO 0", "i AUTH 1 <"), True),
        ((*BEGUN, "i AUTH 1", "r AUTH 1"), True),  # what would answer a request, without that flag
        ((*BEGUN, "i AUTH 1", "r INFO 1"), False),
        ((*BEGUN, "i AUTH 1", "r AUTH 2"), False),
        ((*BEGUN, "i AUTH 1", "r AUTH 1 <", "r AUTH 1"), False),
        ((*BEGUN, "i AUTH 1", "i AUTH 1 <", "r AUTH 1"), True),
        ((*BEGUN, "i AUTH 1", "r AUTH 2 <", "r AUTH 1"), True),
        ((*BEGUN, "i AUTH 1", "r INFO 1 <", "r AUTH 1"), True),
        ((*BEGUN, "i INFO 5"), False),
        ((*BEGUN, "i INIT 0"), False),  # once more, with other octets
    ],
)
def test_a_response_flag_that_is_turned(lines, turned):
    view = view_of(messages(*lines))
    last = max(view.messages, key=lambda m: m.frame)
    assert wire_format._is_turned(view, last) is turned


def test_only_a_request_before_it_makes_a_message_its_answer():
    early = view_of(messages("r AUTH 1", "i AUTH 1"))
    assert not wire_format._is_turned(early, early.messages[0])
    late = view_of(messages("i INFO 1 <", "i INIT 0"))
    assert not wire_format._is_turned(late, late.messages[0])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("i AUTH 1 =a", "i AUTH 1 =a"), []),
        (("i AUTH 1 =a", "i AUTH 1 =b"), [("B18", "2", OUR)]),
        (("r AUTH 1 < =a", "r AUTH 1 < =b"), [("B18", "2", THEIR)]),
        (("i AUTH 1 =a", "i AUTH 1 =b", "i AUTH 1 =a", "i AUTH 1 =c"), [("B18", "2", OUR), ("B18", "4", OUR)]),
        (("i AUTH 1 1/2 =a", "i AUTH 1 2/2 =b"), []),
        (("i AUTH 1 1/2 =a", "i AUTH 1 2/2 =b", "i AUTH 1 2/2 =c"), [("B18", "3", OUR)]),
        (("i AUTH 1 1/2 =a", "i AUTH 1 1/3 =b"), []),  # in other pieces
        (("i AUTH 1 =a", "i AUTH 1 1/2 =b", "i AUTH 1 2/2 =c"), []),
        (("i AUTH 1 =a", "r INFO 1 =b", "i INFO 2 =c"), []),
    ],
)
def test_a_repetition_has_the_same_octets(lines, expected):
    assert said(COPIES, *lines) == expected


@pytest.mark.parametrize(
    ("lines", "count"),
    [(("i AUTH 1 =a",), 0), (("i AUTH 1 =a", "i AUTH 1 =a", "i AUTH 1 =a", "i INIT 0 =b", "i INIT 0 =b"), 2),
     (("i AUTH 1 1/2 =a", "i AUTH 1 2/2 =a", "i AUTH 1 2/2 =a"), 1)],
)  # fmt: skip
def test_repetitions_are_counted(lines, count):
    detail = CHECKS[COPIES](view_of(messages(*lines))).detail
    assert detail == f"{count} repeated messages or fragments, all identical"


def init(*kinds: str) -> View:
    """IKE_SA_INIT messages: a request (?), an answer that agrees (a), a demand (d), another notification (n)."""
    inside: dict[str, Payload] = {
        "?": Nonce(bytes(32)), "a": SecurityAssociation(()), "d": Notify(NotifyType.COOKIE),
        "k": Notify(NotifyType.INVALID_KE_PAYLOAD), "n": Notify(NotifyType.NO_PROPOSAL_CHOSEN),
    }  # fmt: skip
    lines = ("i INIT 0" if kind == "?" else "r INIT 0 <" for kind in kinds)
    found = []
    for kind, message in zip(kinds, sorted(messages(*lines), key=lambda m: m.frame), strict=True):
        (piece,) = message.pieces
        found.append(with_payloads(message, *([inside[kind]] if kind != "?" else piece.message.payloads)))
    return view_of(found)


def with_payloads(message: SeenMessage, *payloads: Payload) -> SeenMessage:
    changed = (replace(piece, message=replace(piece.message, payloads=payloads)) for piece in message.pieces)
    return replace(message, pieces=tuple(changed))


@pytest.mark.parametrize(
    ("kinds", "frames"),
    [
        ("?a", []), ("?aa", [3]), ("?aaa", [3, 4]), ("?ad", [3]), ("?an", [3]), ("?da", []), ("?dd", []), ("?dda", []),
        ("?d?a", []), ("?d?aa", [5]), ("?d?ad", [5]), ("?a?a", []), ("?a?ad", [5]), ("??ad", []), ("??add", [5]),
        ("??ada", [5]), ("a", []), ("aa", [2]),
    ],
)  # fmt: skip
def test_a_repeated_ike_sa_init_gets_the_answer_that_it_got(kinds, frames):
    found = wire_format._second_answer(init(*kinds))
    assert [str(each.pointer) for each in found] == [f"wire.pcapng#{frame}" for frame in frames]
    assert {(each.party, each.requirement) for each in found} <= {(THEIR, "B19")}


@pytest.mark.parametrize(
    ("kinds", "frames"),
    [("?", []), ("??", [2]), ("?d?", []), ("?k?", []), ("?a?", [3]), ("?n?", [3]), ("?d??", [4]), ("?d?d?", []),
     ("??d", [2]), ("?dd??", []), ("?d?k?n?", [7])],
)  # fmt: skip
def test_another_ike_sa_init_request_takes_a_demand(kinds, frames):
    found = list(wire_format._other_request(init(*kinds)))
    assert [str(each.pointer) for each in found] == [f"wire.pcapng#{frame}" for frame in frames]
    assert {(each.party, each.requirement) for each in found} <= {(OUR, "B18")}


# What stands in a header.


def seen(line: str, **header: Any) -> SeenMessage:
    """One message with another header; the octets of its SPI are those of the header."""
    (message,) = messages(line)
    (piece,) = message.pieces
    changed = replace(piece.message, header=replace(piece.message.header, **header))
    octets = changed.header.initiator_spi + piece.octets[8:]
    return replace(message, pieces=(replace(piece, message=changed, octets=octets),))


ZERO, OWN, OTHER = bytes(8), b"r" * 8, b"o" * 8
IS_ZERO, IS_OTHER = "the responder's SPI is zero", "the responder's SPI is another one's"


@pytest.mark.parametrize(
    ("line", "spi", "words"),
    [
        ("i INIT 0", ZERO, []),
        ("i INIT 0", OWN, ["the responder's SPI is not zero in the first message"]),
        ("r INIT 0 <", ZERO, []),  # an answer that does not agree need not tell it
        ("r INIT 0 <", OTHER, []),
        ("i AUTH 1", OWN, []),
        ("i AUTH 1", ZERO, [IS_ZERO]),
        ("i AUTH 1", OTHER, [IS_OTHER]),
        ("r AUTH 1 <", OWN, []),
        ("r AUTH 1 <", ZERO, [IS_ZERO]),
        ("r AUTH 1 <", OTHER, [IS_OTHER]),
    ],
)
def test_the_spi_of_the_responder(line, spi, words):
    found = list(wire_format._spis(seen(line, responder_spi=spi), OWN, repeats=False))
    assert found == [("B39", each) for each in words]


def test_an_answer_that_agrees_tells_the_spi_of_the_responder():
    for spi, words in ((OWN, []), (ZERO, [IS_ZERO]), (OTHER, [IS_OTHER])):
        answer = with_payloads(seen("r INIT 0 <", responder_spi=spi), SecurityAssociation(()))
        assert [each[1] for each in wire_format._spis(answer, OWN, repeats=False)] == words
    asked = with_payloads(seen("i INIT 0", responder_spi=ZERO), SecurityAssociation(()))
    assert list(wire_format._spis(asked, OWN, repeats=False)) == []


def test_an_spi_of_the_responder_may_have_octets_of_zero():
    some = bytes(1) + OWN[1:]
    for spi, words in ((some, []), (OTHER, [IS_OTHER]), (ZERO, [IS_ZERO])):
        found = wire_format._spis(seen("i AUTH 1", responder_spi=spi), some, repeats=False)
        assert [each[1] for each in found] == words


def test_an_spi_of_zero_that_the_responder_chose_its_initiator_only_repeats():
    assert list(wire_format._spis(seen("i AUTH 1", responder_spi=ZERO), ZERO, repeats=False)) == []
    theirs = wire_format._spis(seen("r AUTH 1 <", responder_spi=ZERO), ZERO, repeats=False)
    assert list(theirs) == [("B39", IS_ZERO)]


@pytest.mark.parametrize("repeats", [True, False])
def test_an_spi_of_the_initiator_of_zero_is_not_whose_who_only_repeats_it(repeats):
    zero = seen("i AUTH 1", initiator_spi=ZERO)
    assert list(wire_format._spis(zero, OWN, repeats=repeats)) == (
        [] if repeats else [("B39", "the initiator's SPI is zero")]
    )


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ({}, []),
        ({"version": 0x21}, [("B16", "version 2.1")]),
        ({"version": 0x3F}, [("B16", "version 3.15")]),
        ({"flags": 0x28}, []),
        ({"flags": 0x00}, []),
        ({"flags": 0x18}, [("B15", "flags 0x18 have reserved bits")]),
        ({"flags": 0x89}, [("B15", "flags 0x89 have reserved bits")]),
    ],
)
def test_version_and_flags(header, words):
    assert list(wire_format._form(seen("i INIT 0", **header), OUR)) == words


@pytest.mark.parametrize(
    ("line", "sender", "kind", "flags", "rule"),
    [
        ("i INIT 0", THEIR, 240, 0x80, ""),
        ("i INIT 0", THEIR, 240, 0x81, "B15"),
        ("i INIT 0", THEIR, 240, 0x01, "B15"),
        ("i INIT 0", OUR, 240, 0x80, "B14"),
        ("r INIT 0 <", THEIR, 240, 0x80, "B14"),
        ("i INIT 0", THEIR, PayloadType.VENDOR_ID, 0x80, "B14"),
        ("i INIT 0", THEIR, PayloadType.VENDOR_ID, 0xFF, "B14"),
        ("i INIT 0", THEIR, PayloadType.VENDOR_ID, 0x00, ""),
    ],
)
def test_a_critical_bit_is_for_what_a_later_document_asks(line, sender, kind, flags, rule):
    payload = Unknown(PayloadType(kind), b"", flags=flags)
    found = list(wire_format._form(with_payloads(seen(line), payload), sender))
    assert [each[0] for each in found] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("line", "initiator", "words"),
    [
        ("i AUTH 1", True, ""),
        ("r AUTH 1 <", True, ""),
        ("i AUTH 1", False, "the Initiator flag is set, though the sender is the IKE SA's responder"),
        ("r AUTH 1", False, ""),
        ("r AUTH 1", True, "the Initiator flag is not set, though the sender is the IKE SA's initiator"),
    ],
)
def test_the_initiator_flag(line, initiator, words):
    message = seen(line)
    if line != "r AUTH 1 <":
        message = replace(message, from_initiator=initiator)
    assert list(wire_format._roles(message)) == ([("B39", words)] if words else [])


@pytest.mark.parametrize(
    ("exchange", "kinds", "fits"),
    [
        (ExchangeType.INFORMATIONAL, (NotifyType.INVALID_SPI,), True),
        (ExchangeType.INFORMATIONAL, (), False),
        (ExchangeType.INFORMATIONAL, (NotifyType.INVALID_SPI, NotifyType.INVALID_SPI), False),
        (ExchangeType.INFORMATIONAL, (NotifyType.INVALID_IKE_SPI,), False),
        (ExchangeType.IKE_AUTH, (NotifyType.INVALID_SPI,), False),
    ],
)
def test_a_word_about_an_spi_is_outside_of_any_ike_sa(exchange, kinds, fits):
    (piece,) = pieces("i INFO 0 clear")
    told = replace(
        piece.message,
        header=replace(piece.message.header, exchange_type=exchange),
        payloads=(Nonce(bytes(32)), *(Notify(kind) for kind in kinds)),
    )
    assert wire_format._names_no_sa(replace(piece, message=told)) is fits


def test_what_is_of_another_protocol_does_not_hide_what_is_no_message():
    view = good("classical/ecp384", role=Role.INITIATOR).view
    first = next(each for each in view.wire.datagrams if each.source[1] == 500)
    older = replace(first, payload=first.payload[:17] + b"\x10" + first.payload[18:28] + bytes(40))
    broken = replace(first, payload=first.payload[:-1])
    assert not any(wire_format._foreign(replace(view, malformed=(older,), strangers=())))
    assert len([*wire_format._foreign(replace(view, malformed=(older, broken), strangers=()))]) == 1

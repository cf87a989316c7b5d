"""Messages that are not what they were to be: what is put right, and what is left as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from lines import HERE, THERE, grouped, messages, pieces, spi, written

from harness.evidence.model import CapturedDatagram
from harness.verify.restored import put_right, unmarked
from harness.verify.wire import SeenMessage

BEGUN = ["i INIT 0", "r INIT 0 <", "i AUTH 1", "r AUTH 1 <"]
HYBRID = ["i INIT 0", "r INIT 0 <", "i INTERMEDIATE 1", "r INTERMEDIATE 1 <", "i AUTH 2", "r AUTH 2 <"]


def faults(*lines: str) -> list[str]:
    """What is wrong, each with its requirement in front."""
    return [f"{each.requirement}: {each.sentence}" for each in put_right(messages(*lines))[1]]


def right(*lines: str) -> list[str]:
    """The messages as they were to be, by frame."""
    whole = put_right(messages(*lines))[0]
    assert [each.frame for each in whole] == sorted(each.frame for each in whole)
    return written(whole)


def left_as_it_is(*lines: str) -> None:
    assert faults(*lines) == []
    assert sorted(right(*lines)) == sorted(written(messages(*lines)))


@pytest.mark.parametrize(
    "lines",
    [
        BEGUN,
        HYBRID,
        [*BEGUN, "i INFO 2", "r INFO 2 <", "r INFO 0", "i INFO 0 <"],  # each side counts its own
        [*BEGUN, "i INFO 3", "i INFO 2", "r INFO 2 <", "r INFO 3 <"],  # they crossed each other
        [*BEGUN, "i INFO 5", "r INFO 5 <", "i INFO 6", "r INFO 6 <"],  # the capture lacks what was between
        [*BEGUN, "i INFO 9 clear", "i INFO 2", "r INFO 2 <"],  # in clear anybody can send it
        [*HYBRID[:4], "i AUTH 2", "i AUTH 2", "r AUTH 2 <"],
        [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 0 spi=2", "r INFO 0 < spi=2"],  # another IKE SA has its own
        [*BEGUN, "i INFO 5", "i INFO 3", "i INFO 2", "r INFO 2 <", "r INFO 3 <", "r INFO 5 <"],
    ],
)
def test_what_is_right_stays_so(lines):
    left_as_it_is(*lines)


# Message IDs (RFC 7296 section 2.2).


@pytest.mark.parametrize(
    ("lines", "now", "told"),
    [
        (
            [*BEGUN, "i INFO 7", "r INFO 7 <", "i INFO 3", "r INFO 3 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 3 <"],
            ["B22: INFORMATIONAL request 7 is sent where request 2 is due"],
        ),
        (
            [*BEGUN, "r INFO 7", "i INFO 7 <", "r INFO 1", "i INFO 1 <"],
            [*BEGUN, "r INFO 0", "i INFO 0 <", "r INFO 1", "i INFO 1 <"],
            ["B22: INFORMATIONAL request 7 is sent where request 0 is due"],
        ),
        (
            ["i INIT 1", "r INIT 1 <", "i AUTH 1", "r AUTH 1 <"],
            BEGUN,
            ["B22: IKE_SA_INIT request 1 is sent where request 0 is due"],
        ),
        (
            [*HYBRID[:2], "i INTERMEDIATE 6", "r INTERMEDIATE 6 <", *HYBRID[4:]],
            HYBRID,
            ["I04: IKE_INTERMEDIATE request 6 is sent where request 1 is due"],
        ),
        (
            [*HYBRID[:4], "i AUTH 6", "r AUTH 6 <", "i INFO 3", "r INFO 3 <"],
            [*HYBRID, "i INFO 3", "r INFO 3 <"],
            ["I04: IKE_AUTH request 6 is sent where request 2 is due"],
        ),
        (
            [*HYBRID, "i INFO 9", "r INFO 9 <", "i INFO 4", "r INFO 4 <"],
            [*HYBRID, "i INFO 3", "r INFO 3 <", "i INFO 4", "r INFO 4 <"],
            ["B22: INFORMATIONAL request 9 is sent where request 3 is due"],
        ),
        (  # without IKE_INTERMEDIATE it is the sentence of all
            [*BEGUN[:2], "i AUTH 5", "r AUTH 5 <", "i INFO 2", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            ["B22: IKE_AUTH request 5 is sent where request 1 is due"],
        ),
        (
            ["i INIT 5", "r INIT 5 <", *HYBRID[2:]],
            HYBRID,
            ["B22: IKE_SA_INIT request 5 is sent where request 0 is due"],
        ),
        (  # so has a retry
            ["i INIT 0", "r INIT 0 <", "i INIT 1", "r INIT 1 <", *BEGUN[2:]],
            [*BEGUN[:2], *BEGUN],
            ["B22: IKE_SA_INIT request 1 is sent where request 0 is due"],
        ),
        (  # and the answer to it
            ["i INIT 0", "r INIT 0 <", "i INIT 0", "r INIT 1 <", *BEGUN[2:]],
            [*BEGUN[:2], *BEGUN],
            ["B22: IKE_SA_INIT response 1 is sent where response 0 is due"],
        ),
        (  # which repeats no number of its own side
            ["i INIT 0", "r INIT 1 <", "i INIT 0", "r INIT 1 <", *BEGUN[2:]],
            [*BEGUN[:2], *BEGUN],
            ["B22: IKE_SA_INIT response 1 is sent where response 0 is due"] * 2,
        ),
        (  # two in a row
            [*BEGUN, "i INFO 7", "i INFO 9", "i INFO 4", "i INFO 5"],
            [*BEGUN, "i INFO 2", "i INFO 3", "i INFO 4", "i INFO 5"],
            [
                "B22: INFORMATIONAL request 7 is sent where request 2 is due",
                "B22: INFORMATIONAL request 9 is sent where request 3 is due",
            ],
        ),
        (  # the next one may be behind a gap
            ["i INIT 5", "r INIT 5 <", "i AUTH 9", "r AUTH 9 <"],
            ["i INIT 0", "r INIT 0 <", "i AUTH 9", "r AUTH 9 <"],
            ["B22: IKE_SA_INIT request 5 is sent where request 0 is due"],
        ),
        (  # what is in clear is nobody's turn, and keeps its number
            [*BEGUN, "i INFO 9 clear", "i INFO 5", "i INFO 5 clear", "i INFO 4"],
            [*BEGUN, "i INFO 9", "i INFO 2", "i INFO 5", "i INFO 4"],
            ["B22: INFORMATIONAL request 5 is sent where request 2 is due"],
        ),
        (  # one is jumped over, the next ones are its turn
            [*BEGUN, "i INFO 7", "i INFO 3", "i INFO 9", "i INFO 5"],
            [*BEGUN, "i INFO 2", "i INFO 3", "i INFO 4", "i INFO 5"],
            [
                "B22: INFORMATIONAL request 7 is sent where request 2 is due",
                "B22: INFORMATIONAL request 9 is sent where request 4 is due",
            ],
        ),
    ],
)
def test_a_number_that_is_not_its_turn(lines, now, told):
    assert right(*lines) == now
    assert faults(*lines) == told


def test_of_one_number_in_both_directions_the_exchange_of_the_wrong_one_is_moved():
    """The other side's exchange of that number is its own."""
    lines = [*BEGUN, "r INFO 0", "i INFO 0 <", "i INFO 7", "r INFO 7 <", "i INFO 3", "r INFO 3 <"]
    other = ["r INFO 7", "i INFO 7 <"]
    moved = right(*lines, *other)
    assert moved[-2:] == other and moved[6:8] == ["i INFO 2", "r INFO 2 <"]


# The Response flag (section 3.1).


@pytest.mark.parametrize(
    ("lines", "now", "told"),
    [
        (["i INIT 0", "r INIT 0", *BEGUN[2:]], BEGUN, "B39: the IKE_SA_INIT response 0 lacks the Response flag"),
        (  # it may be asked for more than once: most tell
            ["i INIT 0", "r INIT 0", "i INIT 0", *BEGUN[1:]],
            ["i INIT 0", "r INIT 0 <", *BEGUN],
            "B39: the IKE_SA_INIT response 0 lacks the Response flag",
        ),
        (
            ["i INIT 0", "r INIT 0 <", "i INIT 0 <", *BEGUN[1:]],
            ["i INIT 0", "r INIT 0 <", *BEGUN],
            "B39: the IKE_SA_INIT request 0 has the Response flag",
        ),
        ([*BEGUN[:3], "r AUTH 1"], BEGUN, "B39: the IKE_AUTH response 1 lacks the Response flag"),
        ([*BEGUN[:2], "i AUTH 1 <", "r AUTH 1 <"], BEGUN, "B39: the IKE_AUTH request 1 has the Response flag"),
        (
            [*BEGUN, "i INFO 2", "r INFO 2"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B39: the INFORMATIONAL response 2 lacks the Response flag",
        ),
        (
            [*BEGUN, "i INFO 2 <", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B39: the INFORMATIONAL request 2 has the Response flag",
        ),
        (
            [*BEGUN[:2], "i INFO 9 clear", "i AUTH 1", "r AUTH 1"],
            [*BEGUN[:2], "i INFO 9", "i AUTH 1", "r AUTH 1 <"],
            "B39: the IKE_AUTH response 1 lacks the Response flag",
        ),
        (  # the first request of its sender would have the number 0
            ["i INFO 0", "r INFO 0 <", "i INFO 1", "r INFO 1"],
            ["i INFO 0", "r INFO 0 <", "i INFO 1", "r INFO 1 <"],
            "B39: the INFORMATIONAL response 1 lacks the Response flag",
        ),
    ],
)
def test_a_turned_response_flag(lines, now, told):
    assert right(*lines) == now
    assert faults(*lines) == [told]


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, "i INFO 2", "r INFO 0", "r INFO 2 <", "i INFO 0 <"],
        [*BEGUN, "i INFO 2", "r INFO 0", "r INFO 1"],  # numbers of its own requests, none of them answered
        [*BEGUN, "r INFO 0", "i INFO 0 <", "i INFO 2 <"],  # an answer to nothing
        [*BEGUN, "i INFO 2 <"],
        [*BEGUN[:2], "i AUTH 1 clear <", "r AUTH 1 <"],  # in clear anybody can send it
        [*BEGUN[:3], "r AUTH 1 clear"],
        [*BEGUN[:3], "r AUTH 1 <", "r AUTH 1"],  # what is beside the answer is no answer
        [*BEGUN, "i AUTH 1 <"],
        [*BEGUN, "i INFO 2", "i INFO 2 <", "r INFO 2 <"],
        ["r INIT 0 <", "r INIT 0 <"],
        ["i INFO 0", "r INFO 0"],  # the first request of either side
        ["i INFO 0", "r CREATE 0"],
        [*BEGUN[:2], "i AUTH 1 <", "r AUTH 1"],
    ],
)
def test_what_may_be_a_request_or_a_response_stays_one(lines):
    left_as_it_is(*lines)


def test_in_a_flood_no_flag_is_looked_at():
    assert "r INIT 0 <" in right(*["i INIT 0"] * 49, "r INIT 0")
    left_as_it_is(*["i INIT 0"] * 50, "r INIT 0")
    assert right(*["i INIT 0"] * 51, "i AUTH 1", "r AUTH 1")[-1] == "r AUTH 1 <", "what is no part of it is"


# The exchange type of an answer.


@pytest.mark.parametrize(
    ("lines", "now", "told"),
    [
        (
            [*BEGUN, "i INFO 2", "r CREATE 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B60: the INFORMATIONAL request 2 is answered by a message of the exchange CREATE_CHILD_SA",
        ),
        (
            [*BEGUN[:3], "r INFO 1 <"],
            BEGUN,
            "B60: the IKE_AUTH request 1 is answered by a message of the exchange INFORMATIONAL",
        ),
        (
            [*HYBRID[:2], "i AUTH 1", "r INTERMEDIATE 1 <", *HYBRID[4:]],
            HYBRID,
            "B60: the IKE_AUTH request 1 stands where its answer is of the exchange IKE_INTERMEDIATE",
        ),
        (
            [*HYBRID[:4], "i INFO 2", "r AUTH 2 <"],
            HYBRID,
            "B60: the INFORMATIONAL request 2 stands where its answer is of the exchange IKE_AUTH",
        ),
        (
            [*HYBRID[:4], "i 99 2", "r AUTH 2 <"],
            HYBRID,
            "B60: the ExchangeType 99 request 2 stands where its answer is of the exchange IKE_AUTH",
        ),
        (
            [*BEGUN, "i 99 2", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B60: the ExchangeType 99 request 2 stands where its answer is of the exchange INFORMATIONAL",
        ),
        (
            [*BEGUN, "i AUTH 2", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B60: the IKE_AUTH request 2 stands where its answer is of the exchange INFORMATIONAL",
        ),
        (
            [*BEGUN, "i FOLLOWUP 2", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B60: the IKE_FOLLOWUP_KE request 2 stands where its answer is of the exchange INFORMATIONAL",
        ),
        (
            [*BEGUN, "i CREATE 2", "r CREATE 2 <", "i FOLLOWUP 3", "r INFO 3 <"],
            [*BEGUN, "i CREATE 2", "r CREATE 2 <", "i FOLLOWUP 3", "r FOLLOWUP 3 <"],
            "B60: the IKE_FOLLOWUP_KE request 3 is answered by a message of the exchange INFORMATIONAL",
        ),
        (
            [*BEGUN[:3], "r INTERMEDIATE 1 <"],  # nothing shows that another exchange was due
            BEGUN,
            "B60: the IKE_AUTH request 1 is answered by a message of the exchange IKE_INTERMEDIATE",
        ),
        (  # the initial exchanges are over
            [*BEGUN, "i INFO 2", "r AUTH 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B60: the INFORMATIONAL request 2 is answered by a message of the exchange IKE_AUTH",
        ),
        (
            ["i INFO 0", "r AUTH 0 <"],  # of an IKE SA that comes from a rekey
            ["i INFO 0", "r INFO 0 <"],
            "B60: the INFORMATIONAL request 0 is answered by a message of the exchange IKE_AUTH",
        ),
        (  # or not yet: the request to authenticate has no answer, or it comes later
            [*BEGUN[:3], "i INFO 2", "r AUTH 2 <"],
            [*BEGUN[:3], "i AUTH 2", "r AUTH 2 <"],
            "B60: the INFORMATIONAL request 2 stands where its answer is of the exchange IKE_AUTH",
        ),
        (
            [*BEGUN[:2], "i INFO 1", "r AUTH 1 <", "i AUTH 2", "r AUTH 2 <"],
            [*BEGUN[:2], "i AUTH 1", "r AUTH 1 <", "i AUTH 2", "r AUTH 2 <"],
            "B60: the INFORMATIONAL request 1 stands where its answer is of the exchange IKE_AUTH",
        ),
        (
            [*HYBRID[:3], "r AUTH 1 <", *HYBRID[4:]],
            HYBRID,
            "B60: the IKE_INTERMEDIATE request 1 is answered by a message of the exchange IKE_AUTH",
        ),
        *(  # nor does this
            (
                [*BEGUN[:3], "r INTERMEDIATE 1 <", more],
                [*BEGUN, more],
                "B60: the IKE_AUTH request 1 is answered by a message of the exchange IKE_INTERMEDIATE",
            )
            for more in ("i INFO 2", "r AUTH 5", "i AUTH 2 <")
        ),
        (  # IKE_AUTH is not over yet
            [*BEGUN[:3], "i AUTH 2", "r INFO 2 <"],
            [*BEGUN[:3], "i AUTH 2", "r AUTH 2 <"],
            "B60: the IKE_AUTH request 2 is answered by a message of the exchange INFORMATIONAL",
        ),
        (
            [*BEGUN[:3], "r INFO 1 <", "i AUTH 2", "r AUTH 2 <"],
            [*BEGUN, "i AUTH 2", "r AUTH 2 <"],
            "B60: the IKE_AUTH request 1 is answered by a message of the exchange INFORMATIONAL",
        ),
        (  # nothing was begun that it could follow
            [*BEGUN, "i FOLLOWUP 2", "r INFO 2 <", "i CREATE 3", "r CREATE 3 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i CREATE 3", "r CREATE 3 <"],
            "B60: the IKE_FOLLOWUP_KE request 2 stands where its answer is of the exchange INFORMATIONAL",
        ),
        (  # requests of the other side have numbers of their own
            ["i INFO 0", "r CREATE 0 <", "r INFO 0"],
            ["i INFO 0", "r INFO 0 <", "r INFO 0"],
            "B60: the INFORMATIONAL request 0 is answered by a message of the exchange CREATE_CHILD_SA",
        ),
        (
            ["i INFO 0", "r INFO 0", "i INFO 0 <", "r CREATE 0 <"],
            ["i INFO 0", "r INFO 0", "i INFO 0 <", "r INFO 0 <"],
            "B60: the INFORMATIONAL request 0 is answered by a message of the exchange CREATE_CHILD_SA",
        ),
    ],
)
def test_an_answer_of_another_exchange_type(lines, now, told):
    assert right(*lines) == now
    assert faults(*lines) == [told]


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, "i INFO 2", "r INFO 2 <", "r CREATE 2 <"],  # it has its answer
        [*BEGUN, "r CREATE 2 <", "i INFO 2"],
        [*BEGUN, "i INFO 2", "r CREATE 2 < clear"],
        [*BEGUN, "i INFO 2 clear", "r CREATE 2 <"],
        ["r INFO 0", "i INFO 0 <", "r CREATE 0 <"],  # nobody asked
    ],
)
def test_what_answers_something_else_is_no_answer(lines):
    left_as_it_is(*lines)


# The number of an answer.


@pytest.mark.parametrize(
    ("lines", "now", "told"),
    [
        (
            [*BEGUN, "i INFO 2", "r INFO 7 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B22: the INFORMATIONAL request 2 and the INFORMATIONAL response 7 are of one exchange, 2 is its turn",
        ),
        (
            [*BEGUN, "i INFO 7", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <"],
            "B22: the INFORMATIONAL response 2 and the INFORMATIONAL request 7 are of one exchange, 2 is its turn",
        ),
        (
            [*BEGUN, "r INFO 0", "i INFO 7 <"],
            [*BEGUN, "r INFO 0", "i INFO 0 <"],
            "B22: the INFORMATIONAL request 0 and the INFORMATIONAL response 7 are of one exchange, 0 is its turn",
        ),
        (
            [*BEGUN[:3], "r AUTH 0 <"],
            BEGUN,
            "B22: the IKE_AUTH request 1 and the IKE_AUTH response 0 are of one exchange, 1 is its turn",
        ),
        (  # the other side's requests, and what is in clear, have no place in the count
            [*BEGUN, "r INFO 5", "i INFO 5 <", "i INFO 9 clear", "i INFO 7", "r INFO 2 <"],
            [*BEGUN, "r INFO 5", "i INFO 5 <", "i INFO 9", "i INFO 2", "r INFO 2 <"],
            "B22: the INFORMATIONAL response 2 and the INFORMATIONAL request 7 are of one exchange, 2 is its turn",
        ),
        (
            ["i INFO 0", "r INFO 0", "i INFO 0 <", "r INFO 7 <"],
            ["i INFO 0", "r INFO 0", "i INFO 0 <", "r INFO 0 <"],
            "B22: the INFORMATIONAL request 0 and the INFORMATIONAL response 7 are of one exchange, 0 is its turn",
        ),
        (
            [*BEGUN, "i INFO 2", "r INFO 2 < clear", "r INFO 7 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "r INFO 2 <"],
            "B22: the INFORMATIONAL request 2 and the INFORMATIONAL response 7 are of one exchange, 2 is its turn",
        ),
        (
            [*HYBRID, "i INFO 3", "r INFO 2 <"],  # the number of an exchange of another type
            [*HYBRID, "i INFO 3", "r INFO 3 <"],
            "B22: the INFORMATIONAL request 3 and the INFORMATIONAL response 2 are of one exchange, 3 is its turn",
        ),
    ],
)
def test_an_answer_with_another_number(lines, now, told):
    assert right(*lines) == now
    assert faults(*lines) == [told]


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, "i INFO 2", "i INFO 3", "r INFO 7 <"],  # which of the two does it answer?
        [*BEGUN, "r INFO 7 <", "i INFO 2"],
        [*BEGUN, "i INFO 2", "r INFO 7 < clear"],
        [*BEGUN, "i INFO 2", "i INFO 7 <"],
        [*BEGUN, "i INFO 2", "r CREATE 7 <"],
        [*BEGUN, "i INFO 2", "r INFO 2 <", "r INFO 7 <"],
    ],
)
def test_an_answer_to_nothing_in_particular_stays_as_it_is(lines):
    left_as_it_is(*lines)


# The marker, and what is no message by its form.


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("i INFO 2 bare", ["B37: INFORMATIONAL request 2 goes to port 4500 without the marker"]),
        ("i INFO 2", []),
        ("i INFO 2 port=500", []),
    ],
)
def test_a_message_without_the_marker(line, told):
    assert faults(*BEGUN, line, "r INFO 2 <") == told


def test_one_copy_without_the_marker_is_enough_and_so_is_one_port():
    first, second = pieces("i INFO 2", "i INFO 2 bare")
    told = put_right(grouped([first, second]))[1]
    assert [each.requirement for each in told] == ["B37"]
    for ends in ({"source": (HERE, 4500), "destination": (THERE, 1024)}, {"source": (HERE, 1024)}):
        odd = replace(second, datagram=replace(second.datagram, **ends))
        assert [each.requirement for each in put_right(grouped([odd]))[1]] == ["B37"]


def test_without_the_marker_it_is_looked_for_among_the_known_ike_sas():
    found = [each.datagram for each in pieces("i INFO 2 bare", "i INFO 2", "i INFO 3 bare spi=2", "i INFO 4 port=500")]
    assert [piece.datagram for piece in unmarked(found, {spi(1)})] == found[:1]
    assert [piece.datagram for piece in unmarked(found, {spi(1), spi(2)})] == [found[0], found[2]]
    (piece,) = unmarked(found, {spi(1)})
    assert piece.octets == found[0].payload and piece.message.header.message_id == 2
    octets = found[0].payload
    broken = [replace(found[0], payload=octets[:30] + bytes((0, 3)) + octets[32:]), found[2]]
    assert [piece.datagram for piece in unmarked(broken, {spi(1), spi(2)})] == broken[1:], "it hides no other"


def in_front(octets: bytes, line: str = "i INFO 2 bare") -> CapturedDatagram:
    """A message with these octets in place of the marker."""
    (piece,) = pieces(line)
    return replace(piece.datagram, payload=octets + piece.octets)


@pytest.mark.parametrize("octets", [b"\xff" * 4, bytes(2), bytes(5), b"\1" * 8])
def test_behind_another_marker_it_is_looked_for_among_the_known_ike_sas(octets):
    (piece,) = unmarked([in_front(octets)], {spi(1)})
    assert piece.octets[:8] == spi(1) and piece.message.header.message_id == 2
    (fault,) = put_right(grouped([piece]))[1]
    told = f"INFORMATIONAL request 2 goes to port 4500 behind {octets.hex()}, which is no marker"
    assert (fault.requirement, fault.sentence) == ("B37", told)
    assert unmarked([in_front(octets)], {spi(2)}) == []


def test_so_is_what_the_other_side_sends():
    datagram = in_front(bytes(2), "r INFO 2 < bare")
    ends = {"source": (THERE, 4500), "destination": (HERE, 1024)}
    for there in (ends, {"source": (HERE, 1024), "destination": (THERE, 4500)}):
        (piece,) = unmarked([replace(datagram, **there)], {spi(1)})
        assert [each.requirement for each in put_right(grouped([piece]))[1]] == ["B37"]


def test_the_marker_itself_and_octets_behind_many_others_are_none():
    for octets in (bytes(4), b"\1" * 9):
        assert unmarked([in_front(octets)], {spi(1)}) == []
    assert unmarked([in_front(bytes(2), "i INFO 2 port=500")], {spi(1)}) == []


def test_each_ike_sa_is_put_right_by_itself():
    second = [f"{line} spi=2" for line in (*BEGUN, "i INFO 7", "i INFO 3")]
    whole, found = put_right(messages(*BEGUN, "i INFO 2", *second, "i INFO 3"))
    assert [each.requirement for each in found] == ["B22"]
    assert isinstance(whole[0], SeenMessage) and len(whole) == 12

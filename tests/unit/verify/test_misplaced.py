"""Pieces whose header puts them elsewhere than where they belong, and what stays where it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from lines import HERE, grouped, pieces, spi, written

from harness.verify.misplaced import adopted, of_other_headers
from harness.verify.wire import Piece
from harness.wire.message import Message

BEGUN = ["i INIT 0", "r INIT 0 <", "i AUTH 1", "r AUTH 1 <"]
REKEYED = [*BEGUN, "i CREATE 2", "r CREATE 2 <"]


def by_sa(found: Sequence[Piece]) -> dict[bytes, list[Piece]]:
    sas: dict[bytes, list[Piece]] = {}
    for each in found:
        sas.setdefault(each.octets[:8], []).append(each)
    return sas


def placed(*lines: str, told: Sequence[int] = ()) -> dict[int, list[str]]:
    """The messages of each IKE SA, as they were to be."""
    found = adopted(by_sa(pieces(*lines)), HERE, {spi(number) for number in told})
    return {own[0]: by_frame(each) for own, each in found.items()}


def by_frame(own: Sequence[Piece]) -> list[str]:
    return written(sorted(grouped(own), key=lambda message: message.frame))


def left_as_it_is(*lines: str, told: Sequence[int] = ()) -> None:
    assert placed(*lines, told=told) == {own[0]: by_frame(each) for own, each in by_sa(pieces(*lines)).items()}


# A rekeyed IKE SA with the initiator's SPI of the one before.

AGAIN = ["i INFO 0 back=9", "r INFO 0 < back=9"]


@pytest.mark.parametrize("told", [(), (1,)])
@pytest.mark.parametrize(
    "again",
    [AGAIN, ["r INFO 0 back=9", "i INFO 0 < back=9"], ["i CREATE 0 back=9", "r CREATE 0 < back=9", "r INFO 0 back=9"],
     ["i CREATE 0 1/2 back=9", "i CREATE 0 2/2 back=9", "r CREATE 0 < back=9"]],
)  # fmt: skip
def test_a_rekeyed_ike_sa_with_an_old_spi_goes_by_that_of_its_responder(again, told):
    found = placed(*REKEYED, *again, told=told)
    assert list(found) == [1, 9]
    assert found[1] == REKEYED and len(found[9]) == len([line for line in again if "2/2" not in line])


def test_its_messages_stay_as_they_are():
    own = adopted(by_sa(pieces(*REKEYED, *AGAIN)), HERE)[spi(9)]
    assert {(piece.ike_sa, piece.octets[:16]) for piece in own} == {(spi(9), spi(1) + spi(9))}
    assert list(of_other_headers(grouped(own))) == []


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, *AGAIN],  # no rekey
        [*BEGUN, "i CREATE 2", *AGAIN],  # none that was answered
        [*BEGUN, "i CREATE 2", *AGAIN, "r CREATE 2 <"],  # not before it
        [*REKEYED, AGAIN[0]],  # one side alone uses that SPI
        [*REKEYED, "i INFO 1 back=9", "r INFO 1 < back=9"],  # no number 0
        [*REKEYED, "i INFO 0 clear back=9", "r INFO 0 clear < back=9"],  # anybody may say so
        [*REKEYED, *AGAIN, "i CREATE 0 spi=9", "r CREATE 0 < spi=9"],  # an IKE SA with that SPI is there
    ],
)
def test_another_spi_of_the_responder_makes_no_other_ike_sa(lines):
    assert not any(p.ike_sa for own in adopted(by_sa(pieces(*lines)), HERE, ()).values() for p in own)


# The initiator's SPI of another IKE SA.

TWO = [*REKEYED, "i INFO 0 spi=2 back=9", "r INFO 0 < spi=2 back=9", "i CREATE 1 spi=2 back=9"]


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("r CREATE 1 < back=9", 2),  # the answer that is waited for
        ("i INFO 2 spi=2 back=9", 2),
        ("i INFO 2 back=9", 2),  # the next request
        ("i INFO 3", 1),
        ("i INFO 3 back=9", 1),  # no number of that IKE SA's
        ("r CREATE 1 < clear back=9", 1),  # anybody may say so
        ("r CREATE 1 < back=7", 1),  # an SPI of none
        ("r CREATE 1 <", 1),  # its own
        ("i INFO 3 spi=2", 1),  # the other way round
    ],
)
def test_with_the_initiators_spi_of_another_one_the_responders_tells(line, where):
    found = placed(*TWO, line)
    lines = {1: REKEYED, 2: ["i INFO 0", "r INFO 0 <", "i CREATE 1"]}
    words = " ".join(word for word in line.split() if "=" not in word and word != "clear")
    assert found == {spi: [*those, *([words] if spi == where else [])] for spi, those in lines.items()}


def test_what_is_put_there_has_its_spi_and_is_told():
    found = adopted(by_sa(pieces(*TWO, "r CREATE 1 < back=9")), HERE)
    assert {piece.octets[:8] for piece in found[spi(2)]} == {spi(2)}
    (fault,) = of_other_headers([message for own in found.values() for message in grouped(own)])
    words = f"CREATE_CHILD_SA response 1 has the initiator's SPI {spi(1).hex()}, which is of another IKE SA"
    assert (fault.requirement, fault.sentence) == ("B39", words)


def test_two_ike_sas_of_one_responders_spi_keep_what_they_have():
    left_as_it_is(*REKEYED, "i INFO 0 spi=2", "r INFO 0 < spi=2", "i CREATE 1 spi=2", "r CREATE 1 <")


def test_what_nothing_waits_for_stays():
    left_as_it_is(*TWO, "r CREATE 1 < spi=2 back=9", "i INFO 3", "r INFO 3 < back=9")


def test_most_messages_tell_the_responders_spi_of_an_ike_sa():
    lines = [*REKEYED, "i INFO 0 spi=2 back=7", "r INFO 0 < spi=2 back=9", "i CREATE 1 spi=2 back=9"]
    assert placed(*lines, "r CREATE 1 < back=9")[2][-1] == "r CREATE 1 <"
    left_as_it_is(*lines, "r CREATE 1 < back=7")


# An initiator's SPI of no IKE SA.


@pytest.mark.parametrize(
    ("lines", "now"),
    [
        (["i INIT 0", "r INIT 0 < spi=9", *BEGUN[2:]], BEGUN),
        ([*BEGUN[:2], "i AUTH 1 spi=9", "r AUTH 1 <"], BEGUN),
        ([*BEGUN[:3], "r AUTH 1 < spi=9"], BEGUN),
        ([*BEGUN[:2], "i AUTH 1 spi=9", "r AUTH 1 < spi=9"], BEGUN),  # the answer repeats it
        ([*BEGUN, "i INFO 2 spi=9"], [*BEGUN, "i INFO 2"]),  # its turn
        ([*BEGUN, "r INFO 0", "i INFO 0 < spi=9"], [*BEGUN, "r INFO 0", "i INFO 0 <"]),
        ([*BEGUN, "r INFO 0", "i INFO 0 <", "r INFO 1 spi=9"], [*BEGUN, "r INFO 0", "i INFO 0 <", "r INFO 1"]),
        ([*BEGUN[:2], "i AUTH 1 1/2", "i AUTH 1 2/2 spi=9", "r AUTH 1 <"], BEGUN),
        ([*BEGUN[:3], "r AUTH 1 < 1/2", "r AUTH 1 < 2/2 spi=9"], BEGUN),
        (  # another message has a fragment of that number
            [*BEGUN[:2], "i INTERMEDIATE 1 1/2", "i INTERMEDIATE 1 2/2", "i AUTH 2 1/2", "i AUTH 2 2/2 spi=9"],
            [*BEGUN[:2], "i INTERMEDIATE 1", "i AUTH 2"],
        ),
        ([*BEGUN[:2], "i AUTH 1", "i AUTH 1 1/2", "i AUTH 1 2/2 spi=9"], [*BEGUN[:2], "i AUTH 1"]),  # a whole copy
        ([*REKEYED, "i INFO 3 spi=9", "r INFO 3 <"], [*REKEYED, "i INFO 3", "r INFO 3 <"]),
        (["i INIT 0", "i AUTH 1 spi=9"], ["i INIT 0", "i AUTH 1"]),  # of half an exchange nothing else is there
    ],
)
def test_it_is_put_where_something_waits_for_it(lines, now):
    assert placed(*lines) == {1: now}


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, "i INFO 3 spi=9"],  # not its turn
        [*BEGUN, "r INFO 1 spi=9"],
        [*BEGUN, "r INFO 2 < spi=9"],  # nobody asked
        [*BEGUN, "r INFO 7 < 1/2 spi=9"],
        [*BEGUN, "r INFO 2 spi=9"],
        [*BEGUN, "r AUTH 1 < spi=9"],  # it has its answer
        [*BEGUN, "i AUTH 1 spi=9"],
        [*BEGUN[:2], "i AUTH 1 1/2", "i AUTH 1 1/2 spi=9", "r AUTH 1 <"],  # that fragment is there
        [*REKEYED, "i INFO 3 spi=9"],  # a new IKE SA may have come of the rekey
        [*BEGUN, "i INIT 0 spi=2", "r INIT 0 < spi=2", "i AUTH 1 spi=2", "r AUTH 1 < spi=2"],
        [*BEGUN, "i INIT 0 spi=2"],
        ["i INIT 0", "i INIT 0 spi=2"],
        [*BEGUN, "i INFO 0 spi=9", "r INFO 0 < spi=9"],  # the first of its sender in an IKE SA
    ],
)
def test_what_nothing_waits_for_stays_by_itself(lines):
    left_as_it_is(*lines)


def test_half_of_an_ike_sa_init_exchange_belongs_to_the_other_half():
    assert placed("i INIT 0", "r INIT 0 < spi=9") == {1: ["i INIT 0"], 9: ["r INIT 0 <"]}, "neither is an IKE SA"
    assert placed("i INIT 0", "r INIT 0 < spi=9", "i AUTH 1") == {1: ["i INIT 0", "r INIT 0 <", "i AUTH 1"]}


def test_a_rekeyed_ike_sa_is_known_by_what_the_two_report():
    new = ["i INFO 0 spi=2", "r INFO 0 < spi=2"]
    left_as_it_is(*REKEYED, *new)
    left_as_it_is(*REKEYED, *new, told=(1, 2))
    assert placed(*REKEYED, "r INFO 0", "i INFO 0 < spi=2", told=(1,)) == {1: [*REKEYED, "r INFO 0", "i INFO 0 <"]}
    many = [*new, "i INFO 1 spi=2", "r INFO 1 < spi=2"]
    left_as_it_is(*REKEYED, *many, told=(1,))
    few = ["i INFO 0 spi=2", "r INFO 5 < spi=2"]
    left_as_it_is(*REKEYED, *few, told=(1,))


def test_what_is_reported_is_an_ike_sa_whatever_is_seen_of_it():
    lines = [*REKEYED, "i INFO 3", "r INFO 3 < spi=2"]
    left_as_it_is(*lines, told=(1, 2))
    assert placed(*lines, told=(1,)) == placed(*lines) == {1: [*REKEYED, "i INFO 3", "r INFO 3 <"]}
    left_as_it_is(*REKEYED, "i INFO 0 spi=2", "i INFO 3", "r INFO 3 < spi=2")  # it begins with the number 0
    left_as_it_is(*BEGUN, "r INFO 0 spi=9", told=(1,))  # nothing waits for it


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_a_message_or_two_of_an_ike_sa_that_nobody_reports_are_none(copies):
    lines = [*BEGUN, *["r INFO 0 spi=9 =a"] * copies, "i INFO 0 <"]
    left_as_it_is(*lines)
    if copies > 2:
        left_as_it_is(*lines, told=(1,))
    else:
        assert placed(*lines, told=(1,))[1] == [*BEGUN, "r INFO 0", "i INFO 0 <"]


def test_of_several_ike_sas_it_is_the_one_that_waits():
    other = [f"{line} spi=2" for line in BEGUN]
    assert placed(*BEGUN, *other[:3], "r AUTH 1 < spi=9") == {1: BEGUN, 2: BEGUN}
    assert placed(*BEGUN, *other[:3], "r AUTH 1 < spi=9", "i INFO 7 spi=9") == {
        1: BEGUN, 2: BEGUN, 9: ["r AUTH 1 <", "i INFO 7"],
    }  # fmt: skip


def test_in_a_flood_of_ike_sas_no_place_is_looked_for():
    def flood(count: int) -> list[str]:
        return [f"{line} spi={number + 10}" for number in range(count) for line in BEGUN]

    waiting = [*BEGUN[:3], "r AUTH 1 < spi=9"]
    assert placed(*waiting, *flood(49))[1] == BEGUN
    left_as_it_is(*waiting, *flood(50))


# A fragment with another header than its message (RFC 7383 section 2.5).


def told_of(*lines: str) -> list[str]:
    """What is said of the messages as they were put."""
    found = adopted(by_sa(pieces(*lines)), HERE)
    every = [message for each in found.values() for message in grouped(each)]
    return [f"{each.requirement}: {each.sentence}" for each in of_other_headers(every)]


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ("i AUTH 7 2/3", ["F05: IKE_AUTH request 1 has the number 7"]),
        ("i INFO 1 2/3", ["F05: IKE_AUTH request 1 has the number 1"]),
        ("i AUTH 1 2/3 <", ["F05: IKE_AUTH request 1 has the number 1"]),
        ("i AUTH 7 2/4", []),
        ("i AUTH 7 3/3", []),  # that one is there
        ("r AUTH 7 2/3", []),
        ("i AUTH 7", []),
    ],
)
def test_a_fragment_that_is_alone_belongs_to_the_message_that_lacks_it(odd, words):
    lines = [*BEGUN[:2], "i AUTH 1 1/3", odd, "i AUTH 1 3/3", "r AUTH 1 <"]
    assert told_of(*lines) == words
    if words:
        assert placed(*lines) == {1: BEGUN}
    else:
        left_as_it_is(*lines)


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN[:2], "i AUTH 1 1/3", "i AUTH 7 2/3", "r AUTH 1 <"],  # it makes nothing whole
        [*BEGUN[:2], "i AUTH 1 1/1", "i AUTH 7 1/1", "r AUTH 1 <"],
        [*BEGUN[:2], "i AUTH 1 1/3", "i AUTH 7 2/3", "i AUTH 7 3/3", "r AUTH 1 <"],  # not alone
        [*BEGUN[:2], "i AUTH 1 1/3", "i AUTH 1 3/3", "i AUTH 7 2/3", "i AUTH 7 3/3", "r AUTH 1 <"],
        [*BEGUN[:2], "i AUTH 1 1/3", "i AUTH 7 2/2", "r AUTH 1 <"],
        [*BEGUN[:2], "i AUTH 1 1/2", "i AUTH 1 1/3", "i AUTH 7 2/2", "r AUTH 1 <"],
    ],
)
def test_a_fragment_that_makes_nothing_whole_stays_where_it_is(lines):
    left_as_it_is(*lines)
    assert told_of(*lines) == []


def test_of_two_fragments_with_different_headers_the_first_one_tells():
    lines = [*BEGUN, "i INFO 2 2/2", "i INFO 7 1/2", "r INFO 2 <"]
    assert placed(*lines) == {1: [*BEGUN, "i INFO 2", "r INFO 2 <"]}
    assert told_of(*lines) == ["F05: INFORMATIONAL request 2 has the number 7"]


def test_a_fragment_that_is_put_back_has_the_header_of_the_first_one():
    """But for its Length: the version, too."""
    found = pieces(*BEGUN, "i INFO 2 1/2", "i INFO 7 2/2")
    octets = found[-1].octets[:17] + b"\x2f" + found[-1].octets[18:]
    odd = replace(found[-1], octets=octets, message=Message.parse(octets))
    (own,) = adopted(by_sa([*found[:-1], odd]), HERE).values()
    assert own[-1].octets[:24] == own[-2].octets[:24] and own[-1].octets[24:] == octets[24:]


def test_in_a_flood_of_fragments_no_place_is_looked_for():
    def flood(count: int) -> list[str]:
        return [f"i INFO {number} 1/3" for number in range(100, 100 + count)]

    odd = [*BEGUN[:2], "i AUTH 1 1/2", "i AUTH 7 2/2", "r AUTH 1 <"]
    assert "i AUTH 7" not in placed(*odd, *flood(48))[1]
    left_as_it_is(*odd, *flood(49))


# A number that another message has (RFC 7296 section 2.2).


@pytest.mark.parametrize(
    ("lines", "now", "words"),
    [
        (
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 2", "r INFO 3 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 3 <"],
            ["B22: INFORMATIONAL request 3 has the number 2"],
        ),
        (
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 3 <"],
            ["B22: INFORMATIONAL response 3 has the number 2"],
        ),
        (  # the first of the two is in front of what it would answer
            [*BEGUN, "i INFO 2", "r INFO 3 <", "i INFO 3", "r INFO 3 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 3 <"],
            ["B22: INFORMATIONAL response 2 has the number 3"],
        ),
        (  # each side has requests of its own under these numbers
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 2 <", "r INFO 2", "i INFO 2 <"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 3 <", "r INFO 2", "i INFO 2 <"],
            ["B22: INFORMATIONAL response 3 has the number 2"],
        ),
        (
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 2", "r INFO 3 <", "r INFO 2"],
            [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 3", "r INFO 3 <", "r INFO 2"],
            ["B22: INFORMATIONAL request 3 has the number 2"],
        ),
    ],
)
def test_of_two_messages_with_one_number_one_is_the_missing_half(lines, now, words):
    assert placed(*lines) == {1: now}
    assert told_of(*lines) == words


@pytest.mark.parametrize(
    "lines",
    [
        [*BEGUN, "i INFO 2 =a", "i INFO 2 =a", "r INFO 3 <"],  # a repetition
        [*BEGUN, "i INFO 2", "i INFO 2", "r INFO 2 <"],  # nothing waits for it
        [*BEGUN, "i INFO 2", "i INFO 2", "r INFO 3 <", "r INFO 4 <"],  # or two do
        [*BEGUN, "i INFO 2", "i INFO 2", "r CREATE 3 <"],
        [*BEGUN, "r INFO 3 <", "i INFO 2", "i INFO 2"],  # the response is in front of both
        [*BEGUN, "i INFO 2", "r INFO 2 <", "r INFO 2 <", "i INFO 3"],  # the request comes after it
        ["i INIT 0", "i INIT 0", "r INIT 0 <", "i AUTH 1", "r AUTH 1 <"],
        [*BEGUN, "i INFO 2 1/2", "i INFO 2 2/2", "r INFO 3 <"],
        ["i INIT 0", "i INIT 0", "r INIT 0 <", "r INIT 3 <"],
        [*BEGUN, "i INFO 2", "r INFO 2 <", "i INFO 2", "r INFO 7"],
        [*BEGUN, "i INFO 2", "r INFO 2 <", "r INFO 0", "i INFO 2", "i INFO 0 <"],
    ],
)
def test_what_no_other_half_waits_for_keeps_its_number(lines):
    left_as_it_is(*lines)
    assert told_of(*lines) == []


# What is said of it.


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (BEGUN, []),
        (
            [*BEGUN[:2], "i AUTH 1 spi=9", "r AUTH 1 <"],
            ["B39: IKE_AUTH request 1 has the initiator's SPI 0909090909090909, which is of no IKE SA"],
        ),
        (
            [*BEGUN[:3], "r AUTH 1 < spi=9"],
            ["B39: IKE_AUTH response 1 has the initiator's SPI 0909090909090909, which is of no IKE SA"],
        ),
        (  # the answer repeats it, and is not to blame
            [*BEGUN[:2], "i AUTH 1 spi=9", "r AUTH 1 < spi=9"],
            ["B39: IKE_AUTH request 1 has the initiator's SPI 0909090909090909, which is of no IKE SA"],
        ),
        (  # answers of either side
            [*BEGUN, "i INFO 2", "r INFO 2", "r INFO 2 < spi=9", "i INFO 2 < spi=9"],
            [f"B39: INFORMATIONAL response 2 has the initiator's SPI {'09' * 8}, which is of no IKE SA"] * 2,
        ),
        (  # and requests
            [*BEGUN, "i INFO 2 spi=9", "r INFO 2 <", "r INFO 2 spi=9", "i INFO 2 <"],
            [f"B39: INFORMATIONAL request 2 has the initiator's SPI {'09' * 8}, which is of no IKE SA"] * 2,
        ),
        (
            [*BEGUN[:2], "i AUTH 1 1/2", "i AUTH 1 2/2 spi=9", "r AUTH 1 <"],
            ["B39: IKE_AUTH request 1 has the initiator's SPI 0909090909090909, which is of no IKE SA"],
        ),
    ],
)
def test_what_is_told_of_another_header(lines, words):
    assert told_of(*lines) == words

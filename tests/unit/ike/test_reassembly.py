"""The queue of one message's fragments (RFC 7383 section 2.6)."""

from __future__ import annotations

import os
from dataclasses import replace

from budget import assert_within_budget
from engine_pair import pair, policy, run

from harness.ike.opening import Opener
from harness.ike.protected import Opened, SecureChannel
from harness.ike.reassembly import Reassembly
from harness.registry.messages import ExchangeType, PayloadType
from harness.wire.message import Header, Message
from harness.wire.payloads import EncryptedFragment, Nonce

MESSAGE = Message(Header(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 0, 1), ())


def fragment(number: int, total: int) -> EncryptedFragment:
    return EncryptedFragment(PayloadType.KE, number, total, b"")


def add(queue: Reassembly, number: int, total: int) -> bool:
    """Whether the message is complete then."""
    assert queue.add(MESSAGE, fragment(number, total), bytes((number,)), 100) == ""
    return queue.complete


def test_complete_with_the_last_missing_one_whatever_the_order() -> None:
    queue = Reassembly()
    assert [add(queue, number, 3) for number in (3, 1, 2)] == [False, False, True]
    assert [plain for _, plain, _ in queue.in_order()] == [b"\1", b"\2", b"\3"]


def test_what_is_discarded_before_decryption() -> None:
    queue = Reassembly()
    add(queue, 1, 3)
    assert queue.why_discard(fragment(1, 3)) == "fragment 1 of 3 again"
    assert queue.why_discard(fragment(0, 3)) == "fragment 0 of 3 is out of range"
    assert queue.why_discard(fragment(4, 3)) == "fragment 4 of 3 is out of range"
    assert queue.why_discard(fragment(1, 2)) == "a set of 2 fragments after one of 3"
    assert queue.why_discard(fragment(2, 3)) == queue.why_discard(fragment(1, 4)) == ""


def test_a_larger_total_starts_over() -> None:
    queue = Reassembly()
    add(queue, 1, 2)
    assert not add(queue, 2, 4)
    assert [plain for _, plain, _ in queue.in_order()] == [b"\2"]


def test_never_more_than_64_kilobytes() -> None:
    queue = Reassembly()
    reasons = [queue.add(MESSAGE, fragment(number, 20), bytes(5000), 5000) for number in range(1, 21)]
    assert reasons == [""] * 13 + ["fragments of more than 65536 octets in all"] * 7
    assert not queue.complete
    assert sum(len(plain) for _, plain, _ in queue.in_order()) == 65000


def test_after_a_larger_total_there_is_room_again() -> None:
    queue = Reassembly()
    for number in range(1, 14):
        queue.add(MESSAGE, fragment(number, 20), bytes(5000), 5000)
    assert queue.add(MESSAGE, fragment(1, 21), bytes(60000), 60000) == ""


def test_a_set_of_many_fragments_costs_what_its_octets_are_worth() -> None:
    """An octet in each, and 65,535 announced, of which the last one never comes."""
    count = 60_000

    def collect() -> None:
        queue = Reassembly()
        for number in range(1, count + 1):
            piece = fragment(number, 65535)
            assert queue.why_discard(piece) == "" == queue.add(MESSAGE, piece, b"1", 61)
        assert not queue.complete

    assert_within_budget(61 * count, collect)


def channel_and_header() -> tuple[SecureChannel, Header]:
    session = run(pair(policy(ke="curve25519"))).initiator
    machine, agreement = session._machine, session.state.agreement  # type: ignore[union-attr]
    return machine.channel(agreement, sending=True), machine.header(ExchangeType.INFORMATIONAL, 2, response=False)


def test_fragments_of_a_message_that_never_became_whole_are_let_go() -> None:
    """Message after message begins in fragments and then comes whole, or not at all: one set waits, of the newest."""
    channel, header = channel_and_header()
    opener = Opener()
    for number in range(2, 60):
        here = replace(header, message_id=number)
        first, *_ = channel.seal(here, [Nonce(bytes(900))], os.urandom, 300).messages
        assert opener.open(channel, Message.parse(first), first) is None
        assert [key for key, _ in opener.waiting.values()] == [number]
        if number % 2:
            (whole,) = channel.seal(here, [Nonce(b"1")], os.urandom, None).messages
            assert isinstance(opener.open(channel, Message.parse(whole), whole), Opened)
            assert opener.waiting == {}


def test_what_is_not_authentic_pushes_nothing_out() -> None:
    channel, header = channel_and_header()
    opener = Opener()
    pieces = channel.seal(header, [Nonce(bytes(900))], os.urandom, 300).messages
    for piece in pieces[:-1]:
        assert opener.open(channel, Message.parse(piece), piece) is None
    forged = Message(replace(header, message_id=9), (EncryptedFragment(PayloadType.KE, 1, 2, bytes(99)),))
    assert isinstance(opener.open(channel, forged, forged.to_bytes()), str)
    assert isinstance(opener.open(channel, Message.parse(pieces[-1]), pieces[-1]), Opened)

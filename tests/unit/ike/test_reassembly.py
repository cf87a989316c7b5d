"""The queue of one message's fragments (RFC 7383 section 2.6)."""

from __future__ import annotations

from harness.ike.reassembly import Reassembly
from harness.registry.messages import ExchangeType, PayloadType
from harness.wire.message import Header, Message
from harness.wire.payloads import EncryptedFragment

MESSAGE = Message(Header(bytes(8), bytes(8), ExchangeType.IKE_AUTH, 0, 1), ())


def fragment(number: int, total: int) -> EncryptedFragment:
    return EncryptedFragment(PayloadType.KE, number, total, b"")


def add(queue: Reassembly, number: int, total: int) -> bool:
    return queue.add(MESSAGE, fragment(number, total), bytes((number,)), 100)


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
    complete = [queue.add(MESSAGE, fragment(number, 20), bytes(5000), 5000) for number in range(1, 21)]
    assert not any(complete)
    assert sum(len(plain) for _, plain, _ in queue.in_order()) == 65000

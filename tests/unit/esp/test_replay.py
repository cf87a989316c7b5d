from __future__ import annotations

import pytest

from harness.esp.errors import ReplayedPacket
from harness.esp.replay import ReplayWindow


def receive(window: ReplayWindow, sequence: int) -> None:
    window.check(sequence)
    window.accept(sequence)


def test_each_number_is_accepted_once() -> None:
    window = ReplayWindow(64)
    for sequence in (1, 3, 2, 64, 10):
        receive(window, sequence)
        with pytest.raises(ReplayedPacket, match="received before"):
            window.check(sequence)
    assert window.top == 64


def test_left_edge() -> None:
    window = ReplayWindow(64)
    receive(window, 100)
    window.check(37)  # 100 - 64 + 1
    with pytest.raises(ReplayedPacket, match="left of the window, which ends at 100"):
        window.check(36)


def test_a_jump_beyond_the_window_forgets_everything_in_it() -> None:
    window = ReplayWindow(64)
    for sequence in range(1, 65):
        receive(window, sequence)
    receive(window, 1000)
    for sequence in range(937, 1000):
        receive(window, sequence)
    with pytest.raises(ReplayedPacket):
        window.check(936)


def test_zero_is_never_sent() -> None:
    with pytest.raises(ReplayedPacket, match="number 0"):
        ReplayWindow().check(0)


def test_least_size() -> None:
    with pytest.raises(ValueError, match="at least 64"):
        ReplayWindow(63)


HIGH = 1 << 32


@pytest.mark.parametrize(
    ("top", "sequence"),
    [  # RFC 4303 appendix A2.2
        (0, 1),  # the first packet
        (0, HIGH - 200),  # a jump over almost a whole block
        (HIGH - 1, HIGH - 1),  # case A, the top itself
        (HIGH - 1, HIGH - 128),  # case A, left edge
        (HIGH - 1, HIGH),  # case A, the next block begins
        (HIGH - 1, 2 * HIGH - 129),  # case A, as far ahead as can be told
        (HIGH + 5, HIGH + 6),  # case B, ahead
        (HIGH + 5, HIGH - 1),  # case B, back over the border
        (HIGH + 5, HIGH + 5 - 127),  # case B, left edge
        (HIGH + 127, HIGH),  # the window just fits into the block: case A
        (HIGH + 126, HIGH - 1),  # and just does not: case B
        (7 * HIGH + 1000, 7 * HIGH + 900),
    ],
)
def test_high_half_is_inferred(top: int, sequence: int) -> None:
    window = ReplayWindow(128)
    window.accept(top)
    assert window.infer(sequence & (HIGH - 1)) == sequence


def test_nothing_lies_before_the_first_packet() -> None:
    with pytest.raises(ReplayedPacket, match="before the first packet"):
        ReplayWindow(128).infer(HIGH - 1)

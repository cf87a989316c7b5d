"""Waiting for a condition with a deadline."""

import threading
import time

import pytest

from harness.lab.errors import NotReady
from harness.lab.waiting import Deadline, settled, tail, wait_until


def test_the_first_answer_is_returned():
    answers = iter([None, None, "up"])
    assert wait_until("x", lambda: next(answers), deadline_s=5, pattern="an answer", state=str, interval_s=0) == "up"


def test_the_error_shows_state_pattern_and_the_end_of_the_log():
    log = "\n".join(f"line {number}" for number in range(30))
    with pytest.raises(NotReady) as caught:
        wait_until(
            "peer p", lambda: None, deadline_s=0.05, pattern="a version", state=lambda: "exited (1)", log=lambda: log
        )
    message = str(caught.value)
    assert message.startswith("peer p: not ready within 0.05 s; state: exited (1); waited for: a version; log ends:\n")
    assert message.endswith("line 29")
    assert "line 14" not in message


def test_cancelling_ends_the_wait_at_once():
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(NotReady):
        wait_until("x", lambda: None, deadline_s=3600, pattern="p", state=str, cancelled=cancelled, interval_s=60)


def test_a_deadline_gives_less_and_less_and_then_ends():
    deadline = Deadline(3600)
    first = deadline.remaining()
    assert 0 < deadline.remaining() <= first <= 3600
    with pytest.raises(TimeoutError):
        Deadline(0).remaining()


def test_the_tail_has_no_blank_end():
    assert tail("a\nb\n\n\n", 1) == "b"


def test_the_first_look_that_is_as_wanted_is_the_answer():
    looks = iter([1, 2, 3, 4])
    assert settled(lambda: next(looks), lambda seen: seen == 3, deadline_s=60, interval_s=0) == 3


def test_when_the_time_is_over_the_last_look_is_the_answer():
    looks = iter(range(1000))
    seen = settled(lambda: next(looks), lambda _: False, deadline_s=0.02, interval_s=0.005)
    assert 0 < seen < 1000


def test_there_is_one_look_at_least():
    assert settled(lambda: "seen", lambda _: False, deadline_s=-1, interval_s=60) == "seen"


def test_a_look_that_took_longer_than_the_time_is_not_the_last_one(monkeypatch):
    """What it shows was true before it was held up."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    looks = []

    def look():
        began = now[0]
        now[0] += 0.0 if looks else 20.0
        looks.append(began)
        return began

    assert settled(look, lambda _: False, deadline_s=5, interval_s=0.001) == 20
    assert looks == [0, 20]


def test_the_last_look_is_when_the_time_is_over_and_no_interval_later():
    began = time.monotonic()
    assert settled(time.monotonic, lambda _: False, deadline_s=0.05, interval_s=60) >= began + 0.05
    assert time.monotonic() < began + 30

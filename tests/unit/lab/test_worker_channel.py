"""The worker's channel, against real processes behind a pipe."""

import re
import subprocess
import sys
import threading
import time

import pytest

from harness.border import limits
from harness.lab.errors import WorkerLost
from harness.lab.worker_channel import WorkerChannel
from harness.transport.messages import Beat, Failure, Ready, Watching, encoded

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


class ProcessStream:
    """A local process as a ByteStream."""

    def __init__(self, source):
        self.process = subprocess.Popen(
            [sys.executable, "-uc", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._frames = []
        self._changed = threading.Condition()
        self._open = 2
        for kind, pipe in ((1, self.process.stdout), (2, self.process.stderr)):
            threading.Thread(target=self._pump, args=(kind, pipe), daemon=True).start()

    def _pump(self, kind, pipe):
        while data := pipe.read1(7):  # small pieces: lines arrive split
            with self._changed:
                self._frames.append((kind, data))
                self._changed.notify()
        with self._changed:
            self._open -= 1
            self._changed.notify()

    def read(self):
        with self._changed:
            self._changed.wait_for(lambda: self._frames or not self._open)
            return self._frames.pop(0) if self._frames else None

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def set_timeout(self, seconds):
        pass

    def close(self):
        self.process.stdin.close()
        self.process.wait(5)

    def exit_status(self):
        return self.process.wait(5)


class Script:
    """A worker that writes this at once, and then nothing until it is closed."""

    def __init__(self, octets):
        self._frames, self._ended = [(1, octets)], threading.Event()

    def read(self):
        if self._frames:
            return self._frames.pop()
        self._ended.wait(10)
        return None

    def close(self):
        self._ended.set()

    def exit_status(self):
        return None


def test_each_case_gets_its_own_answers_in_order():
    channel = WorkerChannel(ProcessStream(ECHO))
    first, second = channel.open_case("a"), channel.open_case("b")
    for number in range(50):
        channel.send("a" if number % 2 else "b", Failure(f"line\nbreak {number}"))
    channel.send("", Ready())
    assert [first.get(5) for _ in range(25)] == [Failure(f"line\nbreak {number}") for number in range(1, 50, 2)]
    assert [second.get(5) for _ in range(25)] == [Failure(f"line\nbreak {number}") for number in range(0, 50, 2)]
    assert channel.own.get(5) == Ready()
    assert first.get(0) is None
    channel.close()


def test_answers_of_a_closed_case_are_dropped():
    channel = WorkerChannel(ProcessStream(ECHO))
    channel.open_case("a")
    channel.close_case("a")
    later = channel.open_case("b")
    channel.send("a", Failure("late"))
    channel.send("b", Watching())
    assert later.get(5) == Watching()
    assert channel.messages == 2
    channel.close()


def test_a_worker_that_ends_is_lost_for_every_case_with_its_last_words():
    source = "import sys; print(sys.stdin.readline(), end=''); sys.exit('no such thing')"
    channel = WorkerChannel(ProcessStream(source))
    first, second = channel.open_case("a"), channel.open_case("b")
    channel.send("a", Watching())
    assert first.get(5) == Watching()
    for inbox in (first, second, first):
        with pytest.raises(WorkerLost, match="the worker ended with status 1: no such thing"):
            inbox.get(5)
    with pytest.raises(WorkerLost, match="no such thing"):
        channel.send("", Beat())
    with pytest.raises(WorkerLost):
        channel.open_case("late").get(5)


NO_MESSAGES = {
    "no JSON": (b"Traceback", "not JSON: Expecting value"),
    "no object": (b"[1]", "Line: expected dict, got list"),
    "no case": (b'{"kind": "Ready", "body": {}}', "Line: case is missing"),
    "no known kind": (b'{"case": "a", "kind": "Hello", "body": {}}', "'Hello' is no answer"),
    "what the worker is told": (b'{"case": "a", "kind": "Abort", "body": {}}', "'Abort' is no answer"),
    "another body": (
        b'{"case": "a", "kind": "Want", "body": {"action": "sleep"}}',
        "Want.action: 'sleep' is not one of",
    ),
    "nested without end": (b"[" * 100_000, "not JSON that is nested 64 deep at most"),
}


@pytest.mark.parametrize("what", NO_MESSAGES)
def test_a_line_that_is_no_message_is_a_lost_worker(what):
    line, reason = NO_MESSAGES[what]
    channel = WorkerChannel(Script(encoded("a", Watching()) + line + b"\n" + encoded("a", Ready())))
    inbox = channel.open_case("a")
    found = re.escape(f"the worker wrote a line that is no message: {reason}")
    with pytest.raises(WorkerLost, match=rf"{found}.*: {re.escape(repr(line[:120]))}$"):
        while inbox.get(5) == Watching():
            pass
    with pytest.raises(WorkerLost, match=found):
        channel.own.get(5)
    assert channel.lost


def test_closing_ends_the_process():
    stream = ProcessStream(ECHO)
    channel = WorkerChannel(stream)
    channel.close()
    assert stream.process.returncode == 0


def test_beats_are_heard_and_are_no_messages():
    channel = WorkerChannel(ProcessStream(ECHO))
    beats = []
    channel.on_beat = lambda: beats.append(1)
    for _ in range(3):
        channel.send("", Beat())
    channel.send("", Ready())
    assert channel.own.get(5) == Ready()
    assert (len(beats), channel.messages) == (3, 1)
    channel.close()


class Pieces:
    """A worker that writes a line of so many octets in pieces; and then nothing, until it is closed."""

    def __init__(self, octets):
        self.left, self.ended = octets, threading.Event()

    def read(self):
        if self.left <= 0:
            self.ended.wait(10)
            return None
        self.left -= 65_536
        return 1, b" " * 65_535 + (b" " if self.left > 0 else encoded("a", Watching()))

    def close(self):
        self.ended.set()

    def exit_status(self):
        return None


def test_a_line_without_end_is_the_loss_of_the_worker(monkeypatch):
    monkeypatch.setattr(limits, "WORKER_LINE_OCTETS", 1 << 20)
    endless = Pieces(1 << 60)
    channel = WorkerChannel(endless)
    with pytest.raises(WorkerLost, match="the worker wrote a line of more than 1,048,576 octets"):
        channel.open_case("a").get(10)
    assert channel.lost
    assert endless.ended.wait(10)
    assert (1 << 60) - endless.left <= (1 << 20) + 65_536


def test_a_long_line_is_read_in_time_linear_in_it(monkeypatch):
    monkeypatch.setattr(limits, "WORKER_LINE_OCTETS", 1 << 27)
    pieces = Pieces(64 << 20)
    began = time.process_time()
    channel = WorkerChannel(pieces)
    assert channel.open_case("a").get(30) == Watching()
    assert time.process_time() - began < 3
    channel.close()


def test_what_a_case_may_leave_behind_fits_on_a_line():
    in_hexadecimal = 2 * limits.CASE_FRAME_OCTETS + 200 * limits.CASE_FRAMES
    trace = 6 * limits.CASE_TRACE_OCTETS + 200 * limits.CASE_TRACE_ENTRIES  # an escape of JSON has six characters
    assert in_hexadecimal + trace < limits.WORKER_LINE_OCTETS

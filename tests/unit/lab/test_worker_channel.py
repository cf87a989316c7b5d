"""The worker's channel, against real processes behind a pipe."""

import subprocess
import sys
import threading

import pytest

from harness.lab.errors import WorkerLost
from harness.lab.worker_channel import WorkerChannel

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


def test_each_case_gets_its_own_objects_in_order():
    channel = WorkerChannel(ProcessStream(ECHO))
    first, second = channel.open_case("a"), channel.open_case("b")
    for number in range(50):
        channel.send({"case": "a" if number % 2 else "b", "number": number, "text": "line\nbreak"})
    channel.send({"hello": 1})
    assert [first.get(5)["number"] for _ in range(25)] == list(range(1, 50, 2))
    assert [second.get(5)["number"] for _ in range(25)] == list(range(0, 50, 2))
    assert channel.own.get(5) == {"hello": 1}
    assert first.get(0) is None
    channel.close()


def test_objects_of_a_closed_case_are_dropped():
    channel = WorkerChannel(ProcessStream(ECHO))
    channel.open_case("a")
    channel.close_case("a")
    later = channel.open_case("b")
    channel.send({"case": "a"})
    channel.send({"case": "b"})
    assert later.get(5) == {"case": "b"}
    channel.close()


def test_a_worker_that_ends_is_lost_for_every_case_with_its_last_words():
    source = "import sys; sys.stdin.readline(); print('{\"case\": \"a\"}'); sys.exit('no such thing')"
    channel = WorkerChannel(ProcessStream(source))
    first, second = channel.open_case("a"), channel.open_case("b")
    channel.send({})
    assert first.get(5) == {"case": "a"}
    for inbox in (first, second, first):
        with pytest.raises(WorkerLost, match="the worker ended with status 1: no such thing"):
            inbox.get(5)
    with pytest.raises(WorkerLost, match="no such thing"):
        channel.send({})
    with pytest.raises(WorkerLost):
        channel.open_case("late").get(5)


def test_a_line_that_is_no_object_is_a_lost_worker():
    channel = WorkerChannel(ProcessStream("print('Traceback'); import sys; sys.exit(3)"))
    with pytest.raises(WorkerLost, match=r"no JSON object: b'Traceback'"):
        channel.own.get(5)


def test_closing_ends_the_process():
    stream = ProcessStream(ECHO)
    channel = WorkerChannel(stream)
    channel.close()
    assert stream.process.returncode == 0

"""Logs as the engine gives them: of what has no end, no more is held than the limit."""

from __future__ import annotations

import io
import struct
import tracemalloc

import pytest
import requests
from urllib3.exceptions import ReadTimeoutError

from harness.border import limits
from harness.lab.errors import LabError
from harness.lab.hosts.engine_log import frames, read_log


def framed(*pieces: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack(">B3xL", kind, len(data)) + data for kind, data in pieces)


class Endless:
    """A reader of one frame of almost 4 GiB."""

    def __init__(self):
        self.begun = False

    def read(self, count):
        if not self.begun:
            self.begun = True
            return struct.pack(">B3xL", 1, 0xFFFFFFFF)
        return bytes(count)


def test_frames_come_as_they_were_written():
    octets = framed((1, b"out"), (2, b"err"), (1, b""), (1, b"x" * 70_000))
    assert list(frames(io.BytesIO(octets))) == [(1, b"out"), (2, b"err"), (1, b"x" * 65_536), (1, b"x" * 4464)]


@pytest.mark.parametrize("cut", range(1, 22))
def test_what_is_cut_short_ends_there(cut):
    octets = framed((1, b"out"), (2, b"err"))
    assert b"outerr".startswith(b"".join(data for _, data in frames(io.BytesIO(octets[:-cut]))))


def test_a_frame_without_end_is_read_in_pieces():
    endless = frames(Endless())
    assert {len(next(endless)[1]) for _ in range(10)} == {65_536}


class Engine:
    """What a client of Docker's is to ``read_log``; ``raw`` is the answer."""

    def __init__(self, raw, status=200):
        self.api = self
        self.base_url, self.api_version, self.timeout = "http+docker://localhost", "1.41", 30
        self.raw, self.status = raw, status

    def get(self, place, params, stream, timeout):
        assert place == "http+docker://localhost/v1.41/containers/0123/logs"
        assert stream and timeout == 30  # with one, no answer is waited for without end
        self.asked = params
        if isinstance(self.raw, Exception):
            raise self.raw
        answer = requests.Response()
        answer.status_code, answer.raw = self.status, self.raw
        return answer


class Log:
    """A log of so many lines of 100 octets, made as it is read."""

    def __init__(self, lines):
        self.pieces = (framed((1, f"{number:099d}\n".encode())) for number in range(lines))
        self.rest = b""

    def read(self, count):
        while len(self.rest) < count and (piece := next(self.pieces, b"")):
            self.rest += piece
        data, self.rest = self.rest[:count], self.rest[count:]
        return data

    def close(self):
        pass


def test_a_short_log_is_whole():
    engine = Engine(Log(3))
    text, cut = read_log(engine, "0123", 17.5, 256)
    assert [int(line) for line in text.splitlines()] == [0, 1, 2]
    assert not cut
    assert engine.asked == {"stdout": 1, "stderr": 1, "since": 17.5, "tail": 256}


def test_of_a_long_one_the_end_is_there_and_the_rest_is_told(monkeypatch):
    monkeypatch.setattr(limits, "LOG_OCTETS", 1 << 20)
    lines = 200_000
    tracemalloc.start()
    text, cut = read_log(Engine(Log(lines)), "0123", None, None)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    first, *rest = text.splitlines()
    assert cut
    assert [int(line) for line in rest] == list(range(lines - len(rest), lines))
    assert len(text) <= (1 << 20) + (1 << 17)
    assert first == f"(ipsec-interop: {100 * (lines - len(rest)):,} octets are left out here)"
    assert peak < 8 << 20


@pytest.mark.parametrize("raw", [requests.exceptions.ReadTimeout("slow"), requests.exceptions.ConnectionError("gone")])
def test_an_engine_that_does_not_answer_is_told(raw):
    with pytest.raises(LabError, match=f"the engine gives no log: {type(raw).__name__}: {raw}"):
        read_log(Engine(raw), "0123", None, None)


def test_an_engine_that_falls_silent_in_its_midst_is_told():
    class Silent(Log):
        def read(self, count):
            raise ReadTimeoutError(None, "", "Read timed out.")

    with pytest.raises(LabError, match="the engine gives no log: ReadTimeoutError"):
        read_log(Engine(Silent(1)), "0123", None, None)


def test_a_container_that_is_gone_is_told():
    with pytest.raises(LabError, match="the engine gives no log: no such container"):
        read_log(Engine(io.BytesIO(b"no such container"), 404), "0123", None, None)

"""A shell that stays, here a real one: programs one after the other, and what becomes of it when one goes wrong."""

from __future__ import annotations

import os
import select
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.border import limits
from harness.lab.hosts import shell
from harness.lab.hosts.byte_stream import STDOUT
from harness.lab.hosts.commands import shell as script
from harness.lab.hosts.shell import Shell, Shells, TooMuchPrinted


class Local:
    """``sh`` on this machine as a ByteStream."""

    def __init__(self):
        self.process = subprocess.Popen(["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.timeout, self.closed = None, False

    def read(self):
        ready, _, _ = select.select([self.process.stdout], [], [], self.timeout)
        if not ready:
            raise TimeoutError
        data = os.read(self.process.stdout.fileno(), 7)  # in pieces, so that the mark comes in pieces, too
        return (STDOUT, data) if data else None

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def set_timeout(self, seconds):
        self.timeout = seconds

    def close(self):
        self.closed = True
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def local():
    stream = Local()
    yield stream
    stream.close()


@pytest.fixture
def started():
    """The streams that a pool has started."""
    streams = []

    def start():
        streams.append(Local())
        return streams[-1]

    yield streams, start
    for stream in streams:
        stream.close()


def test_programs_run_one_after_the_other_with_status_and_output(local):
    here = Shell(local)
    assert here.run(["printf", "%s", "a b\n'c' $HOME"]) == (0, "a b\n'c' $HOME")
    assert here.run(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\nerr\n")
    assert here.run(["seq", "3000"])[1].splitlines() == [str(number) for number in range(1, 3001)]
    assert here.run(["cat"]) == (0, "")  # it gets no input, least of all what the shell is told next


def test_a_script_gets_its_values_and_leaves_the_shell_as_it_was(local):
    here = Shell(local)
    assert here.run(script('printf "%s|" "$@"; cd /; left=behind; exit 4', "a b", "*", "")) == (4, "a b|*||")
    assert here.run(script('echo "$#$left"; pwd')) == (0, f"0\n{Path.cwd()}\n")


def test_a_mark_is_no_prophecy(local):
    assert Shell(local).run(["printf", "\n%s 0\n", "0" * 32]) == (0, f"\n{'0' * 32} 0\n")


def test_the_end_of_the_shell_is_told(local):
    here = Shell(local)
    with pytest.raises(EOFError, match="its shell ended"):
        here.run(["kill", "-9", str(local.process.pid)])


def test_a_script_that_is_none_ends_the_shell_with_its_words(local):
    local.process.stderr = None
    with pytest.raises(EOFError):
        Shell(local).run(script("if"))


def test_a_program_that_takes_too_long_ends_the_wait(local, monkeypatch):
    monkeypatch.setattr(shell, "COMMAND_TIMEOUT_S", 0.05)
    with pytest.raises(TimeoutError, match=r"^sleep: no end within 0\.05 s$"):
        Shell(local).run(["sleep", "1"])


def test_idle_shells_are_used_again(started):
    streams, start = started
    pool = Shells(start)
    assert [pool.run(["echo", word])[1] for word in "abc"] == ["a\n", "b\n", "c\n"]
    assert len(streams) == 1


def test_a_shell_that_broke_is_not_used_again(started):
    streams, start = started
    pool = Shells(start)
    pool.run(["true"])
    streams[0].process.kill()
    with pytest.raises((EOFError, OSError)):
        pool.run(["true"])
    assert streams[0].closed
    assert pool.run(["echo", "new"]) == (0, "new\n")


def test_closing_ends_idle_shells_and_the_others_when_their_program_ends(started):
    streams, start = started
    pool = Shells(start)
    pool.run(["true"])
    pool.close()
    assert streams[0].closed
    assert pool.run(["echo", "late"]) == (0, "late\n")
    assert streams[1].closed


def test_programs_side_by_side_have_a_shell_each(started):
    streams, start = started
    pool = Shells(start)
    with ThreadPoolExecutor(4) as threads:
        said = list(
            threads.map(lambda number: pool.run(["sh", "-c", "sleep 0.1; echo $1", "sh", str(number)]), range(8))
        )
    assert said == [(0, f"{number}\n") for number in range(8)]
    assert 1 < len(streams) <= 4


def test_a_program_that_prints_without_end_is_given_up(local, monkeypatch):
    monkeypatch.setattr(limits, "ANSWER_OCTETS", 20_000)
    with pytest.raises(TooMuchPrinted, match=r"yes: it prints more than 20,000 octets"):
        Shell(local).run(["yes"])


def test_what_is_just_within_the_limit_is_whole(local, monkeypatch):
    monkeypatch.setattr(limits, "ANSWER_OCTETS", 20_000)
    status, output = Shell(local).run(["sh", "-c", "yes | head -c 19000"])
    assert (status, len(output)) == (0, 19_000)

"""Shells that stay: programs run one after the other, as a session of its own costs more than most of them do."""

from __future__ import annotations

import re
import secrets
import shlex
import threading
from collections.abc import Callable, Sequence

from harness.border import limits
from harness.border.text import decoded
from harness.lab.hosts.byte_stream import ByteStream
from harness.lab.waiting import Deadline, tail

COMMAND_TIMEOUT_S = 30.0
_MARK_OCTETS = 64  # more than what ends the output of a program


class TooMuchPrinted(OSError):
    """A program prints more than the limit. The shell is of no further use."""


class Shell:
    """A shell that runs one program after the other, with a mark behind the output of each.

    ``stream`` is that of ``sh``, as it is after its start.
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Exit status and output of a program, which gets no input, and must leave none behind that goes on to print.

        Raises:
            EOFError: the shell ended.
            TimeoutError: the program takes too long. The shell is of no further use.
            TooMuchPrinted: so it says.
        """
        try:
            return self._run(command, Deadline(COMMAND_TIMEOUT_S))
        except TimeoutError as error:
            raise TimeoutError(f"{command[0]}: no end within {COMMAND_TIMEOUT_S:g} s") from error

    def _run(self, command: Sequence[str], deadline: Deadline) -> tuple[int, str]:
        mark = secrets.token_hex(16)
        script = f"{_words(command)} </dev/null 2>&1; printf '\\n%s %d\\n' {mark} $?\n"
        self._stream.set_timeout(deadline.remaining())
        self._stream.write(script.encode())
        end = re.compile(rb"\n" + mark.encode() + rb" (\d+)\n\Z")
        output = bytearray()
        while not (found := end.search(output, max(0, len(output) - _MARK_OCTETS))):
            self._stream.set_timeout(deadline.remaining())
            frame = self._stream.read()
            if frame is None:
                raise EOFError(f"its shell ended: {tail(decoded(bytes(output)), 1)}".removesuffix(": "))
            output += frame[1]
            if len(output) > limits.ANSWER_OCTETS:
                raise TooMuchPrinted(f"{command[0]}: it prints more than {limits.ANSWER_OCTETS:,} octets")
        return int(found[1]), decoded(bytes(output[: found.start()]))

    def close(self) -> None:
        """End it."""
        self._stream.close()


def _words(command: Sequence[str]) -> str:
    """A command as the shell reads it. A copy of this one does ``sh -c SCRIPT sh VALUE ...``."""
    if tuple(command[:2]) != ("sh", "-c"):
        return shlex.join(command)
    return f"(set -- {shlex.join(command[4:])}\n{command[2]}\n)"


class Shells:
    """As many shells of one place as programs run there at a time. Its methods may be called from any thread.

    ``start`` starts ``sh`` there; what it raises comes out of ``run``.
    """

    def __init__(self, start: Callable[[], ByteStream]) -> None:
        self._start = start
        self._idle: list[Shell] = []
        self._lock = threading.Lock()
        self._closed = False

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """See Shell. Raises what it raises, and OSError where the shell cannot be reached any more."""
        shell = self._take()
        try:
            result = shell.run(command)
        except BaseException:
            shell.close()
            raise
        self._give_back(shell)
        return result

    def close(self) -> None:
        """End the idle shells, and each other one when its program ends."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for shell in idle:
            shell.close()

    def _take(self) -> Shell:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return Shell(self._start())

    def _give_back(self, shell: Shell) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(shell)
                return
        shell.close()

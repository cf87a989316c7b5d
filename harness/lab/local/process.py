"""A process on this machine as a peer's host: its programs, its address on loopback."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import harness
from harness.evidence.interruption import Cause
from harness.lab.errors import LabError
from harness.lab.hosts.byte_stream import STDERR, STDOUT
from harness.lab.signals import FROM_OUTSIDE
from harness.transport.wiring import LOOPBACK, VARIABLE

_CHUNK = 65536
_END_S = 2.0  # seconds for a program to end once its standard input has


class ProcessStream:
    """The standard streams of a process of ours. Implements ByteStream."""

    def __init__(self, command: Sequence[str]) -> None:
        """``python3`` as the program is the Python that runs this."""
        program = [sys.executable, *command[1:]] if command[0] == "python3" else list(command)
        package = str(Path(harness.__file__).resolve().parent.parent)
        environment = {**os.environ, "PYTHONPATH": package, VARIABLE: LOOPBACK}
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        except OSError as error:
            raise LabError(f"{program[0]}: {error.strerror}") from error
        self._said: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._timeout: float | None = None
        readers = ((STDOUT, self._process.stdout), (STDERR, self._process.stderr))
        self._readers = [
            threading.Thread(target=self._read, args=(kind, pipe), daemon=True) for kind, pipe in readers if pipe
        ]
        for reader in self._readers:
            reader.start()
        self._open = len(self._readers)

    def read(self) -> tuple[int, bytes] | None:
        """See ByteStream."""
        while self._open:
            try:
                said = self._said.get(timeout=self._timeout)
            except queue.Empty:
                raise TimeoutError from None
            if said is not None:
                return said
            self._open -= 1
        return None

    def write(self, data: bytes) -> None:
        """See ByteStream."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def end_input(self) -> None:
        """See ByteStream."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def set_timeout(self, seconds: float | None) -> None:
        """See ByteStream."""
        self._timeout = seconds

    def close(self) -> None:
        """See ByteStream: a program that does not end with its input is ended."""
        try:
            self.end_input()
        except OSError:
            self._process.kill()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def exit_status(self) -> int | None:
        """See ByteStream."""
        return self._process.poll()

    def _read(self, kind: int, pipe: IO[bytes]) -> None:
        while data := os.read(pipe.fileno(), _CHUNK):
            self._said.put((kind, data))
        self._said.put(None)


class LocalHost:
    """A place for one peer on loopback. Implements RestartableHost."""

    image_id = ""

    def __init__(self, name: str, address: str, give_back: Callable[[str], None] = lambda _address: None) -> None:
        """``give_back`` is told once that nobody has the address any more."""
        self.name = name
        self.address = address
        self._streams: list[ProcessStream] = []
        self._give_back: Callable[[str], None] | None = give_back

    @property
    def process(self) -> int | None:
        """See CommandHost: nobody asks for its memory."""
        return None

    def open(self, command: Sequence[str]) -> ProcessStream:
        """See CommandHost."""
        stream = ProcessStream(command)
        self._streams.append(stream)
        return stream

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """See CommandHost. Raises LabError where there is no such program."""
        try:
            done = subprocess.run(list(command), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        except OSError as error:
            raise LabError(f"{command[0]}: {error.strerror}") from error
        return done.returncode, done.stdout + done.stderr

    def log(self, since: float | None = None) -> str:
        """See CommandHost: its programs tell their own."""
        del since
        return ""

    def is_running(self) -> bool:
        """See CommandHost: this machine runs; whether a program does, its driver knows."""
        return True

    def state(self) -> str:
        """In a few words, for messages."""
        living = sum(stream.exit_status() is None for stream in self._streams)
        return f"{living} of {len(self._streams)} programs running"

    def ending(self) -> tuple[Cause, str]:
        """Whose doing its end was: by itself, unless by a signal that no program sends itself."""
        ended = [status for stream in self._streams if (status := stream.exit_status()) is not None]
        if not ended:
            return Cause.UNKNOWN, self.state()
        cause = Cause.OUTSIDE if -ended[-1] in FROM_OUTSIDE else Cause.ITSELF
        return cause, f"ended with status {ended[-1]}"

    def restart(self) -> None:
        """End its programs; the driver starts them again."""
        self._end()

    def remove(self) -> None:
        """End its programs, and give its address back."""
        self._end()
        if (give_back := self._give_back) is not None:
            self._give_back = None
            give_back(self.address)

    def _end(self) -> None:
        for stream in self._streams:
            stream.close()
        self._streams.clear()

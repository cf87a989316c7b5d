"""Standard input, output and error of a program in a container, as one duplex stream of octets."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Protocol

import docker
from docker.errors import NotFound

from harness.border import limits
from harness.border.text import decoded
from harness.lab.errors import PeerUnreachable, TooMuchSaid
from harness.lab.hosts.engine_log import frames
from harness.lab.waiting import Deadline

STDOUT, STDERR = 1, 2


class ByteStream(Protocol):
    """A running program's standard streams."""

    def read(self) -> tuple[int, bytes] | None:
        """The next octets and the stream they came on (1 or 2); None when the program has ended."""

    def write(self, data: bytes) -> None:
        """Hand octets to the program's standard input."""

    def end_input(self) -> None:
        """Close the program's standard input; its output can still be read."""

    def set_timeout(self, seconds: float | None) -> None:
        """How long ``read`` may wait; after a TimeoutError the stream is of no further use."""

    def close(self) -> None:
        """Close the program's standard input and give up the stream."""

    def exit_status(self) -> int | None:
        """The program's exit status, None while it runs."""


class ExecStream:
    """``docker exec`` with standard input attached."""

    def __init__(self, client: docker.DockerClient, container: str, command: list[str], **options: Any) -> None:
        self._api = client.api
        self._id = self._api.exec_create(container, command, stdin=True, stdout=True, stderr=True, **options)["Id"]
        raw: Any = self._api.exec_start(self._id, socket=True)
        # The HTTP response may already hold output of the program in its read buffer, so read through that buffer.
        response = getattr(raw, "_response", None)
        self._frames = frames(response.raw._fp.fp if response is not None else raw)
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._socket.settimeout(None)

    def read(self) -> tuple[int, bytes] | None:
        """See ByteStream."""
        try:
            return next(self._frames, None)
        except TimeoutError:
            raise
        except (OSError, ValueError):  # the socket was closed, here or there
            return None

    def write(self, data: bytes) -> None:
        """See ByteStream."""
        self._socket.sendall(data)

    def end_input(self) -> None:
        """See ByteStream."""
        self._socket.shutdown(socket.SHUT_WR)

    def set_timeout(self, seconds: float | None) -> None:
        """See ByteStream."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """See ByteStream."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def exit_status(self) -> int | None:
        """See ByteStream."""
        try:
            status = self._api.exec_inspect(self._id)["ExitCode"]
        except NotFound:  # its container is gone
            return None
        return None if status is None else int(status)


class StreamSocket:
    """The part of a socket that the vici package uses, on top of a program that relays standard streams."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._buffer = b""
        self._timeout: float | None = None
        self._stderr = b""
        self._deadline: Deadline | None = None
        self._left = 0  # octets that may still come until the deadline

    def begin(self, seconds: float, octets: int = limits.ANSWER_OCTETS) -> None:
        """What is received from now on may have so many octets, and has so many seconds, all of it together."""
        self._deadline, self._left = Deadline(seconds), octets

    def sendall(self, data: bytes) -> None:
        """Send all octets."""
        self._stream.write(data)

    def recv(self, count: int) -> bytes:
        """Up to ``count`` octets.

        Raises:
            PeerUnreachable: the relay has ended.
            TooMuchSaid: more has come than ``begin`` allows.
            TimeoutError: nothing came in time.
        """
        while not self._buffer:
            if self._deadline is not None:
                self._stream.set_timeout(self._deadline.remaining())
            frame = self._stream.read()
            if frame is None:
                detail = decoded(self._stderr).strip() or "the control socket was closed"
                raise PeerUnreachable(detail)
            kind, data = frame
            if kind == STDERR:
                self._stderr = (self._stderr + data)[-limits.STDERR_OCTETS :]
            else:
                self._buffer += data
            self._left -= len(data)
            if self._deadline is not None and self._left < 0:
                raise TooMuchSaid("its answer has more octets than are read of one")
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def settimeout(self, seconds: float | None) -> None:
        """How long the next ``recv`` may wait, unless ``begin`` has set a time for all of them."""
        self._timeout = seconds
        if self._deadline is None:
            self._stream.set_timeout(seconds)

    def gettimeout(self) -> float | None:
        """The timeout in force."""
        return self._timeout

    def shutdown(self, how: int) -> None:
        """Nothing to do: closing ends both directions."""

    def close(self) -> None:
        """End the relay."""
        self._stream.close()

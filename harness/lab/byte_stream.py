"""Standard input, output and error of a program in a container, as one duplex stream of octets."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Any, Protocol

import docker

from harness.lab.errors import PeerUnreachable

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
    """``docker exec`` with standard input attached.

    The engine frames output: one octet for the stream, three of zero, four for the length, then the octets.
    """

    def __init__(self, client: docker.DockerClient, container: str, command: list[str], **options: Any) -> None:
        self._api = client.api
        self._id = self._api.exec_create(container, command, stdin=True, stdout=True, stderr=True, **options)["Id"]
        raw: Any = self._api.exec_start(self._id, socket=True)
        # The HTTP response may already hold output of the program in its read buffer, so read through that buffer.
        response = getattr(raw, "_response", None)
        self._reader: Any = response.raw._fp.fp if response is not None else raw
        self._socket: socket.socket = getattr(raw, "_sock", raw)
        self._socket.settimeout(None)

    def read(self) -> tuple[int, bytes] | None:
        """See ByteStream."""
        try:
            header = self._reader.read(8)
            if len(header) < 8:
                return None
            kind, length = struct.unpack(">B3xL", header)
            data = self._reader.read(length)
        except TimeoutError:
            raise
        except (OSError, ValueError):  # the socket was closed, here or there
            return None
        return kind, data

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
        status = self._api.exec_inspect(self._id)["ExitCode"]
        return None if status is None else int(status)


class StreamSocket:
    """The part of a socket that the vici package uses, on top of a program that relays standard streams."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._buffer = b""
        self._timeout: float | None = None
        self._stderr = b""

    def sendall(self, data: bytes) -> None:
        """Send all octets."""
        self._stream.write(data)

    def recv(self, count: int) -> bytes:
        """Up to ``count`` octets; raises PeerUnreachable when the relay has ended."""
        while not self._buffer:
            frame = self._stream.read()
            if frame is None:
                detail = self._stderr.decode(errors="replace").strip() or "the control socket was closed"
                raise PeerUnreachable(detail)
            kind, data = frame
            if kind == STDERR:
                self._stderr += data
            else:
                self._buffer += data
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def settimeout(self, seconds: float | None) -> None:
        """How long the next ``recv`` may wait."""
        self._timeout = seconds
        self._stream.set_timeout(seconds)

    def gettimeout(self) -> float | None:
        """The timeout in force."""
        return self._timeout

    def shutdown(self, how: int) -> None:
        """Nothing to do: closing ends both directions."""

    def close(self) -> None:
        """End the relay."""
        self._stream.close()

"""What a container has printed, as the engine kept it: read to its end, of which no more is held than a limit."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from typing import Any, Protocol

import docker

from harness.border import limits
from harness.border.text import decoded, left_out
from harness.lab.docker.engine import BROKEN_OFF
from harness.lab.errors import LabError

_HEADER = struct.Struct(">B3xL")
_PIECE = 1 << 16  # octets


class Reader(Protocol):
    """What octets are read from."""

    def read(self, count: int, /) -> bytes:
        """As many octets as asked for, fewer at the end."""


class _InPieces:
    """Reads ahead: each line is a frame of its own, and every read of the engine's answer has its price."""

    def __init__(self, source: Reader) -> None:
        self._source = source
        self._ahead, self._at = b"", 0

    def read(self, count: int, /) -> bytes:
        """See Reader."""
        while len(self._ahead) - self._at < count:
            more = self._source.read(_PIECE)
            if not more:
                break
            self._ahead, self._at = self._ahead[self._at :] + more, 0
        data = self._ahead[self._at : self._at + count]
        self._at += len(data)
        return data


def frames(reader: Reader) -> Iterator[tuple[int, bytes]]:
    """The pieces of a container's output and the stream of each (1 or 2), from the engine's framing.

    The engine puts before each piece one octet for the stream, three of zero, four for the length. However long it is,
    no more than 64 KiB of it are held.
    """
    while len(header := reader.read(_HEADER.size)) == _HEADER.size:
        kind, length = _HEADER.unpack(header)
        while length:
            data = reader.read(min(length, _PIECE))
            if not data:
                return
            length -= len(data)
            yield kind, data


def read_log(client: docker.DockerClient, container: str, since: float | None, lines: int | None) -> tuple[str, bool]:
    """The end of what a container has printed: at most so many lines, all without; and whether the limit cut it.

    What is cut begins with a line that says how much is left out.

    Raises:
        LabError: the engine does not give it.
    """
    api: Any = client.api  # a session of requests; its own method for logs reads without a timeout, or all at once
    place = f"{api.base_url}/v{api.api_version}/containers/{container}/logs"
    asked = {"stdout": 1, "stderr": 1, "since": since or 0, "tail": "all" if lines is None else lines}
    kept: deque[bytes] = deque()
    held = dropped = 0
    try:
        with api.get(place, params=asked, stream=True, timeout=api.timeout) as response:
            if response.status_code != 200:
                raise LabError(f"the engine gives no log: {response.text}")
            for _, data in frames(_InPieces(response.raw)):
                kept.append(data)
                held += len(data)
                while held > limits.LOG_OCTETS + _PIECE:
                    held -= len(kept[0])
                    dropped += len(kept.popleft())
    except (*BROKEN_OFF, OSError) as error:
        raise LabError(f"the engine gives no log: {type(error).__name__}: {error}") from error
    octets = b"".join(kept)
    if not dropped:
        return decoded(octets), False
    first, _, rest = octets.partition(b"\n")
    return f"{left_out(dropped + len(first) + 1, 'octets')}\n{decoded(rest)}", True

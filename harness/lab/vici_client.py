"""vici commands to a daemon in a container. A command has its session to itself, so none waits for another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import vici
from vici.exception import CommandException, SessionException

from harness.lab.byte_stream import ByteStream, StreamSocket
from harness.lab.errors import PeerUnreachable

REPLY_TIMEOUT_S = 10.0

Reply = Mapping[str, Any]


class CommandRefused(PeerUnreachable):
    """The daemon answered that a command failed; the message is the daemon's own."""


class ViciClient:
    """A pool of vici sessions to one daemon."""

    def __init__(self, name: str, open_stream: Callable[[], ByteStream]) -> None:
        self._name = name
        self._open_stream = open_stream
        self._idle: list[tuple[StreamSocket, Any]] = []
        self._lock = threading.Lock()

    def request(self, command: str, message: Reply | None = None) -> Reply:
        """One command and its answer.

        Raises:
            CommandRefused: the daemon says that it failed.
            PeerUnreachable: the daemon does not answer.
        """
        with self._session(REPLY_TIMEOUT_S) as session:
            reply: Reply = session.request(command, message)
        return reply

    def stream(self, command: str, event: str, message: Reply, timeout_s: float = REPLY_TIMEOUT_S) -> list[Reply]:
        """One command that answers with events; all of them, once the command is done.

        Raises:
            CommandRefused: the daemon says that it failed; ``events`` of the error has what came before.
            PeerUnreachable: no event and no answer came for ``timeout_s``.
        """
        events: list[Reply] = []
        try:
            with self._session(timeout_s) as session:
                events.extend(session.streamed_request(command, event, message))
        except CommandRefused as refusal:
            refusal.args = (*refusal.args, events)
            raise
        return events

    def close(self) -> None:
        """End every idle session."""
        with self._lock:
            idle, self._idle = self._idle, []
        for socket, _ in idle:
            socket.close()

    @contextmanager
    def _session(self, timeout_s: float) -> Iterator[Any]:
        with self._lock:
            pair = self._idle.pop() if self._idle else None
        if pair is None:
            socket = StreamSocket(self._open_stream())
            pair = socket, vici.Session(socket)
        socket, session = pair
        socket.settimeout(timeout_s)
        try:
            yield session
        except CommandException as error:
            self._give_back(pair)
            raise CommandRefused(str(error).removeprefix("Command failed: ")) from error
        except PeerUnreachable as error:
            socket.close()
            raise PeerUnreachable(f"{self._name}: vici: {error}") from error
        except (SessionException, OSError) as error:
            socket.close()
            raise PeerUnreachable(f"{self._name}: vici: {str(error) or type(error).__name__}") from error
        else:
            self._give_back(pair)

    def _give_back(self, pair: tuple[StreamSocket, Any]) -> None:
        with self._lock:
            self._idle.append(pair)

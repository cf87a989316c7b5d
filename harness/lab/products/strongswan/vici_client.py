"""vici commands to a daemon in a container. A command has its session to itself, so none waits for another.

Answers come in here as harmless text, in sections and lists, whatever the daemon sends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import vici
from vici.exception import CommandException

from harness.border import limits
from harness.border.text import decoded, harmless
from harness.border.values import is_deeper
from harness.lab.driver import VERB_S
from harness.lab.errors import PeerUnreachable
from harness.lab.hosts.byte_stream import ByteStream, StreamSocket

REPLY_TIMEOUT_S = VERB_S

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
            return _plain(session.request(command, message))

    def stream(self, command: str, event: str, message: Reply, timeout_s: float = REPLY_TIMEOUT_S) -> list[Reply]:
        """One command that answers with events; all of them, once the command is done.

        Raises:
            CommandRefused: the daemon says that it failed; ``events`` of the error has what came before.
            PeerUnreachable: the answer was not there, with all its events, within ``timeout_s``.
        """
        events: list[Reply] = []
        try:
            with self._session(timeout_s) as session:
                events.extend(map(_plain, session.streamed_request(command, event, message)))
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
        socket.begin(timeout_s)
        try:
            yield session
        except CommandException as error:
            self._give_back(pair)
            raise CommandRefused(harmless(str(error)).removeprefix("Command failed: ")) from error
        except PeerUnreachable as error:
            socket.close()
            raise type(error)(f"{self._name}: vici: {error}") from error
        except Exception as error:  # the channel is gone, or these octets are no answer: the package raises anything
            socket.close()
            raise PeerUnreachable(f"{self._name}: vici: {str(error) or type(error).__name__}") from error
        else:
            self._give_back(pair)

    def _give_back(self, pair: tuple[StreamSocket, Any]) -> None:
        with self._lock:
            self._idle.append(pair)


def _plain(answer: Any) -> Reply:
    """An answer of octets as one of harmless text.

    Raises:
        PeerUnreachable: its sections nest deeper than any answer.
    """
    if is_deeper(answer, limits.JSON_DEPTH):
        raise PeerUnreachable(f"an answer whose sections nest deeper than {limits.JSON_DEPTH}")
    plain: Reply = _as_text(answer)
    return plain


def _as_text(value: Any) -> Any:
    if isinstance(value, bytes):
        return decoded(value)
    if isinstance(value, Mapping):
        return {harmless(key): _as_text(item) for key, item in value.items()}
    return [_as_text(item) for item in value]


def word_of(answer: Reply, key: str) -> str:
    """A word of an answer.

    Raises:
        PeerUnreachable: it is not there, or is no word.
    """
    value = answer.get(key)
    if not isinstance(value, str):
        raise PeerUnreachable(f"vici: no {key} in the answer")
    return value


def words_of(answer: Reply, key: str) -> tuple[str, ...]:
    """The names below a section of an answer; none where there is no such section."""
    value = answer.get(key)
    return tuple(value) if isinstance(value, Mapping) else ()

"""A helper process in memory: what it answers to each request is up to the test."""

from __future__ import annotations

import queue
from collections.abc import Callable, Sequence

from harness.transport.messages import Answer, Line, Ready, Request, encoded


class HelperProcess:
    """Its streams (a ByteStream), and the container that it is opened in."""

    name = "container-1"

    def __init__(self, answer: Callable[[Request], Answer | None]) -> None:
        """``answer`` gives None where the process says nothing."""
        self._answer = answer
        self._said: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._said.put((1, encoded("", Ready())))
        self.asked: list[tuple[str, Request]] = []

    def open(self, command: Sequence[str]) -> HelperProcess:
        return self

    def read(self) -> tuple[int, bytes] | None:
        return self._said.get()

    def write(self, data: bytes) -> None:
        line = Line.parse(data)
        self.asked.append((line.case, line.request()))
        answer = self._answer(line.request())
        if answer is not None:
            self._said.put((1, encoded(line.case, answer)))

    def close(self) -> None:
        self._said.put(None)

    def exit_status(self) -> int | None:
        return None

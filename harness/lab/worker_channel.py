"""The channel to the worker in the tester: one JSON object a line, both ways, told apart by their case."""

from __future__ import annotations

import json
import queue
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from harness.lab.byte_stream import STDERR, ByteStream
from harness.lab.errors import WorkerLost

_STDERR_LINES = 40

Message = Mapping[str, Any]


class CaseInbox:
    """What the worker says about one case."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Message | WorkerLost] = queue.Queue()

    def put(self, item: Message | WorkerLost) -> None:
        """Hand in the next message, or the loss of the worker."""
        self._queue.put(item)

    def get(self, timeout_s: float) -> Message | None:
        """The next message; None when none came within ``timeout_s`` seconds.

        Raises:
            WorkerLost: the worker has ended, and everything that it said before has been taken.
        """
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if isinstance(item, WorkerLost):
            self._queue.put(item)
            raise WorkerLost(str(item))
        return item


class WorkerChannel:
    """Sends from any thread; one thread of its own reads and hands each object to the inbox of its ``case``.

    Objects without a ``case`` go to the inbox of the case "" (the worker itself).
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._send_lock = threading.Lock()
        self._lock = threading.Lock()
        self._inboxes: dict[str, CaseInbox] = {"": CaseInbox()}
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._lost: WorkerLost | None = None
        self._closing = False
        self.messages = 0
        """How many objects the worker has sent so far, to whatever case."""
        self._reader = threading.Thread(target=self._read, name="worker-channel", daemon=True)
        self._reader.start()

    def open_case(self, case: str) -> CaseInbox:
        """The inbox of a case; open it before the worker is told of the case."""
        with self._lock:
            inbox = self._inboxes[case] = CaseInbox()
            if self._lost is not None:
                inbox.put(self._lost)
        return inbox

    def close_case(self, case: str) -> None:
        """Nobody listens to the case any more; what still comes for it is dropped."""
        with self._lock:
            self._inboxes.pop(case, None)

    @property
    def own(self) -> CaseInbox:
        """What the worker says that belongs to no case."""
        return self._inboxes[""]

    @property
    def lost(self) -> bool:
        """Whether the worker has ended."""
        return self._closing or self._lost is not None

    def send(self, message: Message) -> None:
        """Send one object.

        Raises:
            WorkerLost: the worker has ended.
        """
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if self._lost is not None:
            raise WorkerLost(str(self._lost))
        try:
            with self._send_lock:
                self._stream.write(line)
        except OSError as error:
            raise WorkerLost(self._describe(str(error))) from error

    def stderr(self) -> str:
        """The end of what the worker wrote to its standard error."""
        return "".join(self._stderr)

    def close(self) -> None:
        """End the worker by closing its standard input, and the thread that reads."""
        self._closing = True
        self._stream.close()
        self._reader.join(timeout=5)

    def _read(self) -> None:
        pending = b""
        reason = "the worker ended"
        while (frame := self._stream.read()) is not None:
            kind, data = frame
            if kind == STDERR:
                self._stderr.append(data.decode(errors="replace"))
                continue
            *lines, pending = (pending + data).split(b"\n")
            try:
                for line in lines:
                    self._dispatch(json.loads(line))
            except (ValueError, AttributeError):
                reason = f"the worker wrote a line that is no JSON object: {line[:120]!r}"
                break
        self._lose(reason)

    def _dispatch(self, message: Message) -> None:
        self.messages += 1
        with self._lock:
            inbox = self._inboxes.get(message.get("case", ""))
        if inbox is not None:
            inbox.put(message)

    def _lose(self, reason: str) -> None:
        error = WorkerLost("the worker was ended" if self._closing else self._describe(reason))
        with self._lock:
            self._lost = error
            for inbox in self._inboxes.values():
                inbox.put(error)

    def _describe(self, reason: str) -> str:
        status = None if self._closing else self._stream.exit_status()
        ended = f" with status {status}" if status is not None else ""
        said = self.stderr().strip()
        return f"{reason}{ended}" + (f": {said}" if said else "")

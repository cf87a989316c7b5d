"""The channel to the worker in the tester: one message a line, both ways, told apart by their case.

A watcher and the daemon of our engine are spoken to in the same way: each is the worker of its channel.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable

from harness.border import limits
from harness.border.text import decoded
from harness.json_codec import RecordError
from harness.lab.errors import WorkerLost
from harness.lab.hosts.byte_stream import STDERR, ByteStream
from harness.transport.messages import Answer, Beat, Line, Request, encoded

_STDERR_LINES = 40
_SHOWN = 120  # octets of a line that is no message


class CaseInbox:
    """What the worker says about one case."""

    def __init__(self) -> None:
        self._queue: queue.Queue[Answer | WorkerLost] = queue.Queue()

    def put(self, item: Answer | WorkerLost) -> None:
        """Hand in the next message, or the loss of the worker."""
        self._queue.put(item)

    def get(self, timeout_s: float) -> Answer | None:
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
    """Sends from any thread; one thread of its own reads and hands each answer to the inbox of its case.

    Answers of no case go to the inbox of the case "" (the worker itself).
    """

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._send_lock = threading.Lock()
        self._lock = threading.Lock()
        self._inboxes: dict[str, CaseInbox] = {"": CaseInbox()}
        self._stderr: deque[str] = deque(maxlen=_STDERR_LINES)
        self._lost: WorkerLost | None = None
        self._closing = False
        self.on_beat: Callable[[], object] = bool  # called at each beat of the worker; nothing, unless somebody listens
        self.messages = 0
        """How many answers the worker has sent so far, to whatever case; its beats are none of them."""
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

    def send(self, case: str, request: Request) -> None:
        """Send one request of a case, "" for none.

        Raises:
            WorkerLost: the worker has ended.
        """
        line = encoded(case, request)
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
        pending = bytearray()
        reason = "the worker ended"
        while (frame := self._stream.read()) is not None:
            kind, data = frame
            if kind == STDERR:
                self._stderr.append(decoded(data))
                continue
            pending += data
            if len(pending) > limits.WORKER_LINE_OCTETS:
                reason = f"the worker wrote a line of more than {limits.WORKER_LINE_OCTETS:,} octets"
                break
            if b"\n" not in data:
                continue
            *lines, rest = bytes(pending).split(b"\n")
            pending = bytearray(rest)
            try:
                for line in lines:
                    self._dispatch(Line.parse(line))
            except RecordError as error:
                reason = f"the worker wrote a line that is no message: {error}: {line[:_SHOWN]!r}"
                break
        self._lose(reason)
        if frame is not None:
            self._stream.close()  # what it goes on to say nobody reads

    def _dispatch(self, line: Line) -> None:
        answer = line.answer()
        if isinstance(answer, Beat):
            self.on_beat()
            return
        self.messages += 1
        with self._lock:
            inbox = self._inboxes.get(line.case)
        if inbox is not None:
            inbox.put(answer)

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

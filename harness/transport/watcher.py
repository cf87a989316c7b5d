"""The watcher process: captures what passes a product's interface, beside it in its network (see ``messages``)."""

from __future__ import annotations

import asyncio
import sys

from harness.json_codec import RecordError
from harness.transport.budget import Budget
from harness.transport.capture import Capture, Watched
from harness.transport.messages import (
    Answer,
    Collect,
    Collected,
    Failure,
    Line,
    Ready,
    Request,
    Watch,
    Watching,
    encoded,
)

_LINE_OCTETS = 1 << 20


class Watcher:
    """Keeps the frames of any number of cases, told apart by the addresses of their sides."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._watched: dict[str, Watched] = {}

    def answer(self, line: Line) -> Answer:
        """What there is to say to one request."""
        try:
            return self._do(line.case, line.request())
        except RecordError as error:
            return Failure(str(error))

    def _do(self, case: str, request: Request) -> Answer:
        match request:
            case Watch(ours, theirs):
                self._watched[case] = self._capture.watch(ours, theirs, Budget())
                return Watching()
            case Collect() if case in self._watched:
                mine = self._watched.pop(case)
                frames, drops = self._capture.collect(mine)
                return Collected(frames, drops, mine.budget.overrun)
            case Collect():
                return Failure(f"case {case!r} is not watched")
        raise RecordError(f"{type(request).__name__} is no request to the watcher")


def _say(case: str, message: Answer) -> None:
    sys.stdout.buffer.write(encoded(case, message))
    sys.stdout.flush()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_OCTETS)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    watcher = Watcher(Capture(loop))
    _say("", Ready())
    while octets := await reader.readline():
        line = Line.parse(octets)
        _say(line.case, watcher.answer(line))


if __name__ == "__main__":
    asyncio.run(_main())

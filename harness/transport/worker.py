"""The worker process: plays cases side by side, driven by JSON lines (see ``job``)."""

from __future__ import annotations

import asyncio
import json
import sys
import traceback
from collections.abc import Coroutine
from typing import Any

from harness.json_codec import RecordError, from_json, to_json
from harness.transport.capture import Capture
from harness.transport.conversation import Player
from harness.transport.job import Job, Wish

_LINE_OCTETS = 16 << 20


class Worker:
    """Reads requests from standard input and writes answers to standard output until the input ends."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._players: dict[str, Player] = {}
        self._granted: dict[tuple[str, str], asyncio.Event] = {}

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Handle one JSON object a line."""
        while line := await reader.readline():
            request = json.loads(line)
            case = str(request.get("case", ""))
            if request.get("do") == "start":
                self._spawn(case, self._play(case, request["job"]))
            elif request.get("do") == "continue" and (case, request.get("wish")) in self._granted:
                self._granted[case, request["wish"]].set()
            elif request.get("do") == "abort" and case in self._players:
                self._players[case].call_off()
        for task in list(self._tasks.values()):
            task.cancel()

    def _spawn(self, case: str, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[case] = task
        task.add_done_callback(lambda done: self._ended(case, done))

    def _ended(self, case: str, task: asyncio.Task[None]) -> None:
        """A case that ended by an error of ours is told of, too: it must not leave the runner waiting."""
        self._tasks.pop(case, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _answer(case, error="".join(traceback.format_exception(error)))

    async def _play(self, case: str, description: object) -> None:
        def ask(wish: Wish) -> asyncio.Event:
            granted = self._granted[case, wish.value] = asyncio.Event()
            _answer(case, want=wish.value)
            return granted

        try:
            job = from_json(Job, description)
            player = self._players[case] = Player(job, self._capture, ask)
            conversation = await player.play()
            _answer(case, conversation=to_json(conversation))
        except (OSError, RecordError) as error:
            _answer(case, error=f"{type(error).__name__}: {error}")
        finally:
            self._players.pop(case, None)
            for wish in Wish:
                self._granted.pop((case, wish.value), None)


def _answer(case: str, **content: object) -> None:
    sys.stdout.write(json.dumps({"case": case, **content}) + "\n")
    sys.stdout.flush()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_OCTETS)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    worker = Worker(Capture(loop))
    _answer("", ready=True)
    await worker.serve(reader)


if __name__ == "__main__":
    asyncio.run(_main())

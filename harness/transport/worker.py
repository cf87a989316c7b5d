"""The worker process: plays cases side by side, driven by lines (see ``messages``)."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from harness.evidence.interruption import OwnProcess
from harness.json_codec import RecordError
from harness.transport.capture import Capture, Keeper
from harness.transport.conversation import Player
from harness.transport.job import Job
from harness.transport.messages import (
    Abort,
    Answer,
    Beat,
    Continue,
    Failure,
    Line,
    Ready,
    Request,
    Start,
    Want,
    encoded,
)
from harness.transport.pulse import INTERVAL_S, Pulse
from harness.transport.self_capture import SelfCapture
from harness.transport.wiring import DIRECT, Wiring, of_this_process

_LINE_OCTETS = 16 << 20

Say = Callable[[str, Answer], None]
"""Hands the runner a message of a case, "" for none; it never waits for the runner to read."""


class Worker:
    """Reads requests from standard input and answers by ``say`` until the input ends."""

    def __init__(self, capture: Keeper[Any], say: Say, wiring: Wiring = DIRECT) -> None:
        self._capture, self._say, self._wiring = capture, say, wiring
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._players: dict[str, Player] = {}
        self._pulse = Pulse(OwnProcess.WORKER, time.monotonic())

    async def serve(self, reader: asyncio.StreamReader) -> None:
        """Handle one request a line.

        Raises:
            RecordError: a line is of another form, so that nobody knows whose it is.
        """
        asyncio.get_running_loop().set_exception_handler(self._loop_broke)
        self._beat()
        while octets := await reader.readline():
            line = Line.parse(octets)
            try:
                self._handle(line.case, line.request())
            except RecordError as error:
                self._say(line.case, Failure(str(error)))
        for task in list(self._tasks.values()):
            task.cancel()

    def _handle(self, case: str, request: Request) -> None:
        player = self._players.get(case)
        match request:
            case Beat():
                self._pulse.heard(time.monotonic())
            case Start(job):
                self._spawn(case, self._play(case, job))
            case Continue(action):
                if player is not None:  # else the case has ended meanwhile
                    player.done(action)
            case Abort():
                if player is not None:
                    player.call_off()
            case _:
                raise RecordError(f"{type(request).__name__} is no request to the worker")

    def _beat(self) -> None:
        self._pulse.tick(time.monotonic())
        self._say("", Beat())
        asyncio.get_running_loop().call_later(INTERVAL_S, self._beat)

    def _spawn(self, case: str, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks[case] = task
        task.add_done_callback(lambda done: self._ended(case, done))

    def _loop_broke(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a callback of no case in particular raised, the capture's say: no case that is under way proves much."""
        loop.default_exception_handler(context)
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        for player in self._players.values():
            player.fail(error)

    def _ended(self, case: str, task: asyncio.Task[None]) -> None:
        """A case that ended by an error of ours is told of, too: it must not leave the runner waiting."""
        self._tasks.pop(case, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._say(case, Failure("".join(traceback.format_exception(error))))

    async def _play(self, case: str, job: Job) -> None:
        try:
            player = self._players[case] = Player(
                job, self._capture, lambda action: self._say(case, Want(action)), self._wiring
            )
            conversation = await player.play()
            stalls = self._pulse.since(player.began, time.monotonic())
            self._say(case, replace(conversation, disturbances=(*conversation.disturbances, *stalls)))
        except OSError as error:
            self._say(case, Failure(f"{type(error).__name__}: {error}"))
        finally:
            self._players.pop(case, None)


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_OCTETS)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    # A runner that does not read for a while must not hold up the cases: what it is told waits in this process.
    output, _ = await loop.connect_write_pipe(asyncio.Protocol, sys.stdout)

    def say(case: str, message: Answer) -> None:
        output.write(encoded(case, message))

    own = SelfCapture()
    wiring = of_this_process(own.seen)
    worker = Worker(Capture(loop) if wiring is DIRECT else own, say, wiring)
    say("", Ready())
    await worker.serve(reader)


if __name__ == "__main__":
    asyncio.run(_main())

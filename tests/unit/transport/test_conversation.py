"""How long the worker listens for what a peer makes of a deviation, by a link whose peer follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from harness.scenario.model import PartyPolicy, Role
from harness.transport.conversation import Player
from harness.transport.job import Job
from harness.transport.link import OutOfTimeError

JOB = Job(
    "case-1",
    Role.RESPONDER,
    "192.0.2.1",
    "192.0.2.2",
    "a",
    "b",
    b"psk",
    PartyPolicy((), ()),
    "10.1.0.1",
    "10.2.0.1",
    (),
)


class ScriptedLink:
    """``script``: what each wait ends in, "heard", "quiet" or "over"; after it nothing ever comes."""

    def __init__(self, *script: str, remaining: float = 10.0) -> None:
        self.script, self.waits, self.notes = list(script), 0, []
        self.over, self.datagrams_received = False, 0
        self.recorder = SimpleNamespace(deviated=True)
        self.called_off = asyncio.Event()
        self._remaining = remaining

    def remaining(self) -> float:
        return self._remaining

    def note(self, event: str, **detail: str) -> None:
        self.notes.append((event, detail))

    async def until(self, condition: Callable[[], bool], awaited: str, at_most: float | None = None) -> None:
        if condition():
            return
        self.waits += 1
        what = self.script.pop(0) if self.script else "quiet"
        if what == "heard":
            self.datagrams_received += 1
        elif what == "over":
            self.over = True
        else:
            raise OutOfTimeError(awaited)


def listened(link: ScriptedLink, *, at_work: bool) -> ScriptedLink:
    async def play() -> None:
        player = Player(JOB, None, lambda _wish: asyncio.Event())
        player._link = link
        player._peer_is_up = asyncio.Event()
        if not at_work:
            player._peer_is_up.set()
        await player._listen_on()

    asyncio.run(play())
    return link


def test_one_quiet_while_is_enough_once_the_peer_is_done():
    assert listened(ScriptedLink(), at_work=False).waits == 1


def test_a_peer_at_work_gets_more_time():
    link = listened(ScriptedLink(), at_work=True)
    assert link.waits == 2
    assert link.notes == [("Quiet", {"seconds": "3.0"})]


def test_every_word_begins_the_wait_anew():
    assert listened(ScriptedLink("heard", "quiet", "heard"), at_work=True).waits == 5


def test_the_end_of_the_ike_sa_ends_it():
    assert listened(ScriptedLink("heard", "over"), at_work=True).waits == 2


def test_a_case_without_time_left_says_so():
    with pytest.raises(OutOfTimeError, match="another word"):
        listened(ScriptedLink(remaining=0.0), at_work=False)

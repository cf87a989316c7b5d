"""An exception where the event loop calls us is an error of the case that it belongs to, and never lost."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar

import pytest

from harness.border import limits
from harness.evidence.interruption import Resource
from harness.evidence.model import Conversation
from harness.ike.configuration import Datagram, Path
from harness.ike.session import Session
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.model import Step
from harness.transport import link as link_module
from harness.transport.conversation import Player
from harness.transport.job import Job, PeerAction
from harness.transport.worker import Worker

PATH = Path(("192.0.2.1", 500), ("192.0.2.2", 500))
ESP_PATH = Path(("192.0.2.1", 0), ("192.0.2.2", 0))
ENDS, INNER = ("192.0.2.1", "192.0.2.2"), ("10.1.0.1", "10.2.0.1")
JOB = Job("case-1", Role.RESPONDER, *ENDS, "a", "b", b"psk", PartyPolicy((), ()), *INNER, ())


class Capture:
    def __init__(self) -> None:
        self.watched: list[tuple[str, ...]] = []

    def watch(self, ours: tuple[str, ...], _theirs: tuple[str, ...], _budget: object) -> tuple[str, ...]:
        self.watched.append(ours)
        return ours

    def collect(self, ours: tuple[str, ...]) -> tuple[tuple[()], int]:
        self.watched.remove(ours)
        return (), 0


class Endpoint:
    """Without sockets: a test hands datagrams to the receivers as the event loop would."""

    opened: ClassVar[list[Endpoint]] = []
    receive: Callable[..., None]
    receive_esp: Callable[..., None]
    closed = False

    def __init__(self, wiring: object = None) -> None:
        del wiring

    @classmethod
    async def open(
        cls, address: str, receiver: Callable[..., None], ports: object = (), wiring: object = None, only_from: str = ""
    ) -> Endpoint:
        endpoint = cls()
        endpoint.receive = receiver
        cls.opened.append(endpoint)
        return endpoint

    def open_bare_esp(self, address: str, receiver: Callable[..., None], only_from: str = "") -> None:
        self.receive_esp = receiver

    def send(self, datagram: Datagram) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def endpoints(monkeypatch):
    monkeypatch.setattr(link_module, "Endpoint", Endpoint)
    monkeypatch.setattr(Endpoint, "opened", [])
    return Endpoint.opened


@pytest.fixture
def broken(monkeypatch):
    """A session that cannot take what arrives."""

    def receive(*_args: object) -> None:
        raise struct.error("unpack requires a buffer of 8 bytes")

    monkeypatch.setattr(Session, "receive_datagram", receive)


def player(capture: Capture, **changes: object) -> Player:
    return Player(replace(JOB, **changes), capture, lambda _action: None)


async def arrives(endpoints: list[Endpoint], octets: bytes = b"octets", *, esp: bool = False) -> None:
    while not endpoints:
        await asyncio.sleep(0)
    endpoint = endpoints[-1]
    receive, path = (endpoint.receive_esp, ESP_PATH) if esp else (endpoint.receive, PATH)
    asyncio.get_running_loop().call_soon(receive, octets, path)


@pytest.mark.usefixtures("broken")
def test_the_case_ends_with_the_error_at_once(endpoints):
    async def play() -> None:
        capture = Capture()
        task = asyncio.ensure_future(player(capture).play())
        await arrives(endpoints)
        with pytest.raises(struct.error, match="a buffer of 8"):
            await asyncio.wait_for(task, 5)
        assert capture.watched == []
        assert endpoints[0].closed

    asyncio.run(play())


def test_esp_is_guarded_too(endpoints, monkeypatch):
    async def play() -> None:
        task = asyncio.ensure_future(one.play())
        await arrives(endpoints, esp=True)
        with pytest.raises(IndexError):
            await asyncio.wait_for(task, 5)

    def receive(_packet: bytes) -> None:
        raise IndexError("in a tunnel")

    one = player(Capture())
    one._link.tunnel = type("Tunnel", (), {"receive": staticmethod(receive), "count": lambda self: None})()
    asyncio.run(play())


def test_also_while_the_runner_is_awaited(endpoints):
    async def play() -> None:
        one = player(Capture(), steps=(Step.TRAFFIC,))
        task = asyncio.ensure_future(one._done(asyncio.Event(), "the peer's status"))
        await asyncio.sleep(0)
        one.fail(struct.error("late"))
        with pytest.raises(struct.error, match="late"):
            await asyncio.wait_for(task, 5)

    asyncio.run(play())


def test_an_error_after_the_last_wait_counts(endpoints, monkeypatch):
    async def play() -> None:
        one = player(Capture())

        async def settled() -> None:
            one._link._guarded(lambda *_: 1 / 0)(b"", PATH)

        monkeypatch.setattr(one, "_settled", settled)
        with pytest.raises(ZeroDivisionError):
            await asyncio.wait_for(one.play(), 5)

    asyncio.run(play())


@pytest.mark.usefixtures("broken")
def test_the_neighbour_of_a_case_goes_on(endpoints):
    async def play() -> None:
        capture = Capture()
        neighbour = asyncio.ensure_future(player(capture, address="192.0.2.3", deadline=0.3).play())
        while not endpoints:
            await asyncio.sleep(0)
        victim = asyncio.ensure_future(player(capture).play())
        while len(endpoints) < 2:
            await asyncio.sleep(0)
        await arrives(endpoints)
        with pytest.raises(struct.error):
            await asyncio.wait_for(victim, 5)
        assert (await neighbour).report.timed_out == "the IKE SA to be established or refused"

    asyncio.run(play())


def test_what_breaks_beside_all_cases_ends_all_of_them(endpoints, capsys):
    """The capture's reader, say: what it lost nobody knows."""

    async def play() -> None:
        worker = Worker(Capture(), lambda _case, _message: None)
        reader = asyncio.StreamReader()
        serving = asyncio.ensure_future(worker.serve(reader))
        players = worker._players = {name: player(Capture()) for name in ("a", "b")}
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        for each in players.values():
            with pytest.raises(ZeroDivisionError):
                await asyncio.wait_for(each._done(asyncio.Event(), "anything"), 5)
        reader.feed_eof()
        await serving

    asyncio.run(play())


def test_actions_are_still_told_of(endpoints):
    asked: list[PeerAction] = []

    conversation = asyncio.run(Player(replace(JOB, deadline=0.05, verb=0.0), Capture(), asked.append).play())
    assert asked == [PeerAction.INITIATE]
    assert conversation.report.timed_out


def test_a_flood_ends_its_case_at_once_and_is_in_the_report(endpoints):
    async def play() -> Conversation:
        playing = asyncio.ensure_future(player(Capture(), deadline=30.0).play())
        while not endpoints:
            await asyncio.sleep(0)
        path = Path((JOB.address, 500), (JOB.peer_address, 500))
        while not endpoints[0].closed:
            endpoints[0].receive(b"x" * 40, path)
        return await asyncio.wait_for(playing, 5)

    conversation = asyncio.run(play())
    assert conversation.report.overrun.resource is Resource.TRACE_ENTRIES
    assert conversation.report.timed_out == ""
    assert len(conversation.trace) == limits.CASE_TRACE_ENTRIES

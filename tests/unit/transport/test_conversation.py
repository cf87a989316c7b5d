"""How long the worker listens for what a peer makes of a deviation, by a link whose peer follows a script."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
from engine_pair import ESP, policy

from harness.evidence.interruption import OwnProcess
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.model import Step
from harness.transport import conversation, peer_time
from harness.transport.association import Association
from harness.transport.conversation import NotGrantedError, Player
from harness.transport.endpoint import Endpoint
from harness.transport.job import Job, PeerAction
from harness.transport.link import OutOfTimeError
from harness.transport.peer_time import PeerTime
from harness.transport.wiring import Wiring

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
        self.time = PeerTime(remaining)
        self.tunnel = None
        self._remaining = remaining

    def remaining(self) -> float:
        return self._remaining

    def raise_failure(self) -> None:
        pass

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
        player = Player(JOB, None, lambda _action: None)
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


class SlowRunner:
    """Does an action after ``seconds``, or never (None)."""

    def __init__(self, link, seconds):
        self.actions = []
        self._seconds = seconds
        self.player = Player(JOB, None, self._tell)
        self.player._link = link

    def _tell(self, action):
        self.actions.append(action)
        if self._seconds is not None:
            asyncio.get_running_loop().call_later(self._seconds, self.player.done, action)


def traffic(link, seconds):
    async def play():
        runner = SlowRunner(link, seconds)
        await runner.player._step(Step.TRAFFIC)
        return runner

    return asyncio.run(play())


def test_what_the_runner_is_about_is_not_the_peers_time():
    link = ScriptedLink(remaining=0.1)
    assert traffic(link, 0.3).actions == [PeerAction.COME_UP, PeerAction.INSPECT]
    assert link.time.remaining() > 0.05


def test_a_verb_that_takes_as_long_as_its_contract_allows_costs_the_peer_nothing(monkeypatch):
    """A control program that takes 8 s to initiate, and 8 s to terminate, of the 20 s that a case leaves its peer."""
    now = [1000.0]
    monkeypatch.setattr(peer_time, "time", SimpleNamespace(monotonic=lambda: now[0]))
    link = ScriptedLink("over", remaining=20.0)

    async def play():
        player = SlowRunner(link, None).player
        await player._begin()
        now[0] += 8
        player.done(PeerAction.INITIATE)
        now[0] += 0.5
        await player._delete()
        now[0] += 8
        player.done(PeerAction.TERMINATE)

    asyncio.run(play())
    assert link.time.remaining() == 19.5


def test_an_action_that_is_not_done_is_our_fault_and_not_the_peers(monkeypatch):
    monkeypatch.setattr(conversation, "_RUNNER", 0.05)
    with pytest.raises(NotGrantedError, match="the peer to say that it is up"):
        traffic(ScriptedLink(), None)


def test_a_case_that_was_called_off_waits_for_no_grant():
    link = ScriptedLink()
    link.called_off.set()
    with pytest.raises(OutOfTimeError):
        traffic(link, None)


class NoCapture:
    def watch(self, *_arguments):
        pass

    def collect(self, _ours):
        return (), 0


def test_the_conversation_says_that_an_action_was_not_done_and_blames_nobody(monkeypatch):
    async def nothing(*_):
        pass

    async def refuse(*_):
        raise NotGrantedError("the peer's status")

    for name, what in (("_begin", nothing), ("_settled", nothing), ("_step", refuse)):
        monkeypatch.setattr(Player, name, what)
    job = replace(JOB, address="127.0.0.1", steps=(Step.TRAFFIC,))
    player = Player(job, NoCapture(), lambda _action: None)
    monkeypatch.setattr(player._link, "open", nothing)
    found = asyncio.run(player.play())
    assert found.report.timed_out == ""
    [ours] = found.disturbances
    assert (ours.side, ours.awaited) == (OwnProcess.RUNNER, "the peer's status")
    assert found.trace[-1].event == "NotGranted"


LOOPBACK = Wiring(17_000, bare_esp=False)
HERE, THERE = ("127.99.1.1", "10.1.0.1"), ("127.99.1.2", "10.2.0.1")
SUITE = PartyPolicy(policy(ke="curve25519"), ESP)


class DeletingPeer:
    """A second engine of ours, which deletes the IKE SA as the first one waits for it to come up."""

    def __init__(self) -> None:
        addresses = THERE[0], HERE[0], "b", "a", b"psk", SUITE, THERE[1], HERE[1], ()
        self.job = Job("case-1", Role.RESPONDER, *addresses)

    async def listen(self) -> None:
        self.endpoint = await Endpoint.open(THERE[0], self._receive, wiring=LOOPBACK)
        self.association = Association(self.job, self.endpoint, lambda: None)

    def _receive(self, data, path) -> None:
        self.association.receive(data, path)

    def delete(self) -> None:
        self.association.command(self.association.session.delete)


async def deleted_at_once():
    """What our side brings back of a case in which the peer deletes the IKE SA right behind IKE_AUTH."""
    peer = DeletingPeer()
    await peer.listen()
    asked = []

    def tell(action):
        asked.append(action)
        if action is PeerAction.COME_UP:
            peer.delete()
        asyncio.get_running_loop().call_later(0.05, player.done, action)

    steps = (Step.TRAFFIC, Step.LIVENESS, Step.DELETE)
    addresses = HERE[0], THERE[0], "a", "b", b"psk", SUITE, HERE[1], THERE[1], steps
    player = Player(Job("case-1", Role.INITIATOR, *addresses, deadline=5.0), NoCapture(), tell, LOOPBACK)
    try:
        return await player.play(), asked
    finally:
        peer.endpoint.close()


def test_a_peer_may_delete_the_ike_sa_while_we_wait_for_it_to_come_up():
    found, asked = asyncio.run(deleted_at_once())
    report = found.report
    assert (report.state, report.established, report.child_established) == ("Gone", True, True)
    assert (report.closed_kind, report.closed_by_peer, report.timed_out) == ("deleted", True, "")
    assert report.echo.requests_sent == 0
    assert asked == [PeerAction.COME_UP, PeerAction.INSPECT]
    assert found.secrets.children
    assert [entry.detail["step"] for entry in found.trace if entry.event == "Step"] == ["traffic"]

"""One case in the worker: the steps of the scenario, from the first datagram to what is brought back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from harness.evidence.interruption import Disturbance, OwnProcess
from harness.evidence.model import Conversation
from harness.policy.role import Role
from harness.scenario.model import Step
from harness.transport.capture import Keeper
from harness.transport.half_open import InitAnswer, until_cookies
from harness.transport.job import Job, PeerAction
from harness.transport.link import FloodedError, Link, OutOfTimeError
from harness.transport.setting import configuration
from harness.transport.wiring import DIRECT, Wiring

Teller = Callable[[PeerAction], None]
_LINGER = 0.05  # seconds after the last message, so that the capture holds what is still on its way
_ECHO_PATIENCE = 1.0  # seconds for all replies; the network between the two is one host
_ECHO_ATTEMPTS = 3
_QUIET = 1.5  # seconds without a datagram after which a peer has said all it has to say to our deviation
_RUNNER = 90.0  # seconds for the runner to do an action: more than any command to a product may take
_QUIET_AT_WORK = 2  # so often in a row, as long as its initiation has not ended for itself


class NotGrantedError(Exception):
    """The runner did not do an action: the case ends, and that is nobody's fault but ours."""


class Player:
    """Plays one job. ``tell`` hands an action to the runner, and ``done`` says that the runner did it."""

    def __init__(self, job: Job, capture: Keeper[Any], tell: Teller, wiring: Wiring = DIRECT) -> None:
        self._job, self._capture, self._tell = job, capture, tell
        self._wiring = wiring
        self._link = Link(job, wiring)
        self._actions: dict[PeerAction, asyncio.Event] = {}
        self._disturbances: list[Disturbance] = []
        self._peer_is_up: asyncio.Event | None = None

    @property
    def began(self) -> float:
        """When the case began, by the monotonic clock."""
        return self._link.began

    def done(self, action: PeerAction) -> None:
        """The runner has done what was asked for."""
        if action in self._actions:
            self._actions[action].set()
            self._link.time.release(action)

    def call_off(self) -> None:
        """End the case now, with what there is: the runner knows that nothing more will come of it."""
        self._link.call_off()

    def fail(self, error: Exception) -> None:
        """End the case with an error of the worker's own."""
        self._link.fail(error)

    async def play(self) -> Conversation:
        """Run the case to its end, whatever that is.

        Raises:
            OSError: our address cannot be bound.
            Exception: whatever came up where datagrams are received; it is ours, and the case proves nothing.
        """
        job, link = self._job, self._link
        ours, theirs = (job.address, job.inner_address), (job.peer_address, job.peer_inner_address)
        watched = self._capture.watch(ours, theirs, link.budget)
        timed_out = ""
        try:
            await link.open()
            await self._begin()
            await (self._listen_on() if job.listen_on else self._settled())
            for step in job.steps:
                if not link.over:
                    await self._step(step)
        except OutOfTimeError as error:
            timed_out = str(error)
            link.note("OutOfTime", awaited=timed_out)
        except FloodedError:
            pass  # is in the report; nothing else can be said of the peer
        except NotGrantedError as error:
            link.note("NotGranted", awaited=str(error))
            self._disturbances.append(Disturbance(OwnProcess.RUNNER, time.time() - _RUNNER, _RUNNER, str(error)))
        finally:
            await asyncio.sleep(_LINGER)
            link.close()
            frames, drops = self._capture.collect(watched)
        with suppress(FloodedError):  # is in the report
            link.raise_failure()
        report = link.recorder.report(type(link.session.state).__name__, link.echo(), timed_out, drops)
        secrets = link.recorder.secrets(link.session.keylog, link.session.spis, job.psk)
        trace, datagrams = tuple(link.recorder.trace), tuple(link.recorder.datagrams)
        return Conversation(trace, secrets, report, frames, tuple(self._disturbances), datagrams)

    async def _begin(self) -> None:
        if self._job.role is Role.INITIATOR:
            for answer in await until_cookies(configuration(self._job), self._job.half_open, self._wiring):
                self._link.note("HalfOpenLeft", answered=str(answer is not InitAnswer.NONE), answer=answer)
            self._link.command(self._link.session.start)
        else:
            self._peer_is_up = self._ask(PeerAction.INITIATE, self._job.verb)

    async def _settled(self) -> None:
        link = self._link
        await link.until(lambda: link.over or link.settled, "the IKE SA to be established or refused")

    async def _listen_on(self) -> None:
        """Wait for our deviation to leave, then until the IKE SA is over or the peer falls silent.

        An initiator that rejects a response owes no word about it: silence is one of the ends that are right. A peer
        whose own interface does not say yet how its initiation ended may be slow: it gets more time.
        """
        link, quiet = self._link, 0
        await link.until(lambda: link.over or link.recorder.deviated, "our deviation to leave")
        while not link.over and quiet < (_QUIET_AT_WORK if self._peer_is_at_work() else 1):
            quiet = 0 if await self._hears_something() else quiet + 1
        link.note("Quiet", seconds=str(quiet * _QUIET))

    def _peer_is_at_work(self) -> bool:
        return self._peer_is_up is not None and not self._peer_is_up.is_set()

    async def _hears_something(self) -> bool:
        link, heard = self._link, self._link.datagrams_received
        try:
            await link.until(lambda: link.over or link.datagrams_received > heard, "another word", _QUIET)
        except OutOfTimeError:
            if not link.remaining() or link.called_off.is_set():
                raise
            return False
        return True

    async def _step(self, step: Step) -> None:
        self._link.note("Step", step=step.value)
        if step is Step.TRAFFIC:
            await self._traffic()
        elif step is Step.LIVENESS:
            await self._liveness()
        else:
            await self._delete()

    async def _traffic(self) -> None:
        """Echo requests through the tunnel, as long as the IKE SA stands, then a look at the peer."""
        link = self._link
        # Our IKE_AUTH response may still be on its way, or the peer may install its SAs after it has answered: ESP that
        # overtakes either is another test than this one.
        await self._done(self._peer_is_up or self._ask(PeerAction.COME_UP), "the peer to say that it is up")
        tunnel = link.tunnel
        if tunnel is not None and not link.over:  # the peer may have deleted it meanwhile
            link.send_echo_requests(tunnel, self._job.echo_requests)
            for attempt in range(_ECHO_ATTEMPTS if self._job.echo else 0):
                try:
                    awaited = "a reply to every echo request"
                    await link.until(lambda: tunnel.answered or link.over, awaited, _ECHO_PATIENCE)
                    break
                except OutOfTimeError as error:
                    link.note("EchoUnanswered", awaited=str(error))
                # IP promises no delivery, and a responder may install its SA a moment after its IKE_AUTH response.
                if attempt + 1 < _ECHO_ATTEMPTS:
                    link.repeat_echo_requests(tunnel)
        await self._done(self._ask(PeerAction.INSPECT), "the peer's status")

    def _ask(self, action: PeerAction, at_most: float = 0.0) -> asyncio.Event:
        """Hand an action to the runner; until it is done, ``at_most`` so many seconds are not the peer's time."""
        done = self._actions[action] = asyncio.Event()
        self._link.time.hold(action, at_most)
        self._tell(action)
        return done

    async def _done(self, action: asyncio.Event, awaited: str) -> None:
        """Wait until the runner has done an action: none of it is the peer's time.

        Raises:
            NotGrantedError: the runner does not.
            OutOfTimeError: the case was called off.
        """
        waits = {asyncio.ensure_future(event.wait()) for event in (action, self._link.called_off)}
        with self._link.time.held(awaited):
            await asyncio.wait(waits, timeout=_RUNNER, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        self._link.raise_failure()
        if action.is_set():
            return
        if self._link.called_off.is_set():
            raise OutOfTimeError(awaited)
        raise NotGrantedError(awaited)

    async def _liveness(self) -> None:
        link = self._link
        answers = link.recorder.liveness_answers
        link.command(link.session.send_liveness)
        await link.until(lambda: link.over or link.recorder.liveness_answers > answers, "an answer to a liveness check")

    async def _delete(self) -> None:
        """The IKE SA's initiator deletes it."""
        if self._job.role is Role.INITIATOR:
            self._link.command(self._link.session.delete)
        else:
            self._ask(PeerAction.TERMINATE, self._job.verb)
        await self._link.until(lambda: self._link.over, "the deletion of the IKE SA")

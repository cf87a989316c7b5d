"""One case in the worker: the steps of the scenario, from the first datagram to what is brought back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from harness.evidence.model import Conversation
from harness.scenario.model import Role, Step
from harness.transport.capture import Capture
from harness.transport.half_open import leave_half_open
from harness.transport.job import Job, Wish
from harness.transport.link import Link, OutOfTimeError
from harness.transport.setting import configuration

Asker = Callable[[Wish], asyncio.Event]
_LINGER = 0.05  # seconds after the last message, so that the capture holds what is still on its way
_ECHO_PATIENCE = 1.0  # seconds for all replies; the network between the two is one host
_ECHO_ATTEMPTS = 3
_QUIET = 1.5  # seconds without a datagram after which a peer has said all it has to say to our deviation
_QUIET_AT_WORK = 2  # so often in a row, as long as its initiation has not ended for itself


class Player:
    """Plays one job. ``ask`` hands a wish to the runner; the event that it returns is set once the wish is granted."""

    def __init__(self, job: Job, capture: Capture, ask: Asker) -> None:
        self._job, self._capture, self._ask = job, capture, ask
        self._link = Link(job)
        self._peer_is_up: asyncio.Event | None = None

    def call_off(self) -> None:
        """End the case now, with what there is: the runner knows that nothing more will come of it."""
        self._link.call_off()

    async def play(self) -> Conversation:
        """Run the case to its end, whatever that is. Raises OSError when our address cannot be bound."""
        job, link = self._job, self._link
        self._capture.watch(job.address, job.inner_address)
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
        finally:
            await asyncio.sleep(_LINGER)
            link.close()
            frames, drops = self._capture.collect(job.address, job.inner_address)
        report = link.recorder.report(type(link.session.state).__name__, link.echo(), timed_out, drops)
        secrets = link.recorder.secrets(link.session.keylog, link.session.spis, job.psk)
        return Conversation(tuple(link.recorder.trace), secrets, report, frames)

    async def _begin(self) -> None:
        if self._job.role is Role.INITIATOR:
            for _ in range(self._job.half_open):
                answered = await leave_half_open(configuration(self._job))
                self._link.note("HalfOpenLeft", answered=str(answered))
            self._link.command(self._link.session.start)
        else:
            self._peer_is_up = self._ask(Wish.INITIATE)

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
        """Echo requests through the tunnel, then, while everything stands, a look at the peer."""
        link = self._link
        # Our IKE_AUTH response may still be on its way, or the peer may install its SAs after it has answered: ESP that
        # overtakes either is another test than this one.
        await self._granted(self._peer_is_up or self._ask(Wish.COME_UP), "the peer to say that it is up")
        tunnel = link.tunnel
        if tunnel is not None:
            link.send_echo_requests(tunnel, self._job.echo_requests)
            for attempt in range(_ECHO_ATTEMPTS):
                try:
                    awaited = "a reply to every echo request"
                    await link.until(lambda: tunnel.answered or link.over, awaited, _ECHO_PATIENCE)
                    break
                except OutOfTimeError as error:
                    link.note("EchoUnanswered", awaited=str(error))
                # IP promises no delivery, and a responder may install its SA a moment after its IKE_AUTH response.
                if attempt + 1 < _ECHO_ATTEMPTS:
                    link.repeat_echo_requests(tunnel)
        await self._granted(self._ask(Wish.INSPECT), "the peer's status")

    async def _granted(self, wish: asyncio.Event, awaited: str) -> None:
        """Wait until the runner has granted a wish, at most to the end of the case's time."""
        waits = {asyncio.ensure_future(event.wait()) for event in (wish, self._link.called_off)}
        await asyncio.wait(waits, timeout=self._link.remaining(), return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if not wish.is_set():
            raise OutOfTimeError(awaited)

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
            self._ask(Wish.TERMINATE)
        await self._link.until(lambda: self._link.over, "the deletion of the IKE SA")

"""One case in the worker: the engine's session between its sockets, its timers and the steps of the scenario."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

from harness.crypto.errors import IntegrityError
from harness.esp.encapsulation import DatagramKind, classify
from harness.esp.errors import EspError
from harness.evidence.model import Conversation, EchoCount
from harness.ike.configuration import Configuration, Identity, Path
from harness.ike.selectors import network_selector
from harness.ike.session import Session
from harness.ike.states import Standing
from harness.registry.identities import IdentificationType
from harness.scenario.model import Role, Step
from harness.transport.capture import Capture
from harness.transport.endpoint import BARE_ESP, IKE_PORT, NAT_PORT, Endpoint
from harness.transport.half_open import leave_half_open
from harness.transport.job import Job, Wish
from harness.transport.recorder import Recorder
from harness.transport.tunnel import Tunnel

Asker = Callable[[Wish], asyncio.Event]
_LINGER = 0.05  # seconds after the last message, so that the capture holds what is still on its way


class OutOfTimeError(Exception):
    """The case's deadline passed, or it was called off; the message says what was awaited."""


class Player:
    """Plays one job. ``ask`` hands a wish to the runner; the event that it returns is set once the wish is granted."""

    def __init__(self, job: Job, capture: Capture, ask: Asker) -> None:
        self._job, self._capture, self._ask = job, capture, ask
        self._session = Session(configuration(job), os.urandom)
        self._recorder = Recorder()
        self._tunnel: Tunnel | None = None
        self._esp_path: Path | None = None
        self._endpoint: Endpoint | None = None
        self._changed = asyncio.Event()
        self._began = time.monotonic()
        self._liveness_answers = 0
        self._peer_is_up: asyncio.Event | None = None
        self._called_off = asyncio.Event()

    def call_off(self) -> None:
        """End the case now, with what there is: the runner knows that nothing more will come of it."""
        self._called_off.set()
        self._changed.set()

    async def play(self) -> Conversation:
        """Run the case to its end, whatever that is. Raises OSError when our address cannot be bound."""
        job = self._job
        self._capture.watch(job.address)
        timed_out = ""
        try:
            self._endpoint = await Endpoint.open(job.address, self._receive)
            self._endpoint.open_bare_esp(job.address, self._receive_esp)
            await self._begin()
            await self._until(lambda: self._over or self._settled, "the IKE SA to be established or refused")
            for step in job.steps:
                if not self._over:
                    await self._step(step)
        except OutOfTimeError as error:
            timed_out = str(error)
            self._recorder.note(self._elapsed(), "OutOfTime", awaited=timed_out)
        finally:
            await asyncio.sleep(_LINGER)
            if self._endpoint is not None:
                self._endpoint.close()
            frames = self._capture.collect(job.address)
        report = self._recorder.report(type(self._session.state).__name__, self._echo(), timed_out)
        secrets = self._recorder.secrets(self._session.keylog, self._session.spis, job.psk)
        return Conversation(tuple(self._recorder.trace), secrets, report, frames)

    async def _begin(self) -> None:
        if self._job.role is Role.INITIATOR:
            for _ in range(self._job.half_open):
                answered = await leave_half_open(configuration(self._job))
                self._recorder.note(self._elapsed(), "HalfOpenLeft", answered=str(answered))
            self._session.start(time.monotonic())
            self._flush()
        else:
            self._peer_is_up = self._ask(Wish.INITIATE)

    async def _step(self, step: Step) -> None:
        self._recorder.note(self._elapsed(), "Step", step=step.value)
        if step is Step.TRAFFIC:
            await self._traffic()
        elif step is Step.LIVENESS:
            await self._liveness()
        else:
            await self._delete()

    async def _traffic(self) -> None:
        """Echo requests through the tunnel, then, while everything stands, a look at the peer."""
        if self._peer_is_up is not None:
            # Our IKE_AUTH response may still be on its way: nobody can blame a peer for ESP that overtakes it.
            await self._granted(self._peer_is_up, "the peer to say that it is up")
        if self._tunnel is None or self._endpoint is None:
            await self._granted(self._ask(Wish.INSPECT), "the peer's status")
            return
        tunnel, endpoint, path = self._tunnel, self._endpoint, self._tunnel_path()
        for _ in range(self._job.echo_requests):
            endpoint.send_raw(tunnel.request(identifier=os.getpid() & 0xFFFF), path)
        try:
            await self._until(lambda: tunnel.answered or self._over, "a reply to every echo request", 3.0)
        except OutOfTimeError as error:
            self._recorder.note(self._elapsed(), "EchoUnanswered", awaited=str(error))
        await self._granted(self._ask(Wish.INSPECT), "the peer's status")

    async def _granted(self, wish: asyncio.Event, awaited: str) -> None:
        """Wait until the runner has granted a wish, at most to the end of the case's time."""
        waits = {asyncio.ensure_future(event.wait()) for event in (wish, self._called_off)}
        remaining = max(self._job.deadline - self._elapsed(), 0.0)
        await asyncio.wait(waits, timeout=remaining, return_when=asyncio.FIRST_COMPLETED)
        for each in waits:
            each.cancel()
        if not wish.is_set():
            raise OutOfTimeError(awaited)

    async def _liveness(self) -> None:
        self._session.send_liveness(time.monotonic())
        self._flush()
        answered = self._liveness_answers
        await self._until(lambda: self._over or self._liveness_answers > answered, "an answer to a liveness check")

    async def _delete(self) -> None:
        """The IKE SA's initiator deletes it."""
        if self._job.role is Role.INITIATOR:
            self._session.delete(time.monotonic())
            self._flush()
        else:
            self._ask(Wish.TERMINATE)
        await self._until(lambda: self._over, "the deletion of the IKE SA")

    def _tunnel_path(self) -> Path:
        """Where the peer's ESP comes from; until then in UDP if IKE has moved for a NAT, else bare (RFC 7296 2.23)."""
        if self._esp_path is not None:
            return self._esp_path
        state = self._session.state
        assert isinstance(state, Standing), "a tunnel belongs to an IKE SA that stands"
        path = state.agreement.path
        if path.local[1] == NAT_PORT:
            return path
        return Path((path.local[0], BARE_ESP), (path.remote[0], BARE_ESP))

    @property
    def _over(self) -> bool:
        return self._recorder.closed is not None

    @property
    def _settled(self) -> bool:
        recorder = self._recorder
        decided = recorder.child is not None or recorder.child_refused is not None
        return recorder.established is not None and decided

    def _receive(self, data: bytes, path: Path) -> None:
        if path.local[1] != IKE_PORT:
            kind = classify(data).kind
            if kind is DatagramKind.KEEPALIVE:
                return
            if kind is DatagramKind.ESP:
                self._receive_esp(data, path)
                return
        self._session.receive_datagram(data, path, time.monotonic())
        self._flush()

    def _receive_esp(self, data: bytes, path: Path) -> None:
        if self._tunnel is None or self._endpoint is None:
            self._recorder.note(self._elapsed(), "Ignored", reason="ESP without a Child SA")
            return
        self._esp_path = path
        try:
            answer = self._tunnel.receive(data)
        except (EspError, IntegrityError) as error:
            self._recorder.note(self._elapsed(), "EspRejected", reason=str(error))
            return
        if answer is not None:
            self._endpoint.send_raw(answer, path)
        self._changed.set()

    def _flush(self) -> None:
        """Send what is due and take note of what happened."""
        now = time.monotonic()
        if self._endpoint is not None:
            for datagram in self._session.datagrams_to_send(now):
                self._endpoint.send(datagram)
        while (event := self._session.next_event()) is not None:
            self._recorder.take(event, now - self._began)
            if type(event).__name__ == "LivenessAnswered":
                self._liveness_answers += 1
        child = self._recorder.child
        if child is not None and self._tunnel is None:
            self._tunnel = Tunnel(child, self._job.inner_address, self._job.peer_inner_address, os.urandom)
        self._changed.set()

    async def _until(self, condition: Callable[[], bool], awaited: str, at_most: float | None = None) -> None:
        """Wait for a condition, serving the engine's timers. Raises OutOfTimeError at the deadline."""
        deadline = self._began + self._job.deadline
        if at_most is not None:
            deadline = min(deadline, time.monotonic() + at_most)
        while not condition():
            now, timer = time.monotonic(), self._session.get_timer()
            if now >= deadline or self._called_off.is_set():
                raise OutOfTimeError(awaited)
            if timer is not None and timer <= now:
                self._session.handle_timer(now)
                self._flush()
                continue
            self._changed.clear()
            wait = min(deadline, timer if timer is not None else deadline) - now
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _echo(self) -> EchoCount:
        return EchoCount() if self._tunnel is None else self._tunnel.count()


def configuration(job: Job) -> Configuration:
    """The engine's configuration for a job."""
    return Configuration(
        initiator=job.role is Role.INITIATOR,
        path=Path((job.address, IKE_PORT), (job.peer_address, IKE_PORT)),
        ike=job.policy.ike,
        esp=job.policy.esp,
        local_identity=Identity(IdentificationType.ID_FQDN, job.identity.encode()),
        remote_identity=Identity(IdentificationType.ID_FQDN, job.peer_identity.encode()),
        psk=job.psk,
        local_selectors=(network_selector(f"{job.inner_address}/32"),),
        remote_selectors=(network_selector(f"{job.peer_inner_address}/32"),),
        fragment_octets=job.fragment_octets,
        require_cookie=job.require_cookie,
    )

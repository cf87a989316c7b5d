"""The engine on the network: its session between sockets and timers, its tunnel, and the record of both."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

from harness.crypto.errors import IntegrityError
from harness.esp.encapsulation import DatagramKind, classify
from harness.esp.errors import EspError
from harness.evidence.model import EchoCount
from harness.ike.configuration import Path
from harness.ike.session import Session
from harness.ike.states import Standing
from harness.transport.budget import Budget
from harness.transport.endpoint import BARE_ESP, IKE_PORT, NAT_PORT, Endpoint, Receiver
from harness.transport.job import Job
from harness.transport.peer_time import PeerTime
from harness.transport.recorder import Recorder
from harness.transport.setting import configuration
from harness.transport.tunnel import Tunnel
from harness.transport.wiring import DIRECT, Wiring

_LATE = 0.1  # seconds that a wait may take longer than it should before the peer gets them back


class OutOfTimeError(Exception):
    """The peer's time has passed, or the case was called off; the message says what was awaited."""


class FloodedError(Exception):
    """The case's budget is spent."""


class Link:
    """One session with its sockets. Datagrams go in and out by themselves; ``until`` waits and serves the timers."""

    def __init__(self, job: Job, wiring: Wiring = DIRECT) -> None:
        self.session = Session(configuration(job), os.urandom)
        self.budget = Budget(self._flooded)
        self.recorder = Recorder(self.budget)
        self.tunnel: Tunnel | None = None
        self.called_off = asyncio.Event()
        self.datagrams_received = 0
        self.time = PeerTime(job.deadline)
        self._job = job
        self._endpoint = Endpoint(wiring)
        self._wiring = wiring
        self._esp_path: Path | None = None
        self._changed = asyncio.Event()
        self._began = time.monotonic()
        self._failure: Exception | None = None

    async def open(self) -> None:
        """Bind the sockets of the case's address. Raises OSError when it is not ours or in use."""
        self._endpoint = await Endpoint.open(
            self._job.address, self._guarded(self._receive), wiring=self._wiring, only_from=self._job.peer_address
        )
        self._endpoint.open_bare_esp(self._job.address, self._guarded(self._receive_esp), self._job.peer_address)

    def close(self) -> None:
        """Give the sockets back."""
        self._endpoint.close()

    def call_off(self) -> None:
        """End every wait now."""
        self.called_off.set()
        self._changed.set()

    def _flooded(self) -> None:
        """The case's budget is spent: nothing more is heard of it, and every wait ends."""
        self._endpoint.close()
        self.call_off()

    def fail(self, error: Exception) -> None:
        """End every wait with an error that came up in a callback, where nobody waits for it."""
        self._failure = self._failure or error
        self.call_off()

    def raise_failure(self) -> None:
        """Raise what ``fail`` was given: whatever it is, it is ours, and the case proves nothing. Or FloodedError."""
        if self._failure is not None:
            raise self._failure
        if self.budget.overrun is not None:
            raise FloodedError

    def _guarded(self, receive: Receiver) -> Receiver:
        """The event loop only logs what a callback raises: the case would go on as if nothing had happened."""

        def guarded(data: bytes, path: Path) -> None:
            self.recorder.datagram(data, path, sent=False)
            try:
                receive(data, path)
            except Exception as error:  # noqa: BLE001  # raised again in the task of the case
                self.fail(error)

        return guarded

    def elapsed(self) -> float:
        """Seconds since the case began."""
        return time.monotonic() - self._began

    @property
    def began(self) -> float:
        """When the case began, by the monotonic clock."""
        return self._began

    def remaining(self) -> float:
        """Seconds of the peer's time, at least 0."""
        return self.time.remaining()

    def note(self, event: str, **detail: str) -> None:
        """Write something of the worker's own into the trace."""
        self.recorder.note(self.elapsed(), event, **detail)

    def command(self, action: Callable[[float], None]) -> None:
        """Let the session do something, now, and send what comes of it."""
        action(time.monotonic())
        self._flush()

    @property
    def over(self) -> bool:
        """Whether the IKE SA is gone."""
        return self.recorder.closed is not None

    @property
    def settled(self) -> bool:
        """Whether the IKE SA stands and its Child SA is decided."""
        recorder = self.recorder
        decided = recorder.child is not None or recorder.child_refused is not None
        return recorder.established is not None and decided

    def echo(self) -> EchoCount:
        """The inner traffic so far."""
        return EchoCount() if self.tunnel is None else self.tunnel.count()

    def send_echo_requests(self, tunnel: Tunnel, count: int) -> None:
        """Send ``count`` echo requests through the tunnel; none once the IKE SA is gone."""
        path = self._tunnel_path()
        if path is None:
            return
        for _ in range(count):
            self._send(tunnel.request(identifier=os.getpid() & 0xFFFF), path)

    def repeat_echo_requests(self, tunnel: Tunnel) -> None:
        """Send the echo requests that have no reply yet once more; none once the IKE SA is gone."""
        path = self._tunnel_path()
        if path is None:
            return
        for packet in tunnel.repeated_requests():
            self._send(packet, path)

    async def until(self, condition: Callable[[], bool], awaited: str, at_most: float | None = None) -> None:
        """Wait for a condition, ``at_most`` so many seconds. Raises OutOfTimeError then, or without time left.

        What a wait takes longer than it should we were not there: the peer may have spoken, and we are yet to hear it.
        Raises whatever has come up in a callback, too.
        """
        own_end = time.monotonic() + at_most if at_most is not None else float("inf")
        while not condition():
            self.raise_failure()
            now, timer = time.monotonic(), self.session.get_timer()
            deadline = min(self.time.end(), own_end)
            if now >= deadline or self.called_off.is_set():
                raise OutOfTimeError(awaited)
            if timer is not None and timer <= now:
                self.command(self.session.handle_timer)
                continue
            self._changed.clear()
            wait = min(deadline, timer if timer is not None else deadline) - now
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                late = time.monotonic() - now - wait
                if late > _LATE:
                    self.time.give(late)
                    own_end += late

    def _tunnel_path(self) -> Path | None:
        """Where the peer's ESP comes from; until then in UDP if IKE has moved for a NAT, else bare (RFC 7296 2.23).

        None where the IKE SA does not stand: the peer may delete it at any time.
        """
        state = self.session.state
        if not isinstance(state, Standing):
            return None
        if self._esp_path is not None:
            return self._esp_path
        path = state.agreement.path
        if path.local[1] == NAT_PORT:
            return path
        return Path((path.local[0], BARE_ESP), (path.remote[0], BARE_ESP))

    def _send(self, payload: bytes, path: Path) -> None:
        taken = self._endpoint.send_raw(payload, path)
        if taken is not None:
            self.recorder.datagram(payload, taken, sent=True)

    def _receive(self, data: bytes, path: Path) -> None:
        self.datagrams_received += 1
        if path.local[1] != IKE_PORT:
            kind = classify(data).kind
            if kind is DatagramKind.KEEPALIVE:
                return
            if kind is DatagramKind.ESP:
                self._receive_esp(data, path)
                return
        self.command(lambda now: self.session.receive_datagram(data, path, now))

    def _receive_esp(self, data: bytes, path: Path) -> None:
        if self.tunnel is None:
            self.note("Ignored", reason="ESP without a Child SA")
            return
        try:
            answer = self.tunnel.receive(data)
        except (EspError, IntegrityError) as error:
            self.note("EspRejected", reason=str(error))
            return
        self._esp_path = path  # only authentic ESP tells where the peer is
        if answer is not None:
            self._send(answer, path)
        self._changed.set()

    def _flush(self) -> None:
        """Send what is due and take note of what happened."""
        now = time.monotonic()
        for datagram in self.session.datagrams_to_send(now):
            self._send(datagram.payload, datagram.path)
        while (event := self.session.next_event()) is not None:
            self.recorder.take(event, now - self._began)
        child = self.recorder.child
        if child is not None and self.tunnel is None:
            self.tunnel = Tunnel(child, self._job.inner_address, self._job.peer_inner_address, os.urandom)
        self._changed.set()

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
from harness.transport.endpoint import BARE_ESP, IKE_PORT, NAT_PORT, Endpoint
from harness.transport.job import Job
from harness.transport.recorder import Recorder
from harness.transport.setting import configuration
from harness.transport.tunnel import Tunnel


class OutOfTimeError(Exception):
    """The case's deadline passed, or the case was called off; the message says what was awaited."""


class Link:
    """One session with its sockets. Datagrams go in and out by themselves; ``until`` waits and serves the timers."""

    def __init__(self, job: Job) -> None:
        self.session = Session(configuration(job), os.urandom)
        self.recorder = Recorder()
        self.tunnel: Tunnel | None = None
        self.called_off = asyncio.Event()
        self.datagrams_received = 0
        self._job = job
        self._endpoint = Endpoint()
        self._esp_path: Path | None = None
        self._changed = asyncio.Event()
        self._began = time.monotonic()

    async def open(self) -> None:
        """Bind the sockets of the case's address. Raises OSError when it is not ours or in use."""
        self._endpoint = await Endpoint.open(self._job.address, self._receive)
        self._endpoint.open_bare_esp(self._job.address, self._receive_esp)

    def close(self) -> None:
        """Give the sockets back."""
        self._endpoint.close()

    def call_off(self) -> None:
        """End every wait now."""
        self.called_off.set()
        self._changed.set()

    def elapsed(self) -> float:
        """Seconds since the case began."""
        return time.monotonic() - self._began

    def remaining(self) -> float:
        """Seconds until the case's deadline, at least 0."""
        return max(self._job.deadline - self.elapsed(), 0.0)

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
        """Send ``count`` echo requests through the tunnel."""
        path = self._tunnel_path()
        for _ in range(count):
            self._endpoint.send_raw(tunnel.request(identifier=os.getpid() & 0xFFFF), path)

    def repeat_echo_requests(self, tunnel: Tunnel) -> None:
        """Send the echo requests that have no reply yet once more."""
        path = self._tunnel_path()
        for packet in tunnel.repeated_requests():
            self._endpoint.send_raw(packet, path)

    async def until(self, condition: Callable[[], bool], awaited: str, at_most: float | None = None) -> None:
        """Wait for a condition, ``at_most`` so many seconds. Raises OutOfTimeError then, or at the deadline."""
        deadline = self._began + self._job.deadline
        if at_most is not None:
            deadline = min(deadline, time.monotonic() + at_most)
        while not condition():
            now, timer = time.monotonic(), self.session.get_timer()
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
                continue

    def _tunnel_path(self) -> Path:
        """Where the peer's ESP comes from; until then in UDP if IKE has moved for a NAT, else bare (RFC 7296 2.23)."""
        if self._esp_path is not None:
            return self._esp_path
        state = self.session.state
        assert isinstance(state, Standing), "a tunnel belongs to an IKE SA that stands"
        path = state.agreement.path
        if path.local[1] == NAT_PORT:
            return path
        return Path((path.local[0], BARE_ESP), (path.remote[0], BARE_ESP))

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
            self._endpoint.send_raw(answer, path)
        self._changed.set()

    def _flush(self) -> None:
        """Send what is due and take note of what happened."""
        now = time.monotonic()
        for datagram in self.session.datagrams_to_send(now):
            self._endpoint.send(datagram)
        while (event := self.session.next_event()) is not None:
            self.recorder.take(event, now - self._began)
        child = self.recorder.child
        if child is not None and self.tunnel is None:
            self.tunnel = Tunnel(child, self._job.inner_address, self._job.peer_inner_address, os.urandom)
        self._changed.set()

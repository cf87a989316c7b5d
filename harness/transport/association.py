"""One session on an endpoint: its datagrams go in and out, its Child SA carries echo messages, its events are kept."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from harness.crypto.errors import IntegrityError
from harness.esp.errors import EspError
from harness.ike.configuration import Path
from harness.ike.session import Session
from harness.ike.states import Deleting, Gone, Idle, Standing
from harness.transport.endpoint import Endpoint
from harness.transport.job import Job
from harness.transport.recorder import Recorder
from harness.transport.setting import configuration
from harness.transport.tunnel import Tunnel


class Association:
    """Our engine at one end of one IKE SA and its Child SA. ``changed`` is called after everything that happens."""

    def __init__(self, job: Job, endpoint: Endpoint, changed: Callable[[], None]) -> None:
        self.session = Session(configuration(job), os.urandom)
        self.recorder = Recorder()
        self.tunnel: Tunnel | None = None
        self._job = job
        self._endpoint = endpoint
        self._changed = changed
        self._began = time.monotonic()

    @property
    def over(self) -> bool:
        """Whether the IKE SA is gone."""
        return isinstance(self.session.state, Gone)

    @property
    def idle(self) -> bool:
        """Whether no IKE_SA_INIT has been taken yet, be it that a COOKIE was demanded."""
        return isinstance(self.session.state, Idle)

    @property
    def standing(self) -> bool:
        """Whether the IKE SA stands."""
        return isinstance(self.session.state, Standing)

    @property
    def deleting(self) -> bool:
        """Whether the IKE SA is being deleted from our side."""
        return isinstance(self.session.state, Deleting)

    @property
    def settled(self) -> bool:
        """Whether the IKE SA stands and its Child SA is decided."""
        recorder = self.recorder
        return recorder.established is not None and (recorder.child or recorder.child_refused) is not None

    def command(self, action: Callable[[float], None]) -> None:
        """Let the session do something, now, and send what comes of it."""
        now = time.monotonic()
        action(now)
        for datagram in self.session.datagrams_to_send(now):
            self._endpoint.send(datagram)
        while (event := self.session.next_event()) is not None:
            self.recorder.take(event, now - self._began)
        child = self.recorder.child
        if child is not None and self.tunnel is None:
            self.tunnel = Tunnel(child, self._job.inner_address, self._job.peer_inner_address, os.urandom)
        self._changed()

    def receive(self, data: bytes, path: Path) -> None:
        """Take an IKE datagram."""
        self.command(lambda now: self.session.receive_datagram(data, path, now))

    def receive_esp(self, packet: bytes, path: Path) -> bool:
        """Take an ESP packet, and answer what it asks; whether it is authentic, and of this Child SA."""
        if self.tunnel is None:
            return False
        try:
            answer = self.tunnel.receive(packet)
        except (EspError, IntegrityError):
            return False
        if answer is not None:
            self._endpoint.send_raw(answer, path)
        self._changed()
        return True

    def handle_timer(self) -> None:
        """Do what is due by now."""
        timer = self.session.get_timer()
        if timer is not None and timer <= time.monotonic():
            self.command(self.session.handle_timer)

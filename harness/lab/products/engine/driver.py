"""Our engine as a peer like any other: its daemon (``transport/daemon.py``), spoken to by ``transport/messages.py``."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

from harness.evidence.peer_report import PeerReport, Residue
from harness.json_codec import to_json
from harness.lab.driver import Connection, DaemonSettings, PreSharedKey
from harness.lab.errors import ConfigurationRefused, Inexpressible, LabError, PeerUnreachable, WorkerLost
from harness.lab.hosts.commands import answers
from harness.lab.hosts.host import CommandHost
from harness.lab.worker_channel import WorkerChannel
from harness.scenario.peer import Peer
from harness.transport.job import Job
from harness.transport.messages import (
    Answer,
    Done,
    Failure,
    Initiate,
    Initiated,
    Listen,
    Load,
    Request,
    SaReports,
    Status,
    Terminate,
    Unload,
)

A = TypeVar("A", bound=Answer)

PROGRAM = ("python3", "-m", "harness.transport.daemon")
SETTINGS_FILE = "/etc/ipsec-interop/daemon.json"
CONNECTION_FILE = "connection.json"

_ANSWER_S = 30.0  # seconds for any request beside those that wait for the other side
_FRAGMENT_OCTETS = 1280  # where nothing else is asked for (RFC 7383 section 2.5.1)


class EngineFamily:
    """The harness' own engine. It runs in the tester's image, which holds all that it needs."""

    control = "engine"
    in_tester = True
    show_command = ""

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily: the file says what the driver tells with each connection."""
        del peer
        return {SETTINGS_FILE: json.dumps(to_json(settings)) + "\n"}

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily: what the daemon is told."""
        del peer
        return {CONNECTION_FILE: json.dumps(to_json(_job(connection, DaemonSettings())), indent=2) + "\n"}

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily: without the lab nobody speaks to it."""
        del connection
        return self.daemon_files(peer, DaemonSettings())

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> EngineDriver:
        """See DriverFamily."""
        del peer
        return EngineDriver(container, settings)


FAMILY = EngineFamily()


class EngineDriver:
    """One daemon of our engine. Its sockets open with the first connection, whose address they have."""

    def __init__(self, container: CommandHost, settings: DaemonSettings) -> None:
        self._container = container
        self._settings = settings
        self._channel: WorkerChannel | None = None
        self._calls: Iterator[int] = itertools.count(1)
        self._listening = ""
        self._lock = threading.Lock()
        self._starting = threading.Lock()

    def version(self) -> str:
        """See PeerDriver: of the harness that put it there."""
        self._open()
        try:
            return version("ipsec-interop")
        except PackageNotFoundError:
            return "0"

    def key_exchange_methods(self) -> frozenset[str] | None:
        """See PeerDriver: it depends on the machine's libraries; a test compares the sheet with all of them."""
        return None

    def load(self, connection: Connection) -> dict[str, str]:
        """See PeerDriver."""
        job = _job(connection, self._settings)
        with self._lock:
            if self._listening != connection.local_address:
                self._ask(Listen(connection.local_address), Done)
                self._listening = connection.local_address
        self._ask(Load(job), Done)
        return {CONNECTION_FILE: json.dumps(to_json(job), indent=2) + "\n"}

    def unload(self, name: str) -> None:
        """See PeerDriver."""
        self._ask(Unload(name), Done)

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver."""
        return self._ask(Initiate(name, deadline_s), Initiated, deadline_s + _ANSWER_S).said

    def rekey(self, name: str, *, ike: bool) -> None:
        """See PeerDriver: our engine does not rekey yet, and its sheet says so."""
        del ike
        raise LabError(f"{self._container.name}: our engine cannot rekey {name}")

    def terminate(self, name: str) -> None:
        """See PeerDriver."""
        self._ask(Terminate(name), Done)

    def status(self, name: str) -> PeerReport:
        """See PeerDriver."""
        sas = self._ask(Status(name), SaReports).sas
        return PeerReport(self.version(), sas, json.dumps(to_json(sas)))

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver: an unloaded connection of our daemon has no SAs by construction, so nothing is told."""
        del connection
        return None

    def alive(self) -> bool:
        """See PeerDriver."""
        return answers(self._container, self._open)

    def log(self, name: str) -> str:
        """See PeerDriver: what it wrote to its standard error, which is nothing unless it broke."""
        del name
        return self._channel.stderr() if self._channel else ""

    def close(self) -> None:
        """See PeerDriver."""
        if self._channel is not None:
            self._channel.close()

    def _open(self) -> WorkerChannel:
        """The channel to the daemon, started if there is none yet.

        Raises:
            PeerUnreachable: it does not start, or has ended.
        """
        with self._starting:
            return self._opened()

    def _opened(self) -> WorkerChannel:
        if self._channel is None:
            channel = WorkerChannel(self._container.open(PROGRAM))
            if channel.own.get(_ANSWER_S) is None:
                raise PeerUnreachable(f"{self._container.name}: the daemon did not start: {channel.stderr()}")
            self._channel = channel
        if self._channel.lost:
            raise PeerUnreachable(f"{self._container.name}: the daemon has ended: {self._channel.stderr()}")
        return self._channel

    def _ask(self, request: Request, kind: type[A], timeout_s: float = _ANSWER_S) -> A:
        channel, call = self._open(), f"call-{next(self._calls)}"
        inbox = channel.open_case(call)
        try:
            channel.send(call, request)
            answer = inbox.get(timeout_s)
        except WorkerLost as error:
            raise PeerUnreachable(f"{self._container.name}: {error}") from error
        finally:
            channel.close_case(call)
        if isinstance(answer, kind):
            return answer
        where = f"{self._container.name}: {type(request).__name__}"
        if answer is None:
            raise PeerUnreachable(f"{where}: no answer within {timeout_s:g} s")
        if isinstance(answer, Failure):
            raise ConfigurationRefused(f"{where}: {answer.reason}")
        raise PeerUnreachable(f"{where}: {type(answer).__name__} is no answer to it")


def _job(connection: Connection, settings: DaemonSettings) -> Job:
    """What the daemon is told of a connection.

    Raises:
        Inexpressible: it authenticates by certificate, which our engine does not.
    """
    if not isinstance(connection.authentication, PreSharedKey):
        raise Inexpressible("our engine authenticates by pre-shared key alone")
    return Job(
        case=connection.name,
        role=connection.role,
        address=connection.local_address,
        peer_address=connection.remote_address,
        identity=connection.local_identity,
        peer_identity=connection.remote_identity,
        psk=connection.authentication.octets,
        policy=connection.policy,
        inner_address=connection.local_inner,
        peer_inner_address=connection.remote_inner,
        steps=(),
        mode=connection.mode,
        announce_intermediate=connection.announce_intermediate,
        fragment_octets=connection.fragment_size or settings.fragment_size or _FRAGMENT_OCTETS,
        require_cookie=settings.cookie_threshold is not None,
    )

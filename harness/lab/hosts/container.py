"""One container of the lab: created with the least privilege that works, filled, started, watched."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import docker
from docker.errors import APIError, NotFound
from docker.models.containers import Container
from docker.models.networks import Network

from harness.evidence.interruption import Cause
from harness.lab.docker.cleanup import remove_container
from harness.lab.docker.container_limits import ContainerLimits
from harness.lab.errors import LabError, PeerUnreachable, TooMuchSaid
from harness.lab.hosts.byte_stream import ByteStream, ExecStream
from harness.lab.hosts.engine_log import read_log
from harness.lab.hosts.shell import Shells, TooMuchPrinted
from harness.lab.signals import FROM_OUTSIDE

TUN = "/dev/net/tun"

SENT_FROM_OUTSIDE = tuple(128 + number for number in FROM_OUTSIDE)
"""Exit statuses of a program that was ended by one of these, as a shell and Docker tell of it."""

_NANO = 1_000_000_000

_LAST_LINES, _MORE_LINES = 256, 4  # of a log that are read first, and how many times as many after that


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What a container is started from."""

    name: str
    image: str
    network: Network
    labels: Mapping[str, str]
    capabilities: tuple[str, ...]  # all others are dropped
    limits: ContainerLimits
    devices: tuple[str, ...] = ()
    command: tuple[str, ...] | None = None
    files: Mapping[str, bytes] | None = None  # by absolute path, put in before the start
    init: bool = False
    entrypoint: tuple[str, ...] | None = None  # in place of the image's
    tmpfs: Mapping[str, str] | None = None  # mount options by path
    sysctls: Mapping[str, str] | None = None  # of its own network namespace
    joins: str = ""  # name of a container whose network it shares, in place of one of its own


class LabContainer:
    """A started container. Implements RestartableHost."""

    def __init__(self, client: docker.DockerClient, spec: ContainerSpec) -> None:
        self._client = client
        self.spec = spec
        self._shells = self._new_shells()
        try:
            self._container: Container = client.containers.create(
                spec.image,
                command=list(spec.command) if spec.command else None,
                name=spec.name,
                labels=dict(spec.labels),
                network=None if spec.joins else spec.network.name,
                network_mode=f"container:{spec.joins}" if spec.joins else None,
                cap_drop=["ALL"],
                cap_add=list(spec.capabilities),
                devices=[f"{device}:{device}:rwm" for device in spec.devices],
                security_opt=["no-new-privileges:true"],
                init=spec.init,
                entrypoint=list(spec.entrypoint) if spec.entrypoint else None,
                tmpfs=dict(spec.tmpfs or {}),
                sysctls=dict(spec.sysctls or {}),
                **spec.limits.options(),
            )
            self.put(spec.files or {})
            self._container.start()
            self._container.reload()
        except APIError as error:
            raise LabError(f"container {spec.name}: {error.explanation or error}") from error

    @property
    def name(self) -> str:
        """See CommandHost."""
        return self.spec.name

    @property
    def id(self) -> str:
        """The engine's id of the container, 64 hexadecimal digits."""
        return str(self._container.id)

    @property
    def process(self) -> int | None:
        """See CommandHost; as of the last look at its state."""
        return self._container.attrs["State"]["Pid"] or None

    @property
    def image_id(self) -> str:
        """The id of the image that it was made from: ``sha256:...``."""
        return str(self._container.attrs["Image"])

    @property
    def address(self) -> str:
        """Its IPv4 address in the run's network."""
        return str(self._container.attrs["NetworkSettings"]["Networks"][self.spec.network.name]["IPAddress"])

    def put(self, files: Mapping[str, bytes]) -> None:
        """Put files into the container, by absolute path."""
        if not files:
            return
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, content in files.items():
                entry = tarfile.TarInfo(path.lstrip("/"))
                entry.size, entry.mode = len(content), 0o644
                archive.addfile(entry, io.BytesIO(content))
        self._container.put_archive("/", buffer.getvalue())

    def open(self, command: Sequence[str]) -> ByteStream:
        """See CommandHost."""
        try:
            return ExecStream(self._client, self.id, list(command))
        except APIError as error:
            raise PeerUnreachable(f"{self.name}: {error.explanation or error}") from error

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """See CommandHost."""
        try:
            return self._shells.run(command)
        except TooMuchPrinted as error:
            raise TooMuchSaid(f"{self.name}: {error}") from error
        except (OSError, EOFError) as error:
            raise PeerUnreachable(f"{self.name}: {str(error) or type(error).__name__}") from error

    def log(self, since: float | None = None) -> str:
        """See CommandHost.

        The engine reads a log from its beginning, however long it has grown, unless it is asked for its last lines.
        """
        try:
            if since is None:
                return read_log(self._client, self.id, None, None)[0]
            lines = _LAST_LINES
            while True:
                text, cut = read_log(self._client, self.id, since, lines)
                if cut or text.count("\n") < lines // 2:  # older ones were among them; it counts long lines in pieces
                    return text
                lines *= _MORE_LINES
        except LabError as error:
            return f"(no log: {error})"

    def is_running(self) -> bool:
        """See CommandHost."""
        return self.state() == "running"

    def state(self) -> str:
        """The engine's word for its state: ``running``, ``exited (1)``, ``removed``; and whether memory ran out."""
        try:
            self._container.reload()
        except NotFound:
            return "removed"
        state = self._container.attrs["State"]
        words = f"exited ({state['ExitCode']})" if state["Status"] == "exited" else str(state["Status"])
        return f"{words}, out of memory ({self.spec.limits.memory_mebi} MiB)" if state.get("OOMKilled") else words

    def ending(self) -> tuple[Cause, str]:
        """Whose doing its end was, and its state in the engine's words."""
        state = self.state()
        if state == "removed":
            return Cause.OUTSIDE, state
        facts = self._container.attrs["State"]
        if facts["Status"] not in ("exited", "dead"):
            return Cause.UNKNOWN, state
        if facts["OOMKilled"]:
            return Cause.LIMIT, state
        if facts["ExitCode"] in SENT_FROM_OUTSIDE or self._was_told_to_end(facts["StartedAt"], facts["FinishedAt"]):
            return Cause.OUTSIDE, state
        return Cause.ITSELF, state

    def _was_told_to_end(self, started: str, finished: str) -> bool:
        """Whether Docker was told to kill or stop it in its last run: who is asked to end may do so with status 0."""
        began, ended = _seconds(started), _seconds(finished)
        filters = {"container": self.id, "event": ["kill", "stop"]}
        told = self._client.events(since=int(began), until=int(ended) + 1, filters=filters, decode=True)
        return any(began < event["timeNano"] / _NANO < ended for event in told)

    def restart(self) -> None:
        """End it without a moment's grace, and start it again with the files that it has by now."""
        self._shells.close()
        try:
            self._container.restart(timeout=0)
            self._container.reload()
        except APIError as error:
            raise LabError(f"container {self.name}: {error.explanation or error}") from error
        self._shells = self._new_shells()

    def remove(self) -> None:
        """Kill and remove it."""
        self._shells.close()
        remove_container(self._container)

    def _new_shells(self) -> Shells:
        return Shells(lambda: self.open(["sh"]))


def _seconds(time: str) -> float:
    """Since the epoch, of a time as the engine writes it: ``2026-11-28T02:40:50.123456789Z``."""
    whole, _, fraction = time.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")


def package_files(package: Path, below: str) -> dict[str, bytes]:
    """The files of a Python package on this machine by the path they get in a container, without compiled ones."""
    return {
        f"{below}/{package.name}/{path.relative_to(package)}": path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }

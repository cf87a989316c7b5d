"""The connection to Docker's engine, and the names under which everything of ours is known to it.

Every call has a deadline. When one is missed the engine is asked for a sign of life: without any it is lost, and no
further call waits, so that a run ends in a bounded time.
"""

from __future__ import annotations

import os
import platform
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException
from docker.utils import kwargs_from_env
from requests import PreparedRequest, Response
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from harness.lab.errors import DockerUnavailable, EngineTooSlow

LABEL = "ipsec-interop"
"""Every image, container and network of ours carries this label; its value says what the thing is."""

REPOSITORY = "ipsec-interop"
"""Every image of ours is tagged ``ipsec-interop/...``; nothing under another name is ever made, moved or removed."""

CALL_S = 30.0
"""Seconds for the engine to answer, and between two pieces of an answer."""
WORK_S = 600.0
"""The same where it works meanwhile: a build, a pull, an import. A step of a build may be silent for long."""
LIFE_S = 10.0
"""For the sign of life of an engine that has missed a deadline."""


BROKEN_OFF = (RequestException, HTTPError)
"""What is raised where an answer does not come, or does not come to its end."""

_WORK = ("/build", "/images/create", "/images/load")
_POOL = 32  # connections

_SOCKET = "unix://"
_CREDENTIALS = struct.Struct("3i")  # pid, uid and gid of who listens on a socket: SO_PEERCRED of unix(7)
_HOLDERS = ("dockerd", "systemd")


def connect(timeout_s: float = CALL_S) -> docker.DockerClient:
    """A client of the engine that the environment names (DOCKER_HOST, else the local socket).

    Raises:
        DockerUnavailable: no engine answers.
    """
    try:
        client = docker.DockerClient(timeout=int(timeout_s), max_pool_size=_POOL, **kwargs_from_env())
        client.ping()
        plain, client.api = client.api, Engine(client.api.api_version, timeout_s)
        plain.close()
    except (DockerException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DockerUnavailable(f"Docker does not run or may not be used by this user: {reason}") from error
    return client


def _address() -> str:
    return os.environ.get("DOCKER_HOST") or f"{_SOCKET}/var/run/docker.sock"


def runs_here(name: str) -> bool:
    """Whether the engine that the environment names is this machine's own. ``name`` is what it says of its machine.

    A local socket is not enough: it may be the end of a tunnel. So the engine itself has to hold it, or systemd for it.
    """
    path = _address().removeprefix(_SOCKET)
    if not path.startswith("/") or name != platform.node():
        return False
    try:
        with socket.socket(socket.AF_UNIX) as own:
            own.settimeout(LIFE_S)
            own.connect(path)
            holder, _, _ = _CREDENTIALS.unpack(own.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        return Path(f"/proc/{holder}/comm").read_text().strip() in _HOLDERS
    except OSError:
        return False


def engine_of(client: docker.DockerClient) -> Engine:
    """The engine behind a client of ``connect``."""
    assert isinstance(client.api, Engine)
    return client.api


class Engine(docker.APIClient):
    """Docker's API with a deadline for each call."""

    def __init__(self, version: str, timeout_s: float) -> None:
        super().__init__(version=version, timeout=int(timeout_s), max_pool_size=_POOL, **kwargs_from_env())
        self.where = _address()
        self._lost = False
        self._asking = threading.Lock()

    def send(self, request: PreparedRequest, **options: Any) -> Response:
        """Every call comes by here.

        Raises:
            DockerUnavailable: the engine shows no sign of life, now or when it was asked before.
            EngineTooSlow: it lives, and has not answered in time.
        """
        if self._lost:
            raise self._unavailable()
        if options.get("timeout") is None:  # what the package thinks may take any time
            works = any(part in (request.path_url or "") for part in _WORK)
            options["timeout"] = WORK_S if works else self.timeout
        try:
            return super().send(request, **options)
        except RequestException as error:
            raise self.fault(error, f"{request.method} {request.path_url}") from error

    def fault(self, error: Exception, call: str) -> DockerUnavailable | EngineTooSlow:
        """What it is that a call, or the reading of its answer, has broken off."""
        with self._asking:
            if not self._lost:
                self._lost = not self._lives()
        if self._lost:
            return self._unavailable()
        return EngineTooSlow(f"Docker's engine at {self.where}: {call}: {type(error).__name__}, though it lives")

    def _lives(self) -> bool:
        try:
            with docker.APIClient(version=self.api_version, timeout=int(LIFE_S), **kwargs_from_env()) as other:
                return bool(other.ping())
        except (DockerException, OSError):
            return False

    def _unavailable(self) -> DockerUnavailable:
        return DockerUnavailable(f"Docker's engine at {self.where} does not answer any more")

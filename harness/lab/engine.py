"""The connection to Docker's engine, and the names under which everything of ours is known to it."""

from __future__ import annotations

import docker
from docker.errors import DockerException

from harness.lab.errors import DockerUnavailable

LABEL = "ipsec-interop"
"""Every image, container and network of ours carries this label; its value says what the thing is."""

REPOSITORY = "ipsec-interop"
"""Every image of ours is tagged ``ipsec-interop/...``; nothing under another name is ever made, moved or removed."""


def connect(timeout_s: float = 120) -> docker.DockerClient:
    """A client of the engine that the environment names (DOCKER_HOST, else the local socket).

    Raises:
        DockerUnavailable: no engine answers.
    """
    try:
        client = docker.from_env(timeout=int(timeout_s), max_pool_size=32)
        client.ping()
    except (DockerException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DockerUnavailable(f"Docker does not run or may not be used by this user: {reason}") from error
    return client

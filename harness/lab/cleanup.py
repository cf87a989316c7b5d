"""Removing what was made: everything of one run, and what runs that were killed have left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import docker
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network

from harness.lab.engine import LABEL, REPOSITORY
from harness.lab.errors import NotReady
from harness.lab.ownership import RUN_LABEL, Owner, is_dead, owner_of
from harness.lab.waiting import wait_until

_GONE = (404, 409)  # already removed, or its removal is under way; of an image: something uses it

_HAS_ENDPOINTS = 403
_OWN_NETWORK_DEADLINE_S = 10.0
_ORPHAN_NETWORK_DEADLINE_S = 1.0
_AT_A_TIME = 8


@dataclass(frozen=True, slots=True)
class Removal:
    """How many containers and networks went, and the names of the networks that the engine would not let go."""

    removed: int
    left: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = f"{self.removed} containers and networks removed"
        if not self.left:
            return told
        return f"{told}; in use, says Docker's engine, and left behind: network {', '.join(self.left)}"


def remove_run(client: docker.DockerClient, run: str) -> Removal:
    """Remove every container and network of the run ``run``."""
    removed = remove_containers(client, run)
    networks = client.networks.list(filters={"label": f"{RUN_LABEL}={run}"})
    left = _remove_networks(networks, _OWN_NETWORK_DEADLINE_S)
    return Removal(removed + len(networks) - len(left), left)


def remove_containers(client: docker.DockerClient, run: str) -> int:
    """Remove every container of the run ``run``; how many there were."""
    label = f"{RUN_LABEL}={run}"
    containers = client.containers.list(all=True, filters={"label": label}, ignore_removed=True)
    _remove(containers)
    return len(containers)


def reap(client: docker.DockerClient, here: Owner) -> Removal:
    """Remove what dead owners have left behind. Live runs are not touched."""
    containers = [
        container
        for container in client.containers.list(all=True, filters={"label": RUN_LABEL}, ignore_removed=True)
        if _is_orphan(container.labels, here)
    ]
    networks = [
        network
        for network in client.networks.list(filters={"label": RUN_LABEL})
        if _is_orphan(network.attrs.get("Labels") or {}, here)
    ]
    _remove(containers)
    left = _remove_networks(networks, _ORPHAN_NETWORK_DEADLINE_S)
    return Removal(len(containers) + len(networks) - len(left), left)


def remove_images(client: docker.DockerClient) -> int:
    """Remove every image of ours (``make distclean``); how many names went.

    Images of others are never touched, and one that a living run uses stays.
    """
    names = [tag for image in client.images.list() for tag in image.tags if tag.startswith(f"{REPOSITORY}/")]
    went = sum(_ignoring_gone(partial(client.images.remove, name, force=True)) for name in names)
    for image in client.images.list(filters={"label": f"{LABEL}=image", "dangling": True}):
        _ignoring_gone(partial(client.images.remove, str(image.id)))
    return went


def remove_container(container: Container) -> None:
    """Kill and remove one container; one that is gone already is fine."""
    _ignoring_gone(partial(container.remove, force=True, v=True))


def _is_orphan(labels: dict[str, str], here: Owner) -> bool:
    owner = owner_of(labels)
    return owner is not None and is_dead(owner, here)


def _remove(containers: Sequence[Container]) -> None:
    with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="removal") as pool:
        list(pool.map(remove_container, containers))


def _remove_networks(networks: Sequence[Network], deadline_s: float) -> tuple[str, ...]:
    """Remove networks; the names of those that stay.

    An engine may count an endpoint of a container that went while it started, and hold on to the network for good. That
    is no reason for a run to fail, nor for the next one not to start.
    """
    return tuple(str(network.name) for network in networks if not _remove_network(network, deadline_s))


def _remove_network(network: Network, deadline_s: float) -> bool:
    """Whether a network went; containers that somebody else is removing at this moment may still hold on to it."""

    def gone() -> bool | None:
        try:
            _ignoring_gone(network.remove)
        except APIError as error:
            if error.status_code != _HAS_ENDPOINTS:
                raise
            return None
        return True

    try:
        return wait_until(
            f"network {network.name}", gone, deadline_s=deadline_s, pattern="its removal",
            state=lambda: "a container holds on to it",
        )  # fmt: skip
    except NotReady:
        return False


def _ignoring_gone(remove: Callable[[], object]) -> bool:
    """Whether this call removed it."""
    try:
        remove()
    except APIError as error:
        if error.status_code not in _GONE:
            raise
        return False
    return True

"""Removing what was made: everything of one run, and what runs that were killed have left behind.

Several machines may use one engine. What another one's run has made goes only when a user asks for just that.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import docker
from docker.errors import APIError
from docker.models.containers import Container
from docker.models.networks import Network

from harness.lab.docker.engine import LABEL, REPOSITORY, runs_here
from harness.lab.docker.ownership import RUN_LABEL, Liveness, Owner, owner_of, seconds_since_boot, standing
from harness.lab.errors import NotReady
from harness.lab.waiting import wait_until

_GONE = (404, 409)  # already removed, or its removal is under way; of an image: something uses it

_HAS_ENDPOINTS = 403
_OWN_NETWORK_DEADLINE_S = 10.0
_ORPHAN_NETWORK_DEADLINE_S = 1.0
_AT_A_TIME = 8
_NANOSECONDS = re.compile(r"(\.\d{6})\d*")


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


def remove_run(client: docker.DockerClient, run: str, owner: Owner) -> Removal:
    """Remove every container and network of the run ``run`` of ``owner``; another machine's may have the same name."""
    removed = remove_containers(client, run, owner)
    networks = client.networks.list(filters={"label": _all_labels(run, owner)})
    left = _remove_networks(networks, _OWN_NETWORK_DEADLINE_S)
    return Removal(removed + len(networks) - len(left), left)


def remove_containers(client: docker.DockerClient, run: str, owner: Owner) -> int:
    """Remove every container of the run ``run`` of ``owner``; how many there were."""
    labels = _all_labels(run, owner)
    containers = client.containers.list(all=True, filters={"label": labels}, ignore_removed=True)
    _remove(containers)
    return len(containers)


def _all_labels(run: str, owner: Owner) -> list[str]:
    return [f"{key}={value}" for key, value in owner.labels(run).items()]


@dataclass(slots=True)
class RunOnEngine:
    """What one run has on the engine."""

    run: str
    owner: Owner
    standing: Liveness = Liveness.UNKNOWN
    seconds: float = 0  # since its oldest thing was made, by the engine's clock
    containers: list[Container] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)

    def __str__(self) -> str:
        things = f"{_counted(len(self.containers), 'container')} and {_counted(len(self.networks), 'network')}"
        return f"run {self.run} {_WHOSE[self.standing]}: {things}, made {_age(self.seconds)} ago"


_WHOSE = {
    Liveness.ALIVE: "at work on this machine",
    Liveness.DEAD: "of this machine, which has ended",
    Liveness.UNKNOWN: "of another machine (or of a container, or of an earlier boot, of this one)",
}


def runs_on_engine(client: docker.DockerClient, here: Owner) -> list[RunOnEngine]:
    """Every run that has something on the engine, by name."""
    runs: dict[tuple[str, Owner], RunOnEngine] = {}

    def of(labels: Mapping[str, str]) -> RunOnEngine | None:
        owner = owner_of(labels)
        if owner is None:
            return None
        run = labels[RUN_LABEL]
        return runs.setdefault((run, owner), RunOnEngine(run, owner))

    made: dict[int, list[str]] = {}
    for container in client.containers.list(all=True, filters={"label": RUN_LABEL}, ignore_removed=True):
        if found := of(container.labels):
            found.containers.append(container)
            made.setdefault(id(found), []).append(container.attrs.get("Created", ""))
    for network in client.networks.list(filters={"label": RUN_LABEL}):
        if found := of(network.attrs.get("Labels") or {}):
            found.networks.append(network)
            made.setdefault(id(found), []).append(network.attrs.get("Created", ""))
    if runs:
        told = client.info()
        now, is_own = str(told.get("SystemTime", "")), runs_here(str(told.get("Name", "")))
        for each in runs.values():
            ages = [_seconds_between(then, now) for then in made[id(each)]]
            each.seconds = max(ages)
            each.standing = standing(each.owner, here, stopped=is_own and min(ages) > seconds_since_boot())
    return sorted(runs.values(), key=lambda each: each.run)


def reap(client: docker.DockerClient, here: Owner) -> Removal:
    """Remove what dead owners have left behind. Live runs are not touched, nor is anything of another machine's."""
    return remove_all_of(each for each in runs_on_engine(client, here) if each.standing is Liveness.DEAD)


def remove_all_of(runs: Iterable[RunOnEngine]) -> Removal:
    """Remove everything that these runs have on the engine."""
    chosen = list(runs)
    containers = [container for each in chosen for container in each.containers]
    networks = [network for each in chosen for network in each.networks]
    _remove(containers)
    left = _remove_networks(networks, _ORPHAN_NETWORK_DEADLINE_S)
    return Removal(len(containers) + len(networks) - len(left), left)


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _age(seconds: float) -> str:
    """``3 minutes``, ``5 hours``, ``12 days``."""
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * length or (seconds >= length and unit == "minute"):
            return _counted(int(seconds // length), unit)
    return _counted(int(seconds), "second")


def _seconds_between(then: str, now: str) -> float:
    """Of two of the engine's times; 0 where one is missing."""
    try:
        return max((_time(now) - _time(then)).total_seconds(), 0)
    except ValueError:
        return 0


def _time(text: str) -> datetime:
    """``2026-11-28T02:40:05.123456789Z``, or with an offset in place of Z: to the microsecond."""
    return datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text).replace("Z", "+00:00"))


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

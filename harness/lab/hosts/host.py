"""What a peer's daemon runs on, by what can be done with it: a container, the guest in one, a place on loopback."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from harness.evidence.interruption import Cause
from harness.lab.hosts.byte_stream import ByteStream


class CommandHost(Protocol):
    """A host that runs commands: all that a driver may do with it."""

    @property
    def name(self) -> str:
        """For messages: the container's name."""

    @property
    def process(self) -> int | None:
        """The number of its first process on the engine's host; None where the daemon is no process of that host."""

    def open(self, command: Sequence[str]) -> ByteStream:
        """Start a program there with its standard input attached."""

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a program there; its exit status and what it printed."""

    def log(self, since: float | None = None) -> str:
        """What it has printed, from a time on (seconds since 1970, UTC) or from its start."""

    def is_running(self) -> bool:
        """Whether it runs: of a container, its first process."""


class RestartableHost(CommandHost, Protocol):
    """A host that can be ended and started again, and says how it ended: what the lab does with a peer's host."""

    @property
    def address(self) -> str:
        """Its IPv4 address in the run's network."""

    @property
    def image_id(self) -> str:
        """The id of the image that it was made from; "" where there is none."""

    def state(self) -> str:
        """In a few words, for messages."""

    def ending(self) -> tuple[Cause, str]:
        """Whose doing its end was, and in a few words how it ended."""

    def restart(self) -> None:
        """End it at once and start it again, with the files that it has by now."""

    def remove(self) -> None:
        """Kill and remove it."""

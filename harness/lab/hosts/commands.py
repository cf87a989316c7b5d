"""What drivers run where their daemon runs: programs with argument lists, and constant scripts with arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.lab.errors import LabError, PeerUnreachable
from harness.lab.hosts.host import CommandHost


def shell(script: str, *values: str) -> list[str]:
    """The command that runs a constant script; values are its ``"$1"``, ``"$2"``, and never part of its text."""
    return ["sh", "-c", script, "sh", *values]


def output_of(container: CommandHost, what: str, command: Sequence[str]) -> str:
    """What a program printed. ``what`` says in a few words what it is for.

    Raises:
        PeerUnreachable: it ended with another status than 0.
    """
    status, output = container.run(command)
    if status:
        raise PeerUnreachable(f"{container.name}: {what}: {output.strip() or f'status {status}'}")
    return output


def answers(container: CommandHost, ask: Callable[[], object]) -> bool:
    """Whether the container runs, and its daemon answers what it is asked."""
    if not container.is_running():
        return False
    try:
        ask()
    except LabError:
        return False
    return True

"""What several commands share: where the checkout is, the selection options, finding a run."""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import click

from harness.crypto.key_exchange import unavailable_reason
from harness.json_codec import RecordError
from harness.lab.laboratory import project_root
from harness.registry.key_exchange_sizes import KEY_EXCHANGE_OCTETS
from harness.registry.transforms import KeyExchangeMethod
from harness.results.model import KernelChoice
from harness.results.record import FILE_NAME, read_run
from harness.run.plan import ROLES, Selection

F = TypeVar("F", bound=Callable[..., object])

ROOT = project_root()
RUNS = ROOT / "reports" / "runs"


def peers_option(command: F) -> F:
    """--peers."""
    option = click.option(
        "--peers", "folders", multiple=True, metavar="DIR", callback=lambda _c, _p, value: _folders(value),
        help="A folder with peers of your own, as in peers/README.md; repeatable.",
    )  # fmt: skip
    return option(command)


def _folders(names: tuple[str, ...]) -> tuple[Path, ...]:
    """Each folder by its whole path, once.

    Raises:
        NotADirectoryError: one is not a folder.
    """
    folders = tuple(dict.fromkeys(Path(name).resolve() for name in names))
    for folder in folders:
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "--peers: there is no such folder", str(folder))
    return folders


def selection_options(command: F) -> F:
    """--peer, --scenario, --role, --case, --suite, --kernel and --peers."""
    options = (
        peers_option,
        click.option("--peer", "peers", multiple=True, metavar="GLOB", help="Peers to run; repeatable."),
        click.option("--scenario", "scenarios", multiple=True, metavar="GLOB", help="Scenarios to run; repeatable."),
        click.option("--role", "roles", multiple=True, type=click.Choice(ROLES),
                     help="The engine's role, or pair: two peers and no engine; all unless given."),
        click.option("--case", "cases", multiple=True, metavar="GLOB",
                     help="Whole cases by their ids, of any suite, without --peer, --scenario and --role; repeatable."),
        click.option("--suite", default="smoke", show_default=True, help="smoke, standard or full."),
        click.option("--kernel", type=click.Choice([choice.value for choice in KernelChoice]), default="auto",
                     show_default=True, help="Whose kernel does ESP; userspace: no peer that needs one is run."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def selection(
    peers: tuple[str, ...],
    scenarios: tuple[str, ...],
    roles: tuple[str, ...],
    cases: tuple[str, ...],
    suite: str,
    kernel: str,
) -> Selection:
    """The options as the planner takes them.

    Raises:
        UsageError: whole cases are named beside what selects a part of them.
    """
    if cases and (peers or scenarios or roles):
        raise click.UsageError("--case names whole cases: it goes without --peer, --scenario and --role")
    return Selection(scenarios, peers, roles, suite, kernel != KernelChoice.USERSPACE, cases)


def unavailable_methods() -> dict[KeyExchangeMethod, str]:
    """Key exchange methods that this machine lacks, with what mends it."""
    pairs = ((method, unavailable_reason(method)) for method in KEY_EXCHANGE_OCTETS)
    return {method: reason for method, reason in pairs if reason}


def find_run(name: str) -> Path:
    """The folder of a run: an id, a path, or ``latest``.

    The id of a run that is kept elsewhere is known in its own folder: what its report says can be typed there.

    Raises:
        FileNotFoundError: there is no such run.
    """
    for folder in (Path(name), RUNS / name):
        if (folder / FILE_NAME).is_file():
            return folder.resolve()
    with suppress(OSError, RecordError):  # another run there, or none that can be read, is not the one that is wanted
        here = Path.cwd()
        if read_run(here).header.id == name:
            return here
    raise FileNotFoundError(
        f"no run {name!r}: neither a folder with run.jsonl nor an id below {RUNS}"
        "; one that is kept elsewhere is named by its path"
    )


def recorded_folders(names: Sequence[str]) -> tuple[Path, ...]:
    """The folders of the run's own peers.

    Raises:
        NotADirectoryError: one is not there, as on another machine than the run's.
    """
    for name in names:
        if not Path(name).is_dir():
            words = "the run had --peers with this folder, which is not here; say with --peers where it is now"
            raise NotADirectoryError(errno.ENOTDIR, words, name)
    return tuple(Path(name) for name in names)

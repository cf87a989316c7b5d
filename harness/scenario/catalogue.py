"""All scenarios of a folder, and the suites that name some of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from harness.scenario.check_form import CheckForms
from harness.scenario.model import Scenario
from harness.scenario.requirements import load_requirements
from harness.scenario.scenario_file import load_scenario
from harness.scenario.selection import matches
from harness.scenario.table import Table
from harness.scenario.toml_source import InvalidData, Problem, read_toml
from harness.scenario.vocabulary import SUITE_KEYS

REQUIREMENTS_FILE = "requirements.toml"
SUITES_FOLDER = "suites"


def load_scenarios(folder: Path, checks: CheckForms) -> dict[str, Scenario]:
    """Every scenario below a folder by its id, sorted. ``checks`` are those that it may ask for.

    Raises:
        InvalidData: a file breaks its format, or two have the same id; the problems of all files together.
    """
    requirements = load_requirements(folder / REQUIREMENTS_FILE)
    found: dict[str, Scenario] = {}
    problems: list[Problem] = []
    paths = sorted(path for path in folder.glob("*/*.toml") if path.parent.name != SUITES_FOLDER)
    for path in paths:
        try:
            scenario = load_scenario(path, requirements, checks)
        except InvalidData as error:
            problems.extend(error.problems)
            continue
        found[scenario.id] = scenario
    problems.extend(_duplicates(paths))
    if not paths:
        problems.append(Problem(str(folder), 1, "holds no scenarios"))
    if problems:
        raise InvalidData(*problems)
    return dict(sorted(found.items()))


def _duplicates(paths: Iterable[Path]) -> list[Problem]:
    """Files that give an id which another file has given already. A file that does not parse was reported before."""
    first: dict[str, Path] = {}
    problems = []
    for path in paths:
        try:
            source = read_toml(path)
        except InvalidData:
            continue
        identifier = source.data.get("id")
        if not isinstance(identifier, str):
            continue
        if identifier in first:
            problems.append(source.problem(("id",), f"id {identifier!r} is also that of {first[identifier]}"))
        first.setdefault(identifier, path)
    return problems


def load_suite(folder: Path, name: str, scenarios: Iterable[str]) -> tuple[str, ...]:
    """The scenario ids of the suite ``name`` (``suites/<name>.toml``), sorted; its entries may be globs.

    What is under ``without`` is left out, so that a new scenario is in every suite that does not say otherwise.

    Raises:
        InvalidData: there is no such suite, or an entry matches none of ``scenarios``.
    """
    table, everything = _suite_table(folder, name), sorted(scenarios)
    left_out = _chosen(table, "without", everything, default=())
    return tuple(each for each in _chosen(table, "scenarios", everything) if each not in left_out)


def load_suite_peers(folder: Path, name: str, peers: Iterable[str]) -> tuple[str, ...]:
    """The peers of the suite ``name``, in the order of ``peers``: those that its globs match, all where it has none.

    Raises:
        InvalidData: there is no such suite, or an entry matches none of ``peers``.
    """
    return _chosen(_suite_table(folder, name), "peers", list(peers), default=("*",))


def _suite_table(folder: Path, name: str) -> Table:
    path = folder / SUITES_FOLDER / f"{name}.toml"
    known = suite_names(folder)
    if name not in known:
        raise InvalidData(Problem(str(folder / SUITES_FOLDER), 1, f"no suite {name!r}; known: {', '.join(known)}"))
    table = Table.root(read_toml(path))
    table.finish(SUITE_KEYS)
    table.string("title")
    return table


def _chosen(table: Table, key: str, everything: list[str], default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    chosen: set[str] = set()
    for pattern in table.strings(key, default):
        matching = matches(everything, pattern)
        if not matching:
            table.complain(key, f"{pattern!r} matches no {'peer' if key == 'peers' else 'scenario'}")
        chosen.update(matching)
    table.raise_problems()
    return tuple(name for name in everything if name in chosen)


def suite_names(folder: Path) -> tuple[str, ...]:
    """The names of all suites of a folder of scenarios."""
    return tuple(sorted(path.stem for path in (folder / SUITES_FOLDER).glob("*.toml")))

"""The catalogue of requirements: scenarios/requirements.toml."""

from __future__ import annotations

import re
from pathlib import Path

from harness.registry.documents import section_problem, source_problem
from harness.scenario.model import Requirement
from harness.scenario.table import Table
from harness.scenario.toml_source import read_toml
from harness.scenario.vocabulary import LEVELS, REQUIREMENT_KEYS

_ID = re.compile(r"[A-Z]\d\d")


def load_requirements(path: Path) -> dict[str, Requirement]:
    """Every requirement by its id, in the order of the file.

    Raises:
        InvalidData: the file breaks its format, or names a document or a section that there is not; every problem
            carries its line.
    """
    source = read_toml(path)
    root = Table.root(source)
    found: dict[str, Requirement] = {}
    for identifier in source.data:
        entry = root.table(identifier)
        if entry is None:
            continue
        if not _ID.fullmatch(identifier):
            root.complain(identifier, f"{identifier!r} is no requirement id: a capital letter and two digits")
        entry.finish(REQUIREMENT_KEYS)
        document, section = entry.string("source"), entry.string("section", "")
        _check_place(entry, document, section)
        found[identifier] = Requirement(
            id=identifier,
            source=document,
            section=section,
            level=entry.choice("level", LEVELS),
            text=entry.string("text"),
        )
    root.raise_problems()
    return found


def _check_place(entry: Table, source: str, section: str) -> None:
    """Complain of a document that nobody knows, and of a section that it does not have: no link would lead there."""
    if not source:
        return  # complained of already
    if problem := source_problem(source):
        entry.complain("source", problem)
    elif problem := section_problem(source, section):
        entry.complain("section" if "section" in entry.data else None, problem)

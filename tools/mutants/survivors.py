"""The mutants that may live, each with the reason: ``tests/mutants/survivors.toml``, held against what lives."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from mutants import ROOT, Mutant

FILE = ROOT / "tests" / "mutants" / "survivors.toml"
_PACKAGE = "harness/"


@dataclass(frozen=True, order=True)
class Change:
    """A mutation as the list names it: lines as they are, and as they would be."""

    module: str  # below harness/
    function: str
    was: str
    now: str

    def __str__(self) -> str:
        return f"{self.module} {self.function or '(module)'}: {self.was}  ->  {self.now}"


def change_of(mutant: Mutant) -> Change:
    """The mutation that a mutant is."""
    was, now = mutant.change
    return Change(mutant.path.removeprefix(_PACKAGE), mutant.function, was, now)


def listed() -> dict[Change, str]:
    """The reason of each mutant that may live.

    Raises:
        ValueError: an entry without a reason, or one that is there twice.
    """
    entries = tomllib.loads(FILE.read_text()).get("survivor", [])
    found: dict[Change, str] = {}
    for entry in entries:
        change = Change(*(entry[key] for key in ("module", "function", "was", "now")))
        if not entry["reason"].strip() or change in found:
            raise ValueError(f"{FILE.name}: without a reason, or twice: {change}")
        found[change] = entry["reason"]
    return found


def finished() -> set[str]:
    """The modules, below ``harness/``, of which every mutant was tried and every survivor has its reason.

    Only these are held to the list in CI: of the others nobody knows yet what lives.
    """
    return set(tomllib.loads(FILE.read_text()).get("finished", []))


def objections(
    reasons: dict[Change, str], lived: Iterable[Mutant], died: Iterable[Mutant], whole: set[str]
) -> list[str]:
    """What is wrong with the list. ``whole`` are the paths of the modules of which every mutant was tried."""
    alive = Counter(map(change_of, lived))
    dead = set(map(change_of, died)) - set(alive)
    named = {path.removeprefix(_PACKAGE) for path in whole}
    unexplained = [f"lives, and no reason is listed: {change}" for change in sorted(set(alive) - set(reasons))]
    wrong = [f"is listed, and dies: {change}" for change in sorted(set(reasons) & dead)]
    unknown = {change for change in reasons if change.module in named} - set(alive) - dead
    return unexplained + wrong + [f"is listed, and is no mutant: {change}" for change in sorted(unknown)]

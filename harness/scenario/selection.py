"""Selection of names by shell patterns. A pattern that matches nothing is an error, never an empty run."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase


class NothingSelected(Exception):
    """A pattern of the selection matches nothing; the text is one line for the user."""


def matches(names: Iterable[str], pattern: str) -> list[str]:
    """The names that a shell pattern matches; ``*`` also matches a slash."""
    return [name for name in names if fnmatchcase(name, pattern)]


def select(names: Iterable[str], patterns: Iterable[str], what: str = "name") -> tuple[str, ...]:
    """The names that any of the patterns matches, in the order of ``names``; all of them when there is no pattern.

    Raises:
        NothingSelected: a pattern matches none of the names. ``what`` says in the text what the names are of.
    """
    everything = list(names)
    wanted = list(patterns)
    chosen: set[str] = set()
    for pattern in wanted:
        matching = matches(everything, pattern)
        if not matching:
            near = get_close_matches(pattern, everything, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(everything) or 'none'}"
            raise NothingSelected(f"{what} {pattern!r} matches nothing; {hint}")
        chosen.update(matching)
    return tuple(name for name in everything if not wanted or name in chosen)

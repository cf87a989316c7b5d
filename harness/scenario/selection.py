"""Selection of names by shell patterns. A pattern that matches nothing is an error, never an empty run."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

_SHOWN = 5  # names that a message lists
_LISTS = {"scenario": "scenarios", "peer": "peers"}  # what `ipsec-interop list` has


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
            raise NothingSelected(f"{what} {pattern!r} matches nothing; {_hint(pattern, everything, what)}")
        chosen.update(matching)
    return tuple(name for name in everything if not wanted or name in chosen)


def _hint(pattern: str, names: list[str], what: str) -> str:
    """The close matches, else the first names; one line however many there are."""
    near = get_close_matches(pattern, names, _SHOWN)
    shown = near or names[:_SHOWN]
    words = f"did you mean {' or '.join(map(repr, shown))}?" if near else f"there are: {', '.join(shown) or 'none'}"
    more = len(names) - len(shown)
    if not more:
        return words
    listing = _LISTS.get(what.rpartition(" ")[2])
    return f"{words} ... and {more} more" + (f"; `ipsec-interop list {listing}` shows them all" if listing else "")

"""Typed, complete reading of one TOML table: every key is asked for, and whatever is left over is a problem."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from harness.scenario.toml_source import InvalidData, KeyPath, Problem, TomlSource

T = TypeVar("T")
Word = TypeVar("Word", bound=StrEnum)

_KINDS: dict[type, str] = {str: "a string", int: "an integer", bool: "true or false", dict: "a table", list: "a list"}


_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WORD_RULE = "letters, digits, dots, hyphens and underscores, 64 at most, and begins with a letter or a digit"


def is_word(text: str) -> bool:
    """Whether ``text`` can be part of a name."""
    return bool(_WORD.fullmatch(text)) and not text.endswith(".")


@dataclass(slots=True)
class Table:
    """One table of a file. Problems gather in a list shared by all tables of the file, so that one run shows all."""

    source: TomlSource
    data: dict[str, object]
    where: KeyPath = ()
    problems: list[Problem] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    @classmethod
    def root(cls, source: TomlSource) -> Table:
        """The table of a whole file."""
        return cls(source, source.data)

    def complain(self, key: str | None, message: str) -> None:
        """Note a problem at a key of this table, or at its header."""
        where = self.where if key is None else (*self.where, key)
        self.problems.append(self.source.problem(where, message))

    def _value(self, key: str, kind: type[T], required: bool) -> T | None:
        self.asked.add(key)
        if key not in self.data:
            if required:
                self.complain(None, f"key {key!r} is missing")
            return None
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.complain(key, f"{key!r} must be {_KINDS[kind]}")
            return None
        return value

    def string(self, key: str, default: str | None = None) -> str:
        """A string; without ``default`` it must be there and must not be empty."""
        value = self._value(key, str, default is None)
        if default is None and value is not None and not value.strip():
            self.complain(key, f"{key!r} must not be empty")
        return value if value is not None else default or ""

    def word(self, key: str, default: str | None = None) -> str:
        """A string that can be part of a name: of a peer, and so of a case, an image and a folder."""
        value = self.string(key, default)
        if value and not is_word(value):
            self.complain(key, f"{key!r} may hold {_WORD_RULE}: {value!r}")
        return value

    def integer(self, key: str, low: int, high: int) -> int | None:
        """An integer from ``low`` to ``high``, None when it is not there."""
        value = self._value(key, int, False)
        if value is not None and not low <= value <= high:
            self.complain(key, f"{key!r} must be from {low} to {high}")
        return value

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """True or false; without ``default`` it must be there."""
        value = self._value(key, bool, default is None)
        return value if value is not None else bool(default)

    def choice(self, key: str, among: Collection[str], default: str | None = None) -> str:
        """One word of a closed vocabulary."""
        value = self.string(key, default)
        if value and value != default and value not in among:
            self.complain(key, f"unknown {key} {value!r}; known: {', '.join(sorted(among))}")
        return value

    def member(self, key: str, vocabulary: type[Word], default: Word) -> Word:
        """One word of a closed vocabulary, as its member; the default where it is not there, or not a word of it."""
        known = {each.value: each for each in vocabulary}
        return known.get(self.choice(key, known, default.value), default)

    def strings(self, key: str, default: tuple[str, ...] | None = None, *, repeated: bool = False) -> tuple[str, ...]:
        """A list of strings, none twice unless ``repeated``; without ``default`` it must be there and not empty."""
        value = self._value(key, list, default is None)
        if value is None:
            return default or ()
        if not all(isinstance(item, str) for item in value):
            self.complain(key, f"{key!r} must be a list of strings")
            return ()
        if default is None and not value:
            self.complain(key, f"{key!r} must not be empty")
        if len(set(value)) != len(value) and not repeated:
            self.complain(key, f"{key!r} names something twice")
        return tuple(value)

    def string_or_strings(self, key: str) -> tuple[str, ...]:
        """A string, or a list of strings; it must be there."""
        if isinstance(self.data.get(key), str):
            return (self.string(key),)
        return self.strings(key)

    def table(self, key: str) -> Table | None:
        """A table, None when it is not there."""
        value = self._value(key, dict, False)
        return None if value is None else Table(self.source, value, (*self.where, key), self.problems)

    def tables(self, key: str) -> tuple[Table, ...]:
        """A list of tables, empty when it is not there."""
        value = self._value(key, list, False)
        if value is None:
            return ()
        if not all(isinstance(item, dict) for item in value):
            self.complain(key, f"{key!r} must be a list of tables")
            return ()
        return tuple(
            Table(self.source, item, (*self.where, key, index), self.problems) for index, item in enumerate(value)
        )

    def rest(self) -> dict[str, object]:
        """The keys nobody asked for; they count as asked for from now on."""
        left = {key: value for key, value in self.data.items() if key not in self.asked}
        self.asked.update(left)
        return left

    def finish(self, known: Collection[str]) -> None:
        """Note every key that the file may not have."""
        for key in self.data:
            if key not in known:
                self.complain(key, f"unknown key {key!r}; known: {', '.join(sorted(known))}")

    def raise_problems(self) -> None:
        """Raise everything noted so far.

        Raises:
            InvalidData: there is at least one problem.
        """
        if self.problems:
            raise InvalidData(*self.problems)

"""TOML with the line of every key: what a person needs to mend a file that does not load.

``tomllib`` gives values without positions, so a scanner of our own walks the same text and notes where each table
header and key stands. It understands strings, comments, arrays and inline tables just far enough to skip them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.border import limits
from harness.border.files import read_stored
from harness.border.text import harmless, in_a_line
from harness.border.values import is_deeper

KeyPath = tuple[str | int, ...]

_DOTS, _DOTS_PER_OCTET = 10_000, 12  # squares of the dots on each line: as many as any file may have, or its octets
_TOO_DEEP = f"nests tables and arrays deeper than {limits.TOML_DEPTH}"

_POSITION = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_PLAIN = re.compile(r"""[^"'#\n\[\]{}]*""")
_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*""")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a file: where it stands and what it is."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class InvalidData(Exception):
    """A data file refuses to load. Its text is one ``path:line: message`` for each problem found."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class TomlSource:
    """A parsed TOML file: its values, and the line of every key outside of inline tables and arrays."""

    path: Path
    data: dict[str, object]
    lines: Mapping[KeyPath, int]

    def line(self, where: KeyPath) -> int:
        """The line, from 1, of a key; where it has none of its own, that of what encloses it."""
        for length in range(len(where), 0, -1):
            if (line := self.lines.get(where[:length])) is not None:
                return line
        return 1

    def problem(self, where: KeyPath, message: str) -> Problem:
        """A problem at the line of a key."""
        return Problem(str(self.path), self.line(where), message)


def read_toml(path: Path) -> TomlSource:
    """Read one TOML file.

    Raises:
        InvalidData: the file cannot be read, is not UTF-8, is not TOML, or nests deeper than any file of ours.
    """
    try:
        text = read_stored(path, limits.TOML_OCTETS).decode("utf-8")
        # tomllib copies a dotted key once for each of its parts. Its lines end in a line feed alone: a quoted part of a
        # key may hold what Python takes for the end of a line, too.
        dots = sum(line.count(".") ** 2 for line in text.split("\n"))
        dotted = dots > max(_DOTS, _DOTS_PER_OCTET * len(text))
        data = None if dotted else tomllib.loads(text)
    except OSError as error:
        raise InvalidData(Problem(str(path), 1, f"cannot be read: {error.strerror}")) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InvalidData(Problem(str(path), line, "is not UTF-8 text")) from error
    except RecursionError as error:
        raise InvalidData(Problem(str(path), 1, _TOO_DEEP)) from error
    except ValueError as error:  # TOMLDecodeError, or an integer that nobody could print
        raise InvalidData(_syntax_problem(path, text, str(error))) from error
    if data is None or is_deeper(data, limits.TOML_DEPTH):
        raise InvalidData(Problem(str(path), 1, _TOO_DEEP))
    source = TomlSource(path, data, key_lines(text))
    suspect = "\\" in text or harmless(text) != text  # else no key and no string can hold any such
    found = [source.problem(where, f"holds {shown}") for where, shown in _not_harmless(data)] if suspect else []
    if found:
        raise InvalidData(*found)
    return source


def _not_harmless(value: object, where: KeyPath = ()) -> Iterator[tuple[KeyPath, str]]:
    """Where a key or a string has what nobody sees or a terminal obeys, which reports would show."""
    if isinstance(value, str) and harmless(value) != value:
        yield where, f"a character that is not printed: {in_a_line(value, 80)}"
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _not_harmless(key, (*where, key))
            yield from _not_harmless(item, (*where, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _not_harmless(item, (*where, index))


def _syntax_problem(path: Path, text: str, message: str) -> Problem:
    match = _POSITION.search(message)
    last = max(1, len(text.splitlines()))
    line = int(match[1]) if match and match[1] else last
    return Problem(str(path), line, f"not TOML: {_POSITION.sub('', message)}")


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line, from 1, of every table header and key of a valid TOML text."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    position, line = 0, 1
    while position < len(text):
        if text[position] in " \t\r":
            position += 1
        elif text[position] == "\n":
            position, line = position + 1, line + 1
        elif text[position] == "#":
            position = _end_of_line(text, position)
        elif text[position] == "[":
            array = text.startswith("[[", position)
            parts, position = _key(text, position + (2 if array else 1))
            table = _resolve(parts, counts)
            if array:
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            _note(lines, table, line, len(table))
            position = _end_of_line(text, position)
        else:
            parts, position = _key(text, position)
            _note(lines, (*table, *parts), line, len(parts))
            end = _end_of_value(text, position + 1)
            position, line = end, line + text.count("\n", position, end)
    return lines


def _note(lines: dict[KeyPath, int], path: KeyPath, line: int, depth: int) -> None:
    """Record a key and those parents that it opens by itself (``a.b = 1`` opens ``a``)."""
    for length in range(len(path) - depth + 1, len(path) + 1):
        lines.setdefault(path[:length], line)


def _resolve(parts: tuple[str, ...], counts: Mapping[KeyPath, int]) -> KeyPath:
    """A header's path with the index of the newest element for every array of tables on the way."""
    path: KeyPath = ()
    for part in parts[:-1]:
        path = (*path, part)
        if path in counts:
            path = (*path, counts[path])
    return (*path, parts[-1])


def _key(text: str, position: int) -> tuple[tuple[str, ...], int]:
    """A dotted key and the position behind it."""
    parts: list[str] = []
    while match := _KEY_PART.match(text, position):
        parts.append(next(group for group in match.groups() if group is not None))
        position = match.end()
        if not text.startswith(".", position):
            break
        position += 1
    return tuple(parts), position


def _end_of_line(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _end_of_value(text: str, position: int) -> int:
    """The position behind a value: the first line end or comment outside of strings and brackets."""
    depth = 0
    while position < len(text):
        character = text[position]
        if character in "\"'":
            position = _end_of_string(text, position)
            continue
        if character == "#":
            position = _end_of_line(text, position)
            continue
        if character == "\n" and depth == 0:
            break
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(character, 0)
        position = _PLAIN.match(text, position + 1).end()  # type: ignore[union-attr]  # it matches nothing, too
    return position


def _end_of_string(text: str, position: int) -> int:
    quote = text[position]
    mark = quote * 3 if text.startswith(quote * 3, position) else quote
    position += len(mark)
    while position < len(text) and not text.startswith(mark, position):
        position += 2 if quote == '"' and text[position] == "\\" else 1
    position += len(mark)
    while len(mark) == 3 and text.startswith(quote, position):
        position += 1  # up to two quotes may stand directly before the closing three
    return position

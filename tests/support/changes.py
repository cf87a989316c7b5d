"""Single changes of stored evidence: a file, a line or a field gone, a bit of an octet turned over."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from random import Random
from typing import Any

_BITS_OF_A_CAPTURE, _BITS_OF_ANOTHER_FILE = 40, 3
"""How many of the octets of a file are among the changes to choose from."""


@dataclass(frozen=True)
class Change:
    """What becomes of one file; ``octets`` None: it is gone."""

    file: str
    what: str
    octets: bytes | None

    def apply(self, folder: Path) -> None:
        path = folder / self.file
        path.unlink() if self.octets is None else path.write_bytes(self.octets)


def changes_of(folder: Path, rng: Random) -> Iterator[Change]:
    """The changes of every file of a folder of evidence that there are to choose from."""
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        name, octets = str(path.relative_to(folder)), path.read_bytes()
        yield Change(name, "gone", None)
        if path.suffix == ".json":
            yield from _fields(name, json.loads(octets))
        if path.suffix != ".pcapng":
            yield from _lines(name, octets)
        for _ in range(_BITS_OF_A_CAPTURE if path.suffix == ".pcapng" else _BITS_OF_ANOTHER_FILE):
            yield _bit(name, octets, rng)


def _fields(name: str, value: Any) -> Iterator[Change]:
    for way in _ways(value):
        less = copy.deepcopy(value)
        holder = less
        for key in way[:-1]:
            holder = holder[key]
        del holder[way[-1]]
        yield Change(name, f"without {'.'.join(map(str, way))}", json.dumps(less, indent=2).encode())


def _ways(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield (*way, key)
        yield from _ways(item, (*way, key))


def _lines(name: str, octets: bytes) -> Iterator[Change]:
    lines = octets.splitlines(keepends=True)
    for number in range(len(lines)):
        yield Change(name, f"without line {number + 1}", b"".join(lines[:number] + lines[number + 1 :]))


def _bit(name: str, octets: bytes, rng: Random) -> Change:
    turned = bytearray(octets or b"\0")
    at, bit = rng.randrange(len(turned)), rng.randrange(8)
    turned[at] ^= 1 << bit
    return Change(name, f"bit {bit} of octet {at}", bytes(turned))


def differing(one: Any, other: Any, way: str = "") -> Iterator[str]:
    """Where two recorded values differ, by the names on the way to it; items of a tuple have none of their own."""
    if type(one) is type(other) and is_dataclass(one):
        for field in fields(one):
            inside = f"{way}.{field.name}" if way else field.name
            yield from differing(getattr(one, field.name), getattr(other, field.name), inside)
    elif isinstance(one, tuple) and isinstance(other, tuple) and len(one) == len(other):
        for left, right in zip(one, other, strict=True):
            yield from differing(left, right, way)
    elif isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key in one:
            yield from differing(one[key], other[key], f"{way}[{key}]")
    elif one != other:
        yield way

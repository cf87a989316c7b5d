"""Ways to spoil an input: octets, several parts in one, JSON values, lines of text. ``rng`` decides all of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from random import Random
from typing import Any

_LENGTHS = (0, 1, 2, 3, 4, 7, 8, 27, 28, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF)
_LONG = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_MOST_OCTETS = 60_000


def octets(data: bytes, rng: Random) -> bytes:
    """One to four changes of octets: overwritten, left out, put in, repeated, exchanged, cut short."""
    changed = bytearray(data or b"\0")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(changed) or 1)
        length = min(rng.choice((1, 1, 2, 4, 8, 16, 64, rng.randint(1, len(changed) or 1))), len(changed) - at)
        match rng.randrange(8):
            case 0:
                changed[at : at + 1] = bytes((rng.randrange(256),))
            case 1 if len(changed) > at:
                changed[at] ^= 1 << rng.randrange(8)
            case 2:
                changed[at : at + 2] = struct.pack(">H", rng.choice(_LENGTHS))
            case 3:
                changed[at : at + 4] = struct.pack(rng.choice((">I", "<I")), rng.choice(_LONG))
            case 4:
                del changed[at : at + length]
            case 5:
                changed[at:at] = rng.randbytes(length)
            case 6:
                changed[at:at] = changed[at : at + length] * rng.choice((1, 1, 2, 16, 256))
            case 7:
                other = rng.randrange(len(changed) or 1)
                changed[at : at + length] = changed[other : other + length]
            case _:
                del changed[at:]
        del changed[_MOST_OCTETS:]
    return bytes(changed)


def pack(parts: Sequence[bytes]) -> bytes:
    """Several parts as one input."""
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def unpack(data: bytes) -> list[bytes]:
    """The parts of an input; of octets that are none, as many as there are."""
    parts: list[bytes] = []
    offset = 0
    while len(data) - offset >= 4:
        length = int.from_bytes(data[offset : offset + 4]) & 0x1FFFF
        parts.append(data[offset + 4 : offset + 4 + length])
        offset += 4 + length
    return parts


def of_parts(data: bytes, rng: Random, change: Any = octets) -> bytes:
    """A change within one part, or of the order and number of the parts behind the first."""
    parts = unpack(data) or [b"\0"]
    head, rest = parts[:1], parts[1:]
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(rest) + 1)
        match rng.randrange(6):
            case 0 if rest:
                rest.insert(at, rng.choice(rest))
            case 1 if rest:
                del rest[at % len(rest)]
            case 2 if len(rest) > 1:
                rng.shuffle(rest)
            case 3:
                head = [octets(head[0], rng)]
            case _ if rest:
                rest[at % len(rest)] = change(rest[at % len(rest)], rng)
            case _:
                rest.append(rng.randbytes(rng.randint(0, 40)))
    return pack([*head, *rest[:64]])


_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 10**17, 1.5, -0.5, 1e300, "", "x", "0", "ff", "\x1b[2J", "\ud800", "a" * 300, [], {},
    [[]], [0], {"": 0}, "ESTABLISHED", "initiator", "engine", "192.0.2.1", "::1", 2**31, 65536, 256,
)  # fmt: skip


def json_text(data: bytes, rng: Random) -> bytes:
    """A change in the structure of a JSON text; of octets, where it is none or for a change."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return octets(data, rng)
    if rng.random() < 0.1:
        return octets(data, rng)
    for _ in range(rng.randint(1, 3)):
        value = _json_value(value, rng)
    return json.dumps(value).encode(errors="surrogatepass")


def json_lines(data: bytes, rng: Random) -> bytes:
    """A change in one line of JSON lines, or of the lines."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    if rng.random() < 0.2:
        return lines_of_text(data, rng, ())
    lines[at] = json_text(lines[at], rng)
    return b"\n".join(lines)


def _json_value(value: Any, rng: Random) -> Any:
    """The value with one node exchanged, chosen on the way down."""
    if isinstance(value, dict) and value and rng.random() < 0.95:
        return _object(value, rng)
    if isinstance(value, list) and value and rng.random() < 0.95:
        return _array(value, rng)
    if isinstance(value, str) and rng.random() < 0.5:
        return _word(value, rng)
    if isinstance(value, int) and not isinstance(value, bool) and rng.random() < 0.5:
        return value + rng.choice((1, -1, 255, -256, 2**16, 2**32, 10**15))
    return rng.choice(_ODD)


def _object(value: dict[str, Any], rng: Random) -> dict[str, Any]:
    key, how = rng.choice(list(value)), rng.randrange(12)
    rest = {name: item for name, item in value.items() if name != key}
    if how == 0:
        return rest
    if how == 1:
        return {**rest, rng.choice(("", "x", "0", "-1", f"{key}_")): value[key]}
    return {**rest, key: _json_value(value[key], rng)}


def _array(value: list[Any], rng: Random) -> list[Any]:
    at, how = rng.randrange(len(value)), rng.randrange(10)
    if how == 0:
        return value[:at] + value[at + 1 :]
    if how == 1:
        return value[:at] + [value[at]] * rng.choice((2, 3, 50)) + value[at:]
    if how == 2:
        return value[::-1]
    return [*value[:at], _json_value(value[at], rng), *value[at + 1 :]]


def _word(word: str, rng: Random) -> str:
    at = rng.randrange(len(word) + 1)
    return rng.choice(
        (word[:at], word[at:], word + word, word[:at] + rng.choice("0f/.@+ \n\0é") + word[at:], word.upper())
    )


def lines_of_text(data: bytes, rng: Random, words: Sequence[str]) -> bytes:
    """Lines left out, repeated, exchanged; words exchanged for others; or a change of octets."""
    lines = data.split(b"\n")
    for _ in range(rng.randint(1, 3)):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(7):
            case 0:
                del lines[at]
                lines = lines or [b""]
            case 1:
                lines[at:at] = [lines[other]] * rng.choice((1, 1, 2, 30))
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3 if words:
                parts = lines[at].split(b" ")
                parts[rng.randrange(len(parts))] = rng.choice(words).encode()
                lines[at] = b" ".join(parts)
            case 4 if words:
                lines.insert(at, rng.choice(words).encode())
            case _:
                lines[at] = octets(lines[at], rng)
    return b"\n".join(lines)[:_MOST_OCTETS]

"""Frozen dataclasses to JSON values and back: one rule for every recorded type, so that no field is forgotten.

All text is made harmless on the way, out and in: a record can always be written, and whoever reads one, or the answer
of a peer's control program, has nothing in hand that a terminal obeys.
"""

from __future__ import annotations

import json
import math
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from harness.border import limits
from harness.border.text import harmless
from harness.border.values import is_deeper

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
T = TypeVar("T")

_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,8}")  # of a registry, of a transform type


class RecordError(ValueError):
    """Recorded data that does not fit the type it should have; the message says where and what was expected."""

    def __init__(self, message: str) -> None:
        super().__init__(harmless(message))


def to_json(value: object) -> JsonValue:
    """``value`` as plain JSON: a dataclass becomes an object of its fields, a tuple an array, an enum its value, octets
    become hexadecimal.

    Raises:
        TypeError: a value of a kind that records do not use.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return harmless(value) if isinstance(value, str) else value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} is not a recorded type")


def parse_json(text: str | bytes) -> JsonValue:
    """The value of a JSON text from outside.

    Raises:
        RecordError: it is not JSON, is nested deeper than any record, or holds a number that no record has.
    """
    try:
        value: JsonValue = json.loads(text, parse_int=_integer, parse_float=_finite, parse_constant=_no_constant)
    except RecursionError:
        raise RecordError(f"not JSON that is nested {limits.JSON_DEPTH} deep at most") from None
    except ValueError as error:
        raise RecordError(f"not JSON: {error}") from None
    if is_deeper(value, limits.JSON_DEPTH):
        raise RecordError(f"not JSON that is nested {limits.JSON_DEPTH} deep at most")
    return value


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > limits.DIGITS:
        raise ValueError(f"an integer of more than {limits.DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:40]} is out of range")
    return number


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def from_json(kind: type[T], value: object, where: str = "") -> T:
    """The inverse of ``to_json``. Keys that the type does not know are ignored: a newer harness may have written them.

    Raises:
        RecordError: a field is missing or of another type.
    """
    result: T = _decode(kind, value, where or kind.__name__)
    return result


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode(kind: Any, value: object, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _decode_optional(kind, value, where)
    if origin is tuple:
        return _decode_tuple(get_args(kind), value, where)
    if origin in (dict, Mapping):
        key_kind, item_kind = get_args(kind)
        return _decode_mapping(key_kind, item_kind, value, where)
    if is_dataclass(kind):
        return _decode_dataclass(kind, value, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        member = _expect(int, value, where) if issubclass(kind, int) else value
        try:
            return kind(member)
        except ValueError:
            raise RecordError(f"{where}: {value!r} is not one of {', '.join(map(str, kind))}") from None
    return _decode_scalar(kind, value, where)


def _decode_mapping(key_kind: Any, item_kind: Any, value: object, where: str) -> dict[Any, Any]:
    items = _expect(dict, value, where).items()
    numbered = isinstance(key_kind, type) and issubclass(key_kind, int)
    return {
        _decode(key_kind, _number(key, where) if numbered else key, where): _decode(item_kind, item, f"{where}.{key}")
        for key, item in items
    }


def _number(key: str, where: str) -> int:
    """A key that stands for a number: JSON has no others than strings."""
    if not _NUMBER.fullmatch(key):
        raise RecordError(f"{where}: expected a number for a key, got {key!r}")
    return int(key)


def _decode_scalar(kind: Any, value: object, where: str) -> Any:
    if kind is Any:
        return value
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is bytes:
        try:
            return bytes.fromhex(_expect(str, value, where))
        except ValueError:
            raise RecordError(f"{where}: expected hexadecimal octets, got {value!r}") from None
    if isinstance(kind, type) and issubclass(kind, str):
        return kind(harmless(_expect(str, value, where)))
    return _expect(kind, value, where)


def _decode_optional(kind: Any, value: object, where: str) -> Any:
    if value is None:
        return None
    (inner,) = (arm for arm in get_args(kind) if arm is not type(None))
    return _decode(inner, value, where)


def _decode_tuple(arguments: tuple[Any, ...], value: object, where: str) -> tuple[Any, ...]:
    items = _expect(list, value, where)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_decode(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(items))
    if len(items) != len(arguments):
        raise RecordError(f"{where}: expected {len(arguments)} items, got {len(items)}")
    pairs = enumerate(zip(arguments, items, strict=True))
    return tuple(_decode(kind, item, f"{where}[{index}]") for index, (kind, item) in pairs)


def _decode_dataclass(kind: Any, value: object, where: str) -> Any:
    known = _expect(dict, value, where)
    hints = _hints(kind)
    arguments = {}
    for field in fields(kind):
        if field.name in known:
            arguments[field.name] = _decode(hints[field.name], known[field.name], f"{where}.{field.name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise RecordError(f"{where}: {field.name} is missing")
    try:
        return kind(**arguments)
    except RecordError:
        raise
    except ValueError as error:  # what the type itself forbids
        raise RecordError(f"{where}: {error}") from None


def _expect(kind: type, value: object, where: str) -> Any:
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        got = repr(value) if isinstance(value, bool) else type(value).__name__
        raise RecordError(f"{where}: expected {kind.__name__}, got {got}")
    return value

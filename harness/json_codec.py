"""Frozen dataclasses to JSON values and back: one rule for every recorded type, so that no field is forgotten."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
T = TypeVar("T")


class RecordError(ValueError):
    """Recorded data that does not fit the type it should have; the message says where and what was expected."""


def to_json(value: object) -> JsonValue:
    """``value`` as plain JSON: a dataclass becomes an object of its fields, a tuple an array, an enum its value, octets
    become hexadecimal.

    Raises:
        TypeError: a value of a kind that records do not use.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(to_json(key)): to_json(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} is not a recorded type")


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
        try:
            return kind(value)
        except ValueError:
            raise RecordError(f"{where}: {value!r} is not one of {', '.join(map(str, kind))}") from None
    return _decode_scalar(kind, value, where)


def _decode_mapping(key_kind: Any, item_kind: Any, value: object, where: str) -> dict[Any, Any]:
    items = _expect(dict, value, where).items()
    numbered = isinstance(key_kind, type) and issubclass(key_kind, int)
    return {
        _decode(key_kind, int(key) if numbered else key, where): _decode(item_kind, item, f"{where}.{key}")
        for key, item in items
    }


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
    if isinstance(value, bool) and kind is not bool:
        raise RecordError(f"{where}: expected {kind.__name__}, got {value!r}")
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
    return kind(**arguments)


def _expect(kind: type, value: object, where: str) -> Any:
    if not isinstance(value, kind):
        raise RecordError(f"{where}: expected {kind.__name__}, got {type(value).__name__}")
    return value

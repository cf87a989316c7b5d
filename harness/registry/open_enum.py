"""Integer registries that accept any number, known or not."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Self, TypeVar

E = TypeVar("E", bound="OpenEnum")


class OpenEnum(IntEnum):
    """An IANA registry: known numbers have names, unknown ones are kept as they came.

    RFC 7296 section 3.10.1 and 3.3.6 ask an implementation to live with numbers it does not know, so looking one
    up never raises; ``is_known`` is the separate question.
    """

    @classmethod
    def _missing_(cls, value: object) -> Any:
        if not isinstance(value, int) or value < 0:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"UNASSIGNED_{value}"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """Whether this registry has a name for the number."""
        return self.name in type(self).__members__

    @classmethod
    def known(cls) -> tuple[Self, ...]:
        """All numbers that this registry names, in numeric order."""
        return tuple(sorted(cls))

    def __str__(self) -> str:
        return self.name if self.is_known else f"{type(self).__name__} {self.value}"


class _Members(dict[int, E]):
    def __init__(self, registry: type[E]) -> None:
        super().__init__((int(member), member) for member in registry)
        self._registry = registry

    def __missing__(self, number: int) -> E:
        return self._registry(number)


def by_number(registry: type[E]) -> Mapping[int, E]:
    """A table that has every number: ``by_number(ExchangeType)[34]``.

    The same as ``ExchangeType(34)``, at a tenth of its time; for the codec, which looks numbers up by the dozen.
    """
    return _Members(registry)

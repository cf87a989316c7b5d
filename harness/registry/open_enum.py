"""Integer registries that accept any number, known or not."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Self


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

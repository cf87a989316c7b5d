"""What a scenario file may say of a check: its name, its arguments, and in which kind of case it can be judged.

The verifier's checks are of this form (``verify/check.py``); the loader, the JSON Schema and the docs know no more of
them than this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType


class Known(StrEnum):
    """What is known of a case, and so what a check may rest on."""

    KEYS = "the keys of one side"  # our engine took part: everything on the wire can be read
    PEER_REPORTS = "what both sides report"  # two products: the wire is read as far as it is in clear


class Argument(Enum):
    """What an argument of a check is."""

    NUMBER = "a number from 1 on"  # of packets, or of octets
    NOTIFY = "the name of a notify message type"


@dataclass(frozen=True, slots=True)
class CheckForm:
    """A check as scenario files name it."""

    name: str
    known: tuple[Known, ...]  # what makes a case one that it can judge; one of these is enough
    arguments: Mapping[str, Argument] = field(default_factory=lambda: MappingProxyType({}))


CheckForms = Mapping[str, CheckForm]
"""Every check that a scenario may name, by its name."""

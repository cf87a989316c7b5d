"""What a check returns: the objections it has, and in words what it looked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from harness.verify.view import View

Arguments = Mapping[str, str | int | bool]


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that is not as it should be. ``severity``: "fail", "should", "inconclusive" or "note"."""

    party: str
    sentence: str
    pointer: str
    requirement: str | None = ""  # of the catalogue; "" is the check's usual one, None says that no sentence is broken
    severity: str = "fail"


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of one check: without an objection ``detail`` says what proved it."""

    detail: str
    objections: tuple[Objection, ...] = ()


Check = Callable[[View, Arguments], Checked]


def missing(what: str, file: str) -> Checked:
    """The evidence that a check needs is not there."""
    return Checked("", (Objection("", f"{what} is missing, so nothing is concluded", file, severity="inconclusive"),))

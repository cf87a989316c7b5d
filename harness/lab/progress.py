"""How long work in the lab tells whoever watches that it goes on."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of each named piece of work. Called from several threads at once."""

    def started(self, name: str) -> None:
        """The work ``name`` begins."""

    def advanced(self, name: str, detail: str) -> None:
        """The work ``name`` goes on; ``detail`` is one line for a person."""

    def finished(self, name: str, seconds: float) -> None:
        """The work ``name`` is done after ``seconds``; nothing is said when it failed, the error says it."""


class Silent:
    """Progress that nobody watches."""

    def started(self, name: str) -> None:
        """Say nothing."""

    def advanced(self, name: str, detail: str) -> None:
        """Say nothing."""

    def finished(self, name: str, seconds: float) -> None:
        """Say nothing."""

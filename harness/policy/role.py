"""The two parts that parties play in a case."""

from __future__ import annotations

from enum import StrEnum

ENGINE_NAME = "engine"
"""What our own engine is called wherever a party is named."""

UNDER_TEST = f"{ENGINE_NAME} (under test)"
"""What it is called where it is the party that our engine under control meets."""


class Role(StrEnum):
    """The part that a party plays in a case."""

    INITIATOR = "initiator"
    RESPONDER = "responder"

    @property
    def other(self) -> Role:
        """The part of the other party."""
        return Role.RESPONDER if self is Role.INITIATOR else Role.INITIATOR

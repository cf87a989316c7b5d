"""A peer with a defect: our engine in the product's place, whose messages are altered where they leave.

What it sends is authenticated as it is sent: AUTH covers the altered IKE_SA_INIT, IntAuth the altered
IKE_INTERMEDIATE. So a row of ``tests/defects`` is a product that errs in one thing and is sound in all others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from case_builder import Case, build

from harness.ike.deviations.outgoing import OutgoingMessage
from harness.ike.deviations.table import DEVIATIONS
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.wire.payload import Payload

Edit = Callable[[Sequence[Any]], Sequence[Payload]]
"""The payloads of a message, those inside SK where there is one, to what leaves in their place."""


@dataclass(frozen=True)
class Defect:
    """One row: what a peer does wrong, in which message, and the requirement that it breaks."""

    name: str
    exchange: ExchangeType
    response: bool
    edit: Edit
    requirement: str
    scenarios: tuple[str, ...]
    number: int | None = None  # of the message of that exchange, from 0; None for each

    @property
    def role(self) -> Role:
        """Our engine's: a defect in a response is a responder's."""
        return Role.INITIATOR if self.response else Role.RESPONDER

    def play(self, scenario: str, peer: str = "strongswan-6.1-kernel-esp") -> Case:
        """The case as it goes with such a peer."""
        return build(scenario, peer, self.role, product={"deviation": NAME}, doctored=self.in_force())

    def in_force(self) -> AbstractContextManager[Any]:
        seen: list[int] = []

        def alter(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
            header = outgoing.header
            if (header.exchange_type, header.is_response) != (self.exchange, self.response):
                return outgoing.payloads
            if header.message_id not in seen:
                seen.append(header.message_id)
            if self.number is not None and seen.index(header.message_id) != self.number:
                return outgoing.payloads
            return tuple(self.edit(outgoing.payloads))

        table: dict[str, Any] = {str(name): entry for name, entry in DEVIATIONS.items()}  # ours may deviate, too
        table |= {NAME: SimpleNamespace(alter=alter)}
        return patch("harness.ike.machine.DEVIATIONS", table)


NAME = "a defect of the peer"


def changed(kind: type[Any], **fields: Any) -> Edit:
    """Payloads of one class with other fields."""
    return edited(kind, lambda payload: replace(payload, **fields))


def edited(kind: type[Any], edit: Callable[[Any], Payload]) -> Edit:
    """Payloads of one class, each edited."""
    return lambda payloads: [edit(p) if isinstance(p, kind) else p for p in payloads]


def dropped(kind: type | tuple[type, ...]) -> Edit:
    """Without the payloads of one class."""
    return lambda payloads: [p for p in payloads if not isinstance(p, kind)]


def doubled(kind: type[Any] | tuple[type[Any], ...]) -> Edit:
    """Each payload of one class twice."""
    return lambda payloads: [each for p in payloads for each in ((p, p) if isinstance(p, kind) else (p,))]


def beside(*more: Payload) -> Edit:
    """With payloads behind the others."""
    return lambda payloads: [*payloads, *more]

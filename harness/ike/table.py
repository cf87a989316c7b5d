"""The state table: in which state which message leads to which handler. The picture in docs/ is drawn from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from harness.ike.exchanges import authentication, informational, intermediate, sa_init, sa_init_answer
from harness.ike.states import AuthSent, Deleting, HalfOpen, Idle, InitSent, IntermediateSent, Standing, State
from harness.registry.messages import ExchangeType

REQUEST, RESPONSE = False, True


class Trigger(NamedTuple):
    """A message as it meets a state: its exchange type and whether it is a response."""

    state: type[Any]
    exchange: ExchangeType
    response: bool


class Transition(NamedTuple):
    """What happens then, and the states that it can lead to (errors lead to Gone from everywhere)."""

    handler: Callable[..., State]
    leads_to: tuple[str, ...]


UNPROTECTED: Mapping[Trigger, Transition] = {
    Trigger(Idle, ExchangeType.IKE_SA_INIT, REQUEST): Transition(sa_init_answer.request, ("Idle", "HalfOpen")),
    Trigger(InitSent, ExchangeType.IKE_SA_INIT, RESPONSE): Transition(
        sa_init.response, ("InitSent", "IntermediateSent", "AuthSent")
    ),
}
"""Handlers of (machine, state, message, its octets, path)."""

PROTECTED: Mapping[Trigger, Transition] = {
    Trigger(IntermediateSent, ExchangeType.IKE_INTERMEDIATE, RESPONSE): Transition(
        intermediate.response, ("IntermediateSent", "AuthSent")
    ),
    Trigger(AuthSent, ExchangeType.IKE_AUTH, RESPONSE): Transition(authentication.response, ("Standing",)),
    Trigger(HalfOpen, ExchangeType.IKE_INTERMEDIATE, REQUEST): Transition(intermediate.answer, ("HalfOpen",)),
    Trigger(HalfOpen, ExchangeType.IKE_AUTH, REQUEST): Transition(authentication.answer, ("Standing",)),
    Trigger(Standing, ExchangeType.INFORMATIONAL, REQUEST): Transition(informational.answer, ("Standing", "Gone")),
    Trigger(Standing, ExchangeType.INFORMATIONAL, RESPONSE): Transition(informational.response, ("Standing",)),
    Trigger(Standing, ExchangeType.CREATE_CHILD_SA, REQUEST): Transition(informational.refuse_request, ("Standing",)),
    Trigger(Deleting, ExchangeType.INFORMATIONAL, REQUEST): Transition(informational.answer, ("Deleting", "Gone")),
    Trigger(Deleting, ExchangeType.INFORMATIONAL, RESPONSE): Transition(informational.deleted, ("Gone",)),
    Trigger(Deleting, ExchangeType.CREATE_CHILD_SA, REQUEST): Transition(informational.refuse_request, ("Deleting",)),
}
"""Handlers of (machine, state, opened message, path)."""

STARTS: Mapping[str, tuple[str, str]] = {
    "start": ("Idle", "InitSent"),
    "liveness": ("Standing", "Standing"),
    "delete": ("Standing", "Deleting"),
}
"""What our caller may ask for, from which state, and where it leads."""

"""A peer that begins a CREATE_CHILD_SA of its own in mid-session: what it sends, and how it comes about.

Our engine answers it with NO_ADDITIONAL_SAS: what is looked at is the request.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import case_builder
from case_builder import INNER, PEER_INNER, Play
from misbehaving import Misbehaviour

from harness.ike.selectors import network_selector
from harness.ike.states import agreement_of
from harness.policy.role import Role
from harness.registry.messages import ExchangeType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, Encryption, KeyExchangeMethod, TransformType
from harness.scenario.model import Step
from harness.wire.payload import Payload
from harness.wire.payloads import (
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

Payloads = Callable[[Play], Sequence[Payload]]
GCM = Transform(TransformType.ENCR, int(Encryption.ENCR_AES_GCM_16), (Attribute(AttributeType.KEY_LENGTH, 256),))
METHOD = KeyExchangeMethod.CURVE25519
GROUP = Transform(TransformType.KE, int(METHOD))


def receives_on(play: Play) -> bytes:
    """The SPI of the Child SA on which the peer receives, 4 octets."""
    spi: bytes = play.peer.session.state.child_spis[0][0]  # type: ignore[union-attr]
    return spi


def esp(*more: Transform, number: int = 1, spi: bytes = b"") -> SecurityAssociation:
    transforms = (GCM, Transform(TransformType.SN, 0), *more)
    return SecurityAssociation((Proposal(number, Protocol.ESP, transforms, spi or os.urandom(4)),))


def ike(spi: bytes = b"") -> SecurityAssociation:
    transforms = (GCM, Transform(TransformType.PRF, 5), GROUP)
    return SecurityAssociation((Proposal(1, Protocol.IKE, transforms, spi or os.urandom(8)),))


def nonce() -> Nonce:
    return Nonce(os.urandom(32))


def public_value(octets: int = 32, method: KeyExchangeMethod = METHOD) -> KeyExchange:
    return KeyExchange(method, os.urandom(octets))


def selectors(**changes: Any) -> tuple[Payload, Payload]:
    """Those of the case's two hosts, the peer's first."""
    theirs, ours = (replace(network_selector(f"{host}/32"), **changes) for host in (PEER_INNER, INNER))
    return TrafficSelectorsInitiator((theirs,)), TrafficSelectorsResponder((ours,))


def rekey(spi: bytes, protocol: Protocol = Protocol.ESP) -> Notify:
    return Notify(NotifyType.REKEY_SA, b"", protocol, spi)


@contextmanager
def _asking(exchange: ExchangeType, payloads: Payloads, before: Step, times: int) -> Iterator[None]:
    step = case_builder._step
    asked: list[Step] = []

    def asking(play: Play, each: Step, role: Role, port: int) -> Any:
        machine = play.peer.session._machine
        agreement = agreement_of(play.peer.session.state)
        if each is before and not asked and agreement is not None:
            asked.append(each)
            for _ in range(times):
                machine.send_request(agreement, exchange, tuple(payloads(play)))
                play.deliver()
                machine.window.response_arrived()
        return step(play, each, role, port)

    with patch.object(case_builder, "_step", asking):
        yield


def begins(
    name: str,
    payloads: Payloads,
    requirement: str,
    exchange: ExchangeType = ExchangeType.CREATE_CHILD_SA,
    times: int = 1,
) -> list[Misbehaviour]:
    """The peer asks so once the tunnel stands, before the traffic; in both roles."""

    def doctored() -> AbstractContextManager[None]:
        return _asking(exchange, payloads, Step.TRAFFIC, times)

    scenarios = ("hybrid/x25519-mlkem768", "classical/modp3072")
    return [Misbehaviour(f"{name}, {role.other.value}", role, requirement, scenarios, doctored) for role in Role]

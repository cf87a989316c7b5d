"""A peer whose messages or packets are wrong in their octets: headers, sealing, fragments, repetitions, ESP.

As in ``defective.py`` our engine plays the peer. What is wrong is put in where the octets are made, so that all else
fits: a wrong header is authenticated as it is sent, a wrong ESP packet is sealed under the right keys.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace
from typing import Any
from unittest.mock import patch

from case_builder import Case, build

from harness.crypto.random_source import Rng
from harness.esp.sa import EspSa
from harness.ike.deviations.table import DEVIATIONS
from harness.ike.machine import Machine
from harness.ike.protected import Sealed, SecureChannel
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.transport.tunnel import Tunnel
from harness.wire.message import HEADER_OCTETS, RESPONSE, Header, Message

_NAME = "a defect of the peer"
_EXCHANGE, _FLAGS = 18, 19  # where they are in the IKE header
Doctored = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Misbehaviour:
    """One row: what a peer does wrong, and the requirement that it breaks."""

    name: str
    role: Role  # our engine's
    requirement: str
    scenarios: tuple[str, ...]
    doctored: Doctored = nullcontext
    product: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    spoil: Callable[[Tunnel], None] | None = None
    after: Callable[[Case], Case] | None = None  # what is done to the case once it was played
    esp_port: int = 4500

    def play(self, scenario: str, peer: str = "strongswan-6.1-kernel-esp") -> Case:
        """The case as it goes with such a peer."""
        product = {"deviation": _NAME, **self.product}
        known: dict[Any, Any] = {**DEVIATIONS, _NAME: SimpleNamespace(alter=lambda outgoing: outgoing.payloads)}
        with patch("harness.ike.machine.DEVIATIONS", known):
            case = build(
                scenario, peer, self.role, product=product, doctored=self.doctored(), spoil=self.spoil,
                esp_port=self.esp_port,
            )  # fmt: skip
        return self.after(case) if self.after is not None else case


def is_the_peers(machine: Machine) -> bool:
    """Whether a machine is that of the peer, and not our own."""
    return machine.configuration.deviation == _NAME


def _role(response: bool) -> Role:
    return Role.INITIATOR if response else Role.RESPONDER


def header(
    name: str,
    exchange: ExchangeType,
    response: bool,
    edit: Callable[[Header], Header],
    requirement: str,
    scenarios: tuple[str, ...],
) -> Misbehaviour:
    """The header of each message of an exchange is another one, and is authenticated as such."""
    made = Machine.header

    meant = exchange, response

    def wrong(self: Machine, exchange: ExchangeType, message_id: int, response: bool) -> Header:
        right = made(self, exchange, message_id, response)
        return edit(right) if is_the_peers(self) and (exchange, response) == meant else right

    words = f"{name}, {exchange.name} {'response' if response else 'request'}"
    return Misbehaviour(words, _role(response), requirement, scenarios, lambda: patch.object(Machine, "header", wrong))


def on_the_wire(
    name: str,
    exchange: ExchangeType,
    response: bool,
    edit: Callable[[bytes], list[bytes]],
    requirement: str,
    scenarios: tuple[str, ...],
    number: int | None = None,
) -> Misbehaviour:
    """What leaves in the place of each datagram of an exchange, or of those of its ``number``-th message alone."""
    sent = Machine.transmit

    def doctored() -> AbstractContextManager[Any]:
        seen: list[bytes] = []

        def wrong(self: Machine, messages: Any, path: Any) -> None:
            leaving: list[bytes] = []
            for octets in messages:
                mine = (octets[_EXCHANGE], bool(octets[_FLAGS] & RESPONSE)) == (exchange, response)
                if is_the_peers(self) and mine and octets[20:24] not in seen:
                    seen.append(octets[20:24])
                meant = mine and number in (None, seen.index(octets[20:24]) if octets[20:24] in seen else None)
                leaving += edit(octets) if is_the_peers(self) and meant else [octets]
            sent(self, leaving, path)

        return patch.object(Machine, "transmit", wrong)

    words = f"{name}, {exchange.name} {'response' if response else 'request'}"
    return Misbehaviour(words, _role(response), requirement, scenarios, doctored)


Finish = Callable[[bytes, bytes, Rng], tuple[bytes, bytes, Rng]]
"""The octets in front of the IV, the plaintext and the random source, to what is sealed in their place."""


def sealing(
    name: str,
    exchange: ExchangeType,
    response: bool,
    edit: Finish,
    requirement: str,
    scenarios: tuple[str, ...],
) -> Misbehaviour:
    """What is sealed, and authenticated, in the place of each message or fragment of an exchange."""
    finish, seal = SecureChannel._finish, Machine._seal
    sealing_now: list[bool] = []

    def marked(self: Machine, agreement: Any, head: Header, payloads: Any, path: Any) -> Sealed:
        mine = is_the_peers(self) and (head.exchange_type, head.is_response) == (exchange, response)
        sealing_now.append(mine)
        try:
            return seal(self, agreement, head, payloads, path)
        finally:
            sealing_now.pop()

    def wrong(self: SecureChannel, prefix: bytes, plain: bytes, rng: Rng) -> bytes:
        if sealing_now and sealing_now[-1]:
            prefix, plain, rng = edit(prefix, plain, rng)
        return finish(self, prefix, plain, rng)

    @contextmanager
    def doctored() -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(patch.object(Machine, "_seal", marked))
            stack.enter_context(patch.object(SecureChannel, "_finish", wrong))
            yield

    words = f"{name}, {exchange.name} {'response' if response else 'request'}"
    return Misbehaviour(words, _role(response), requirement, scenarios, doctored)


def unsealed(exchange: ExchangeType, response: bool, requirement: str, scenarios: tuple[str, ...]) -> Misbehaviour:
    """The payloads leave in the clear."""
    seal = Machine._seal

    def bare(self: Machine, agreement: Any, head: Header, payloads: Any, path: Any) -> Sealed:
        right = seal(self, agreement, head, payloads, path)
        if not (is_the_peers(self) and (head.exchange_type, head.is_response) == (exchange, response)):
            return right
        return replace(right, messages=(Message(head, tuple(payloads)).to_bytes(),))

    words = f"in clear, {exchange.name} {'response' if response else 'request'}"
    return Misbehaviour(words, _role(response), requirement, scenarios, lambda: patch.object(Machine, "_seal", bare))


@dataclass(frozen=True)
class Leaving:
    """An ESP packet that is about to leave: its number from 1 on, and what it is to carry."""

    sa: EspSa
    back: EspSa  # the SA of the other direction
    number: int
    inner: bytes
    next_header: int

    def sealed(self, **changes: Any) -> bytes:
        """The packet, with other values for ``sa``, ``inner``, ``next_header``, ``sequence`` or ``iv``."""
        sa, sequence = changes.get("sa", self.sa), changes.get("sequence", self.number)
        counter = sa.protection.iv_may_be_counter
        iv = self.number.to_bytes(sa.protection.iv_octets) if counter else os.urandom(sa.protection.iv_octets)
        inner, kind = changes.get("inner", self.inner), changes.get("next_header", self.next_header)
        packet: bytes = sa.seal(inner, kind, sequence, changes.get("iv", iv))
        return packet


Packet = Callable[[Leaving], bytes]


class _Sender:
    """In the place of ``Outbound``."""

    def __init__(self, tunnel: Tunnel, packet: Packet) -> None:
        self._sa, self._back, self._packet, self._number = tunnel._outbound.sa, tunnel._inbound.sa, packet, 0
        self.sa = self._sa

    def seal(self, inner: bytes, next_header: int, _rng: Rng) -> bytes:
        self._number += 1
        return self._packet(Leaving(self._sa, self._back, self._number, inner, next_header))


def sends(packet: Packet) -> Callable[[Tunnel], None]:
    """An end of a tunnel whose packets are these."""

    def spoil(tunnel: Tunnel) -> None:
        tunnel._outbound = _Sender(tunnel, packet)  # type: ignore[assignment]

    return spoil


def answers(answer: Callable[[Tunnel, bytes, int], bytes | None]) -> Callable[[Tunnel], None]:
    """An end of a tunnel that makes this of each packet that comes in; the third argument is its number from 1 on."""

    def spoil(tunnel: Tunnel) -> None:
        seen: list[bytes] = []
        right = tunnel.receive

        def receive(packet: bytes) -> bytes | None:
            seen.append(packet)
            tunnel_right = SimpleNamespace(receive=right, _seal=tunnel._seal)
            return answer(tunnel_right, packet, len(seen))  # type: ignore[arg-type]

        tunnel.receive = receive  # type: ignore[method-assign]

    return spoil


def esp(
    name: str, spoil: Callable[[Tunnel], None], requirement: str, scenarios: tuple[str, ...], port: int = 4500
) -> list[Misbehaviour]:
    """The same defect where our engine is the initiator and where it is the responder."""
    return [
        Misbehaviour(f"{name}, {role.other.value}", role, requirement, scenarios, spoil=spoil, esp_port=port)
        for role in Role
    ]


def spoken(edit: Callable[[bytes], bytes]) -> Callable[[bytes], list[bytes]]:
    """One datagram for one."""
    return lambda octets: [edit(octets)]


def with_length(octets: bytes, length: int) -> bytes:
    """An IKE message whose Length says something else."""
    return octets[: HEADER_OCTETS - 4] + length.to_bytes(4) + octets[HEADER_OCTETS:]

"""Seeded defects of a peer's keys, with the requirement that each breaks, written before it was first played.

A peer that only answers falls silent where its keys are not ours: the one thing that is on the wire is that it does
not answer (B60).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from defect_rows import AUTH, BLOCKS, CLASSICAL, HYBRID, INFORMATIONAL, SEVEN
from misbehaving import Misbehaviour, is_the_peers

from harness.crypto.interface import KeyExchange as Method
from harness.crypto.interface import KeyPair
from harness.crypto.key_exchange import key_exchange
from harness.crypto.random_source import Rng
from harness.ike.exchanges import authentication
from harness.ike.machine import Machine
from harness.ike.protected import SecureChannel
from harness.ike.states import Agreement
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Forgetful:
    """A method whose secret is another one at this end."""

    true: Method
    change: Change

    def generate(self, rng: Rng) -> KeyPair:
        return self.true.generate(rng)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        data, secret = self.true.encapsulate(public, rng)
        return data, self.change(secret)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        return self.change(self.true.decapsulate(pair, data))


def secrets(change: Change, *, post_quantum: bool) -> dict[str, Any]:
    def method(number: KeyExchangeMethod) -> Any:
        true = key_exchange(number)
        return Forgetful(true, change) if number.is_post_quantum == post_quantum else true

    return {"key_exchange": method}


def turned(secret: bytes) -> bytes:
    return bytes((secret[0] ^ 1,)) + secret[1:]


def with_keys(
    exchange: ExchangeType, choose: Callable[[Machine, Agreement, bool], SecureChannel]
) -> Callable[[], AbstractContextManager[Any]]:
    """The peer seals the messages of an exchange with other keys than are due."""
    right, seal = Machine.channel, Machine._seal
    now: list[bool] = []

    def sealing(self: Machine, agreement: Agreement, header: Any, payloads: Any, path: Any) -> Any:
        now.append(header.exchange_type == exchange and is_the_peers(self))
        try:
            return seal(self, agreement, header, payloads, path)
        finally:
            now.pop()

    def channel(self: Machine, agreement: Agreement, *, sending: bool) -> SecureChannel:
        if sending and now and now[-1]:
            return choose(self, agreement, self.configuration.initiator)
        return right(self, agreement, sending=sending)

    return lambda: patch.multiple(Machine, channel=channel, _seal=sealing)


def of_before(machine: Machine, agreement: Agreement, initiator: bool) -> SecureChannel:
    """The first keys of the IKE SA, from before any additional key exchange."""
    return SecureChannel.of(agreement.schedule.protection, machine.keylog.generations[0], initiator)


def of_the_other(_machine: Machine, agreement: Agreement, initiator: bool) -> SecureChannel:
    """The keys of the other direction."""
    return SecureChannel.of(agreement.schedule.protection, agreement.keys, not initiator)


def auth(change: Callable[[Agreement, int], tuple[Agreement, int]]) -> Callable[[], AbstractContextManager[Any]]:
    """The peer computes its own AUTH over something else."""
    right = authentication._auth

    def wrong(machine: Machine, agreement: Agreement, body: bytes, message_id: int, *, by_initiator: bool) -> bytes:
        if is_the_peers(machine) and by_initiator == machine.configuration.initiator:
            agreement, message_id = change(agreement, message_id)
        return right(machine, agreement, body, message_id, by_initiator=by_initiator)

    return lambda: patch.object(authentication, "_auth", wrong)


def rows(
    name: str, requirement: str, scenarios: tuple[str, ...], doctored: Callable[[], AbstractContextManager[Any]]
) -> list[Misbehaviour]:
    return [Misbehaviour(f"{name}, {role.other.value}", role, requirement, scenarios, doctored) for role in Role]


def without_int_auth(agreement: Agreement, number: int) -> tuple[Agreement, int]:
    return replace(agreement, int_auth_i=b"", int_auth_r=b""), number


def with_one_int_auth_twice(agreement: Agreement, number: int) -> tuple[Agreement, int]:
    return replace(agreement, int_auth_r=agreement.int_auth_i), number


def exchanged(agreement: Agreement, number: int) -> tuple[Agreement, int]:
    """IKE_SA_INIT's request in the place of its response, and the other way round."""
    return replace(agreement, request=agreement.response, response=agreement.request), number


ROWS: list[Misbehaviour] = [
    # The secrets (RFC 7296 section 2.14, RFC 9370 section 2.2.2): an initiator goes on under keys of its own.
    Misbehaviour("another secret of ML-KEM", Role.RESPONDER, "I07", (HYBRID, SEVEN),
                 product=secrets(turned, post_quantum=True)),
    Misbehaviour("a secret of ML-KEM that is zero", Role.RESPONDER, "I07", (HYBRID, SEVEN),
                 product=secrets(lambda secret: bytes(len(secret)), post_quantum=True)),
    Misbehaviour("another secret of (EC)DH", Role.RESPONDER, "K01", (CLASSICAL, BLOCKS),
                 product=secrets(turned, post_quantum=False)),
    Misbehaviour("a secret of (EC)DH cut short", Role.RESPONDER, "K01", (CLASSICAL, BLOCKS),
                 product=secrets(lambda secret: secret[:-1], post_quantum=False)),
    Misbehaviour("a secret of (EC)DH that is zero", Role.RESPONDER, "K01", (CLASSICAL, BLOCKS),
                 product=secrets(lambda secret: bytes(len(secret)), post_quantum=False)),
    *(Misbehaviour(f"{name}, silent", Role.INITIATOR, "B60", scenarios, product=secrets(change, post_quantum=of_kem))
      for name, change, of_kem, scenarios in (
          ("another secret of ML-KEM", turned, True, (HYBRID, SEVEN)),
          ("a secret of ML-KEM that is zero", lambda secret: bytes(len(secret)), True, (HYBRID,)),
          ("another secret of (EC)DH", turned, False, (CLASSICAL, BLOCKS, HYBRID)),
          ("a secret of (EC)DH cut short", lambda secret: secret[:-1], False, (CLASSICAL,)),
      )),
    # Which keys protect which message (RFC 9242 section 3.3.1, RFC 7296 section 2.14).
    *rows("IKE_AUTH under the keys of before", "I07", (HYBRID, SEVEN), with_keys(AUTH, of_before)),
    *rows("INFORMATIONAL under the keys of before", "I07", (HYBRID, SEVEN), with_keys(INFORMATIONAL, of_before)),
    *rows("IKE_AUTH under the keys of the other direction", "I07", (HYBRID,), with_keys(AUTH, of_the_other)),
    *rows("IKE_AUTH under the keys of the other direction", "K01", (CLASSICAL, BLOCKS), with_keys(AUTH, of_the_other)),
    *rows("INFORMATIONAL under the keys of the other direction", "K01", (CLASSICAL, BLOCKS),
          with_keys(INFORMATIONAL, of_the_other)),
    # What AUTH covers (RFC 7296 section 2.15, RFC 9242 section 3.3.2).
    *rows("AUTH without IntAuth", "I08", (HYBRID, SEVEN), auth(without_int_auth)),
    *rows("AUTH with one IntAuth twice", "I08", (HYBRID, SEVEN), auth(with_one_int_auth_twice)),
    *rows("AUTH with another Message ID", "I08", (HYBRID, SEVEN), auth(lambda agreement, n: (agreement, n + 1))),
    *rows("AUTH over the other side's message", "K03", (CLASSICAL, BLOCKS), auth(exchanged)),
    *rows("AUTH over the other side's message", "I08", (HYBRID, SEVEN), auth(exchanged)),
]  # fmt: skip

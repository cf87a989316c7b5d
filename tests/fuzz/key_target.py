"""Key exchange data of the other side, of every method that this machine has. What it costs is the method's own."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

from target import Prepared, Target

from harness.crypto.errors import InvalidKeyExchangeData, MethodUnavailable
from harness.crypto.interface import KeyExchange, KeyPair
from harness.crypto.key_exchange import key_exchange
from harness.registry.transforms import KeyExchangeMethod

_SLOW = {
    number for number in KeyExchangeMethod if number.name.startswith("MODP_") and number.name > "MODP_2048"
}  # they are read by the code that reads the others


@functools.cache
def methods() -> tuple[tuple[KeyExchange, KeyPair, bytes], ...]:
    """Each method with a key pair of ours and a good answer to it."""
    found = []
    for number in KeyExchangeMethod:
        if number in _SLOW:
            continue
        try:
            method = key_exchange(number)
            pair = method.generate(os.urandom)
            found.append((method, pair, method.encapsulate(pair.public, os.urandom)[0]))
        except MethodUnavailable:
            continue
    return tuple(found)


def prepare(data: bytes) -> Prepared:
    method, pair, _ = methods()[(data[0] if data else 0) % len(methods())]
    initiator, octets = bool(data[1:2] and data[1] & 1), data[2:]

    def exchange() -> None:
        try:
            secret = method.decapsulate(pair, octets) if initiator else method.encapsulate(octets, os.urandom)[1]
            assert secret
        except InvalidKeyExchangeData as error:
            assert error.expected and error.got

    def read() -> Callable[[], None]:
        return exchange

    return len(octets), read


def seeds() -> list[bytes]:
    found = []
    for number, (_, pair, answer) in enumerate(methods()):
        found += [bytes((number, 0)) + pair.public, bytes((number, 1)) + answer]
    return found


TARGET = Target("keys", "key exchange data of every method", seeds, prepare)

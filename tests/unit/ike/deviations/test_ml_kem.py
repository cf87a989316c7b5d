from __future__ import annotations

import os

from harness.crypto.key_exchange import key_exchange
from harness.ike.deviations import ml_kem
from harness.ike.deviations.outgoing import OutgoingMessage
from harness.registry.messages import ExchangeType
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.message import RESPONSE, Header
from harness.wire.payloads import KeyExchange, Nonce

REQUEST = Header(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 0, 0)
ANSWER = Header(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, RESPONSE, 0)


def coefficient(key: bytes, index: int) -> int:
    """ByteDecode12 (FIPS 203 algorithm 6), one coefficient of it."""
    return int.from_bytes(key, "little") >> (12 * index) & 0xFFF


def test_only_the_first_coefficient_becomes_q():
    key = key_exchange(KeyExchangeMethod.ML_KEM_768).generate(os.urandom).public
    spoiled = ml_kem.first_coefficient_q(key)
    assert coefficient(spoiled, 0) == 3329
    assert [coefficient(spoiled, n) for n in range(1, 768)] == [coefficient(key, n) for n in range(1, 768)]
    assert spoiled[2:] == key[2:]


def test_other_methods_and_the_other_direction_stay_as_they_are():
    classical = (KeyExchange(KeyExchangeMethod.CURVE25519, bytes(32)), Nonce(bytes(32)))
    hybrid = (KeyExchange(KeyExchangeMethod.ML_KEM_768, bytes(1184)),)
    shorten = ml_kem.spoiled(ml_kem.one_octet_short, response=False)
    assert shorten(OutgoingMessage(REQUEST, classical, None, b"")) == classical
    assert shorten(OutgoingMessage(ANSWER, hybrid, None, b"")) == hybrid
    assert shorten(OutgoingMessage(REQUEST, hybrid, None, b"")) == (
        KeyExchange(KeyExchangeMethod.ML_KEM_768, bytes(1183)),
    )

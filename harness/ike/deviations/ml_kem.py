"""Bad public values of ML-KEM: keys in our requests, ciphertexts in our responses (FIPS 203 section 7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.ike.deviations.outgoing import Alteration, OutgoingMessage
from harness.registry.transforms import KeyExchangeMethod
from harness.wire.payload import Payload
from harness.wire.payloads import KeyExchange

_ML_KEM = (KeyExchangeMethod.ML_KEM_512, KeyExchangeMethod.ML_KEM_768, KeyExchangeMethod.ML_KEM_1024)
_Q = 3329  # FIPS 203 section 2.4


def spoiled(spoil: Callable[[bytes], bytes], *, response: bool) -> Alteration:
    """The KE payloads of ML-KEM in our requests, or in our responses, with other data."""

    def alter(outgoing: OutgoingMessage) -> tuple[Payload, ...]:
        if outgoing.header.is_response != response:
            return outgoing.payloads
        return tuple(
            replace(each, data=spoil(each.data)) if isinstance(each, KeyExchange) and each.method in _ML_KEM else each
            for each in outgoing.payloads
        )

    return alter


def one_octet_short(data: bytes) -> bytes:
    """Without the last octet."""
    return data[:-1]


def one_octet_long(data: bytes) -> bytes:
    """With an octet of zero behind."""
    return data + bytes(1)


def first_coefficient_q(encapsulation_key: bytes) -> bytes:
    """The right length, but the first coefficient is q itself, one more than the largest that there is.

    Coefficients have 12 bits, least significant bit first (FIPS 203 algorithms 5 and 6).
    """
    first, second = encapsulation_key[:2]
    del first
    return bytes((_Q & 0xFF, second & 0xF0 | _Q >> 8)) + encapsulation_key[2:]


def one_bit_turned_over(ciphertext: bytes) -> bytes:
    """The right length, one bit of the first octet turned over."""
    return bytes((ciphertext[0] ^ 1,)) + ciphertext[1:]

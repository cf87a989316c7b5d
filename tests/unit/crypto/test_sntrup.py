"""sntrup761x25519: what its two halves are, and what becomes of their secrets."""

from __future__ import annotations

import hashlib
import secrets

import pytest

from harness.crypto import liboqs, sntrup
from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.montgomery import X25519

pytestmark = pytest.mark.liboqs


def test_the_secret_is_sha512_over_both_secrets_the_kems_first() -> None:
    """The other side by hand, as OpenIKED's responder has it: KEM first, X25519 second, in the payload and the hash."""
    pair = sntrup.METHOD.generate(secrets.token_bytes)
    ciphertext, kem_secret = liboqs.encapsulate("sntrup761", pair.public[:1158], secrets.token_bytes)
    own, x25519_secret = X25519.encapsulate(pair.public[1158:], secrets.token_bytes)
    expected = hashlib.sha512(kem_secret + x25519_secret).digest()
    assert sntrup.METHOD.decapsulate(pair, ciphertext + own) == expected


@pytest.mark.parametrize("octet", [0, 1039], ids=["ciphertext", "x25519"])
def test_the_secret_depends_on_both_halves(octet: int) -> None:
    pair = sntrup.METHOD.generate(secrets.token_bytes)
    data, secret = sntrup.METHOD.encapsulate(pair.public, secrets.token_bytes)
    altered = bytearray(data)
    altered[octet] ^= 1
    assert sntrup.METHOD.decapsulate(pair, bytes(altered)) != secret


def test_a_point_of_small_order_is_refused() -> None:
    pair = sntrup.METHOD.generate(secrets.token_bytes)
    with pytest.raises(InvalidKeyExchangeData):
        sntrup.METHOD.encapsulate(pair.public[:1158] + bytes(32), secrets.token_bytes)


def test_keys_of_another_method_are_no_keys_of_this_one() -> None:
    with pytest.raises(TypeError):
        sntrup.METHOD.decapsulate(X25519.generate(secrets.token_bytes), bytes(1071))

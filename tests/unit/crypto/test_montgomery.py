from __future__ import annotations

import secrets

import pytest

from harness.crypto import montgomery
from harness.crypto.errors import InvalidKeyExchangeData


@pytest.mark.parametrize("method", montgomery.METHODS)
@pytest.mark.parametrize("u", [0, 1])
def test_points_of_small_order_are_refused(method: montgomery.MontgomeryCurve, u: int) -> None:
    """The shared secret would be all zero (RFC 7748 section 6)."""
    with pytest.raises(InvalidKeyExchangeData, match="small order"):
        method.encapsulate(u.to_bytes(method.octets, "little"), secrets.token_bytes)


def test_a_key_pair_of_another_method_is_a_mistake_of_the_caller() -> None:
    x25519, x448 = montgomery.METHODS
    pair = x448.generate(secrets.token_bytes)
    with pytest.raises((TypeError, InvalidKeyExchangeData)):
        x25519.decapsulate(pair, b"\x09" + bytes(31))

from __future__ import annotations

import secrets

import pytest

from harness.crypto import modp
from harness.crypto.errors import InvalidKeyExchangeData

GROUP = {int(method.number): method for method in modp.METHODS}


@pytest.mark.parametrize("number", sorted(GROUP))
def test_values_outside_the_range_are_refused(number: int) -> None:
    """RFC 6989 section 2.1: 1 < y < p-1."""
    group = GROUP[number]
    assert isinstance(group, modp.ModpGroup)
    pair = group.generate(secrets.token_bytes)
    for y in (0, 1, group.modulus - 1, group.modulus, group.modulus + 1):
        with pytest.raises(InvalidKeyExchangeData, match="below p-1"):
            group.decapsulate(pair, y.to_bytes(group.modulus_octets, "big"))


@pytest.mark.parametrize("number", [5, 14, 15])
def test_public_value_and_secret_are_powers(number: int) -> None:
    group = GROUP[number]
    assert isinstance(group, modp.ModpGroup)
    seed = secrets.token_bytes(group.exponent_octets)
    x = int.from_bytes(seed, "big") | 1 << (8 * group.exponent_octets - 1)
    pair = group.generate(lambda octets: seed[:octets])
    assert int.from_bytes(pair.public, "big") == pow(2, x, group.modulus)
    y = pow(2, 0x1234567, group.modulus)
    secret = group.decapsulate(pair, y.to_bytes(group.modulus_octets, "big"))
    assert int.from_bytes(secret, "big") == pow(y, x, group.modulus)


def test_secrets_keep_their_leading_zeros() -> None:
    """RFC 7296 section 2.14: g^ir has as many octets as the modulus."""
    group = GROUP[14]
    assert isinstance(group, modp.ModpGroup)
    pair = group.generate(lambda octets: b"\x55" * octets)
    x = int.from_bytes(b"\x55" * group.exponent_octets, "big") | 1 << (8 * group.exponent_octets - 1)
    y = next(y for y in range(3, 5000) if pow(y, x, group.modulus) < 1 << 8 * (group.modulus_octets - 1))
    secret = group.decapsulate(pair, y.to_bytes(group.modulus_octets, "big"))
    assert len(secret) == group.modulus_octets
    assert secret[0] == 0


def test_exponents_are_at_least_twice_the_estimated_strength() -> None:
    """RFC 3526 section 8, first estimate, doubled; RFC 7919 appendix A for the named sizes."""
    least = {2: 160, 5: 180, 14: 225, 15: 275, 16: 325, 17: 375, 18: 400}
    for number, bits in least.items():
        group = GROUP[number]
        assert isinstance(group, modp.ModpGroup)
        assert 8 * group.exponent_octets >= max(bits, 256)

"""The modulus check of FIPS 203 section 7.2, coefficient by coefficient."""

from __future__ import annotations

import pytest

from harness.verify.checks.key_agreement import is_out_of_range

RHO = b"\xff" * 32  # any octets will do


def packed(*coefficients: int) -> bytes:
    """Twelve bits each, the low ones first (FIPS 203 section 5.1)."""
    whole = sum(each << 12 * place for place, each in enumerate(coefficients))
    return whole.to_bytes(len(coefficients) * 12 // 8, "little") + RHO


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(("value", "wrong"), [(0, False), (3328, False), (3329, True), (4095, True)])
def test_each_coefficient_is_below_q(place: int, value: int, wrong: bool) -> None:
    coefficients = [3328, 0, 3328, 1]
    coefficients[place] = value
    assert is_out_of_range(packed(*coefficients)) is wrong

from __future__ import annotations

import secrets

import pytest

from harness.crypto import ecp
from harness.crypto.errors import InvalidKeyExchangeData

METHODS = [pytest.param(method, id=method.number.name) for method in ecp.METHODS]


@pytest.mark.parametrize("group", METHODS)
def test_points_off_the_curve_are_refused(group: ecp.EcpGroup) -> None:
    pair = group.generate(secrets.token_bytes)
    moved = pair.public[:-1] + bytes((pair.public[-1] ^ 1,))
    for point in (moved, bytes(group.initiator_octets), b"\xff" * group.initiator_octets):
        with pytest.raises(InvalidKeyExchangeData, match="not on the curve"):
            group.encapsulate(point, secrets.token_bytes)


@pytest.mark.parametrize("group", METHODS)
def test_scalar_is_reduced_from_eight_octets_more(group: ecp.EcpGroup) -> None:
    order = group.curve.group_order
    asked = []

    def rng(octets: int) -> bytes:
        asked.append(octets)
        return b"\xff" * octets

    private = group.generate(rng).private
    expected = ((1 << 8 * (group.coordinate_octets + 8)) - 1) % (order - 1) + 1
    assert asked == [group.coordinate_octets + 8]
    assert private.private_numbers().private_value == expected  # type: ignore[attr-defined]


@pytest.mark.parametrize("group", METHODS)
def test_zero_octets_still_make_a_valid_scalar(group: ecp.EcpGroup) -> None:
    assert group.generate(bytes).private.private_numbers().private_value == 1  # type: ignore[attr-defined]

from __future__ import annotations

import hashlib
import hmac

import pytest

from harness.crypto.errors import MethodUnavailable
from harness.crypto.prf import implemented, prf
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import TransformType


def named(name: str) -> Algorithm:
    return algorithm(TransformType.PRF, name)


@pytest.mark.parametrize(
    ("name", "digest", "octets"),
    [
        ("hmac-sha1", hashlib.sha1, 20),
        ("hmac-sha2-256", hashlib.sha256, 32),
        ("hmac-sha2-384", hashlib.sha384, 48),
        ("hmac-sha2-512", hashlib.sha512, 64),
    ],
)
def test_prf_plus_is_its_recurrence(name: str, digest: object, octets: int) -> None:
    function = prf(named(name))
    assert (function.key_octets, function.output_octets) == (octets, octets)
    key, seed = b"K" * 7, b"S" * 100

    def f(data: bytes) -> bytes:
        return hmac.new(key, data, digest).digest()  # type: ignore[call-overload, no-any-return]

    t1 = f(seed + b"\x01")
    t2 = f(t1 + seed + b"\x02")
    t3 = f(t2 + seed + b"\x03")
    stream = t1 + t2 + t3
    for length in (0, 1, octets, octets + 1, 3 * octets):
        assert function.plus(key, seed, length) == stream[:length]


def test_prf_plus_ends_after_255_blocks() -> None:
    function = prf(named("hmac-sha2-256"))
    assert len(function.plus(b"k", b"s", 255 * 32)) == 255 * 32
    with pytest.raises(ValueError, match="at most 8160 octets"):
        function.plus(b"k", b"s", 255 * 32 + 1)


def test_what_is_not_implemented_says_so() -> None:
    with pytest.raises(MethodUnavailable, match="aes128-xcbc"):
        prf(named("aes128-xcbc"))
    assert named("hmac-sha2-256") in implemented()
    for one in implemented():
        assert prf(one).output_octets >= 20

from __future__ import annotations

import hmac

from harness.crypto.authentication import int_auth, int_auth_octets, maced_id, shared_key_auth, signed_octets
from harness.crypto.prf import prf
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

SHA256 = prf(algorithm(TransformType.PRF, "hmac-sha2-256"))


def h(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def test_int_auth_chains_over_the_exchanges() -> None:
    """RFC 9242 section 3.3.2, two IKE_INTERMEDIATE exchanges."""
    first = int_auth(SHA256, b"k1", b"", b"A1", b"P1")
    second = int_auth(SHA256, b"k2", first, b"A2", b"P2")
    assert first == h(b"k1", b"A1P1")
    assert second == h(b"k2", h(b"k1", b"A1P1") + b"A2P2")
    assert int_auth_octets(b"i" * 32, b"r" * 32, 3) == b"i" * 32 + b"r" * 32 + b"\0\0\0\3"


def test_signed_octets_end_in_int_auth_only_after_ike_intermediate() -> None:
    identity = maced_id(SHA256, b"pi", b"\2\0\0\0peer")
    assert identity == h(b"pi", b"\2\0\0\0peer")
    assert signed_octets(b"message", b"nonce", identity) == b"messagenonce" + identity
    assert signed_octets(b"message", b"nonce", identity, b"intauth") == b"messagenonce" + identity + b"intauth"


def test_shared_key_auth() -> None:
    assert shared_key_auth(SHA256, b"secret", b"octets") == h(h(b"secret", b"Key Pad for IKEv2"), b"octets")

"""What NIST's vectors do not reach: RFC 9370's formulas, written out a second time with plain HMAC."""

from __future__ import annotations

import hmac
from dataclasses import astuple, fields, replace

import pytest

from harness.crypto.key_schedule import (
    IkeKeys,
    KeySchedule,
    after_intermediate,
    after_rekey,
    after_sa_init,
    child_keys,
)
from harness.crypto.prf import prf
from harness.crypto.protection import protection
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

SHA256 = prf(algorithm(TransformType.PRF, "hmac-sha2-256"))
SHA512 = prf(algorithm(TransformType.PRF, "hmac-sha2-512"))
GCM = protection(algorithm(TransformType.ENCR, "aes-256-gcm-16"), None)
CBC = protection(algorithm(TransformType.ENCR, "aes-256-cbc"), algorithm(TransformType.INTEG, "hmac-sha2-256-128"))
NI, NR, SPI_I, SPI_R = b"i" * 32, b"r" * 32, b"I" * 8, b"R" * 8
SCHEDULE = KeySchedule(SHA256, GCM, NI, NR, SPI_I, SPI_R)


def h(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def stream(key: bytes, seed: bytes, blocks: int = 16) -> bytes:
    out, block = b"", b""
    for n in range(1, blocks + 1):
        block = h(key, block + seed + bytes([n]))
        out += block
    return out


def joined(keys: IkeKeys) -> bytes:
    return b"".join(astuple(keys)[1:])


def test_sizes_and_order_with_an_aead() -> None:
    keys = after_sa_init(SCHEDULE, b"g" * 32)
    assert [len(part) for part in astuple(keys)[1:]] == [32, 0, 0, 36, 36, 32, 32]
    assert joined(keys) == stream(h(NI + NR, b"g" * 32), NI + NR + SPI_I + SPI_R)[: 32 + 72 + 64]
    assert keys.generation == 0


def test_sizes_and_order_with_a_mac() -> None:
    keys = after_sa_init(replace(SCHEDULE, protection=CBC), b"g" * 32)
    assert [len(part) for part in astuple(keys)[1:]] == [32, 32, 32, 32, 32, 32, 32]
    assert joined(keys) == stream(h(NI + NR, b"g" * 32), NI + NR + SPI_I + SPI_R)[: 7 * 32]


def test_each_intermediate_exchange_makes_the_next_generation() -> None:
    """RFC 9370 section 2.2.2: SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr)."""
    keys = after_sa_init(SCHEDULE, b"g" * 32)
    for n, secret in enumerate((b"1" * 32, b"2" * 48), start=1):
        following = after_intermediate(SCHEDULE, keys, secret)
        skeyseed = h(keys.sk_d, secret + NI + NR)
        assert joined(following) == stream(skeyseed, NI + NR + SPI_I + SPI_R)[: 32 + 72 + 64]
        assert following.generation == n
        keys = following


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_every_secret_enters_the_last_generation(changed: int) -> None:
    def last(secrets: list[bytes]) -> bytes:
        keys = after_sa_init(SCHEDULE, secrets[0])
        for secret in secrets[1:]:
            keys = after_intermediate(SCHEDULE, keys, secret)
        return joined(keys)

    secrets = [b"0" * 32, b"1" * 32, b"2" * 32]
    other = [*secrets]
    other[changed] = b"x" * 32
    assert last(secrets) != last(other)


def test_rekey_puts_the_first_secret_before_and_the_others_behind_the_nonces() -> None:
    """RFC 9370 section 2.2.4, with the old SA's prf for SKEYSEED and the new one's for the keys (RFC 7296 s. 2.18)."""
    new = replace(SCHEDULE, prf=SHA512)
    keys = after_rekey(new, SHA256, b"d" * 32, (b"0" * 32, b"1" * 32, b"2" * 32))
    skeyseed = h(b"d" * 32, b"0" * 32 + NI + NR + b"1" * 32 + b"2" * 32)
    assert len(keys.sk_d) == 64
    assert keys.sk_d == hmac.digest(skeyseed, NI + NR + SPI_I + SPI_R + b"\x01", "sha512")
    assert keys.generation == 0
    with pytest.raises(ValueError, match="without a key exchange"):
        after_rekey(new, SHA256, b"d" * 32, ())


@pytest.mark.parametrize("secrets", [(), (b"0" * 32,), (b"0" * 32, b"1" * 32, b"2" * 32)])
def test_child_keys(secrets: tuple[bytes, ...]) -> None:
    keys = child_keys(SHA256, b"d" * 32, NI, NR, CBC, secrets)
    seed = b"".join(secrets[:1]) + NI + NR + b"".join(secrets[1:])
    expected = stream(b"d" * 32, seed)
    assert keys.initiator_encryption == expected[0:32]
    assert keys.initiator_integrity == expected[32:64]
    assert keys.responder_encryption == expected[64:96]
    assert keys.responder_integrity == expected[96:128]


def test_secrets_do_not_print() -> None:
    keys = after_sa_init(SCHEDULE, b"g" * 32)
    assert repr(keys) == "IkeKeys(generation=0)"
    assert repr(child_keys(SHA256, b"d", NI, NR, GCM)) == "ChildKeys()"
    assert [field.name for field in fields(keys)][1:] == ["sk_d", "sk_ai", "sk_ar", "sk_ei", "sk_er", "sk_pi", "sk_pr"]

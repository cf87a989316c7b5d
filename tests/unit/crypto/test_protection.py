from __future__ import annotations

import pytest

from harness.crypto.errors import IntegrityError, MethodUnavailable
from harness.crypto.protection import implemented, protection
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import TransformType


def encr(name: str) -> Algorithm:
    return algorithm(TransformType.ENCR, name)


def integ(name: str) -> Algorithm:
    return algorithm(TransformType.INTEG, name)


SUITES = [
    pytest.param(cipher, mac, id=cipher.name(TransformType.ENCR) + (f"+{mac.name(TransformType.INTEG)}" if mac else ""))
    for cipher, mac in implemented()
]


@pytest.mark.parametrize(
    ("cipher", "mac", "sizes"),
    [  # encryption key, integrity key, IV, block, ICV: RFC 4106, RFC 5282, RFC 7634; RFC 3602, RFC 2404, RFC 4868
        ("aes-128-gcm-16", None, (20, 0, 8, 1, 16)),
        ("aes-256-gcm-16", None, (36, 0, 8, 1, 16)),
        ("aes-256-gcm-12", None, (36, 0, 8, 1, 12)),
        ("aes-192-gcm-8", None, (28, 0, 8, 1, 8)),
        ("chacha20-poly1305", None, (36, 0, 8, 1, 16)),
        ("aes-128-cbc", "hmac-sha1-96", (16, 20, 16, 16, 12)),
        ("aes-256-cbc", "hmac-sha2-256-128", (32, 32, 16, 16, 16)),
        ("aes-256-cbc", "hmac-sha2-384-192", (32, 48, 16, 16, 24)),
        ("aes-192-cbc", "hmac-sha2-512-256", (24, 64, 16, 16, 32)),
    ],
)
def test_sizes(cipher: str, mac: str | None, sizes: tuple[int, ...]) -> None:
    p = protection(encr(cipher), integ(mac) if mac else None)
    assert sizes == (p.encryption_key_octets, p.integrity_key_octets, p.iv_octets, p.block_octets, p.icv_octets)


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
def test_any_changed_octet_is_noticed(cipher: Algorithm, mac: Algorithm | None) -> None:
    p = protection(cipher, mac)
    ke, ka, iv = b"e" * p.encryption_key_octets, b"a" * p.integrity_key_octets, b"i" * p.iv_octets
    associated, plaintext = b"header", b"p" * 32
    sealed = p.seal(ke, ka, iv, associated, plaintext)
    assert len(sealed) == len(plaintext) + p.icv_octets
    assert p.open(ke, ka, iv, associated, sealed) == plaintext
    for index in range(len(sealed)):
        changed = sealed[:index] + bytes((sealed[index] ^ 0x80,)) + sealed[index + 1 :]
        with pytest.raises(IntegrityError):
            p.open(ke, ka, iv, associated, changed)
    for length in range(len(sealed)):
        with pytest.raises(IntegrityError):
            p.open(ke, ka, iv, associated, sealed[:length])
    with pytest.raises(IntegrityError):
        p.open(ke, ka, iv, b"Header", sealed)
    with pytest.raises(IntegrityError):
        p.open(ke, ka, b"I" + iv[1:], associated, sealed)
    with pytest.raises(IntegrityError):
        p.open(b"E" + ke[1:], ka, iv, associated, sealed) if not ka else p.open(ke, b"A" + ka[1:], iv, b"", sealed)


@pytest.mark.parametrize(("cipher", "mac"), SUITES)
def test_wrong_sizes_are_mistakes_of_the_caller(cipher: Algorithm, mac: Algorithm | None) -> None:
    p = protection(cipher, mac)
    ke, ka, iv = b"e" * p.encryption_key_octets, b"a" * p.integrity_key_octets, b"i" * p.iv_octets
    for bad in ((ke[1:], ka, iv), (ke, ka + b"a", iv), (ke, ka, iv[1:])):
        with pytest.raises(ValueError, match=r"octets|integrity key"):
            p.seal(*bad, b"", bytes(16))
        with pytest.raises(ValueError, match=r"octets|integrity key"):
            p.open(*bad, b"", bytes(64))
    if p.block_octets > 1:
        with pytest.raises(ValueError, match="multiples of 16"):
            p.seal(ke, ka, iv, b"", b"x")


def test_trailer_is_authenticated_behind_the_ciphertext_and_not_sent() -> None:
    p = protection(encr("aes-128-cbc"), integ("hmac-sha2-256-128"))
    ke, ka, iv = bytes(16), bytes(32), bytes(16)
    sealed = p.seal(ke, ka, iv, b"head", bytes(16), trailer=b"high")
    assert len(sealed) == 32
    assert p.open(ke, ka, iv, b"head", sealed, trailer=b"high") == bytes(16)
    with pytest.raises(IntegrityError):
        p.open(ke, ka, iv, b"head", sealed)


def test_short_tags_are_the_first_octets_of_the_long_one() -> None:
    """RFC 4106 section 6."""
    key, iv = bytes(36), bytes(8)
    long = protection(encr("aes-256-gcm-16"), None).seal(key, b"", iv, b"aad", b"text")
    for name, octets in (("aes-256-gcm-12", 12), ("aes-256-gcm-8", 8)):
        assert protection(encr(name), None).seal(key, b"", iv, b"aad", b"text") == long[: 4 + octets]


@pytest.mark.parametrize(
    ("cipher", "mac"),
    [("aes-256-gcm-16", "hmac-sha2-256-128"), ("aes-256-cbc", None), ("aes-256-cbc", "none"), ("3des", "hmac-sha1-96"),
     ("aes-256-ctr", "hmac-sha1-96"), ("aes-256-cbc", "aes-cmac-96")],
)  # fmt: skip
def test_impossible_pairs_are_refused(cipher: str, mac: str | None) -> None:
    with pytest.raises(MethodUnavailable, match=cipher):
        protection(encr(cipher), integ(mac) if mac else None)


def test_integrity_none_is_the_same_as_no_transform() -> None:
    assert protection(encr("aes-256-gcm-16"), integ("none")) is protection(encr("aes-256-gcm-16"), None)

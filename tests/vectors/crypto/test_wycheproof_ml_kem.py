"""Wycheproof's ML-KEM vectors on both providers: key generation, encapsulation, decapsulation, and refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.crypto import ml_kem
from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.interface import KeyExchange
from harness.registry.transforms import KeyExchangeMethod

FOLDER = Path(__file__).parent.parent / "wycheproof"

PROVIDERS = [
    pytest.param(36, "cryptography", id="768-cryptography"),
    pytest.param(37, "cryptography", id="1024-cryptography"),
    pytest.param(35, "liboqs", id="512-liboqs", marks=pytest.mark.liboqs),
    pytest.param(36, "liboqs", id="768-liboqs", marks=pytest.mark.liboqs),
    pytest.param(37, "liboqs", id="1024-liboqs", marks=pytest.mark.liboqs),
]


def load(number: int, kind: str) -> list[dict[str, Any]]:
    size = {35: 512, 36: 768, 37: 1024}[number]
    document = json.loads((FOLDER / f"mlkem_{size}_{kind}.json").read_text())
    tests = [test for group in document["testGroups"] for test in group["tests"]]
    assert len(tests) == document["numberOfTests"]
    return tests


def fixed(octets: bytes) -> Any:
    def rng(count: int) -> bytes:
        assert count == len(octets)
        return octets

    return rng


def method(number: int, provider: str) -> KeyExchange:
    return ml_kem.provider(KeyExchangeMethod(number), provider)


@pytest.mark.parametrize(("number", "provider"), PROVIDERS)
def test_key_generation_from_seed(number: int, provider: str) -> None:
    vectors = load(number, "keygen_seed_test")
    assert len(vectors) >= 2
    for vector in vectors:
        pair = method(number, provider).generate(fixed(bytes.fromhex(vector["seed"])))
        assert pair.public.hex() == vector["ek"], vector["tcId"]


@pytest.mark.liboqs
@pytest.mark.parametrize("number", [35, 36, 37])
def test_expanded_decapsulation_key(number: int) -> None:
    for vector in load(number, "keygen_seed_test"):
        pair = method(number, "liboqs").generate(fixed(bytes.fromhex(vector["seed"])))
        assert pair.private.octets.hex() == vector["dk"], vector["tcId"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(("number", "provider"), PROVIDERS)
def test_decapsulation(number: int, provider: str) -> None:
    """Valid ciphertexts, random and flipped ones (implicit rejection), and ciphertexts of the wrong length."""
    kem, valid, refused = method(number, provider), 0, 0
    for vector in load(number, "test"):
        seed, ciphertext = bytes.fromhex(vector["seed"]), bytes.fromhex(vector["c"])
        if len(seed) != ml_kem.SEED_OCTETS:
            assert vector["result"] == "invalid"  # a private key is never received, so nothing of ours reads one
            continue
        pair = kem.generate(fixed(seed))
        if vector["result"] == "invalid":
            with pytest.raises(InvalidKeyExchangeData, match="ciphertext"):
                kem.decapsulate(pair, ciphertext)
            refused += 1
        else:
            assert kem.decapsulate(pair, ciphertext).hex() == vector["K"], vector["tcId"]
            valid += 1
    assert valid >= 10
    assert refused >= 4


@pytest.mark.parametrize(("number", "provider"), PROVIDERS)
def test_bad_encapsulation_keys_are_refused(number: int, provider: str) -> None:
    """FIPS 203 section 7.2: the type check (length) and the modulus check."""
    kem, reasons = method(number, provider), set()
    for vector in load(number, "encaps_test"):
        if vector["result"] != "invalid":
            continue
        with pytest.raises(InvalidKeyExchangeData) as refusal:
            kem.encapsulate(bytes.fromhex(vector["ek"]), fixed(bytes.fromhex(vector["m"])))
        reasons.add(refusal.value.expected)
    assert "coefficients below 3329" in reasons
    assert any("encapsulation key of" in reason for reason in reasons)


@pytest.mark.liboqs
@pytest.mark.parametrize("number", [35, 36, 37])
def test_exact_ciphertexts(number: int) -> None:
    kem, valid = method(number, "liboqs"), 0
    for vector in load(number, "encaps_test"):
        if vector["result"] == "valid":
            ciphertext, secret = kem.encapsulate(bytes.fromhex(vector["ek"]), fixed(bytes.fromhex(vector["m"])))
            assert (ciphertext.hex(), secret.hex()) == (vector["c"], vector["K"]), vector["tcId"]
            valid += 1
    assert valid >= 8


@pytest.mark.parametrize("number", [36, 37])
def test_every_valid_encapsulation_key_is_accepted_by_the_first_provider(number: int) -> None:
    kem = method(number, "cryptography")
    for vector in load(number, "encaps_test"):
        if vector["result"] == "valid":
            ciphertext, secret = kem.encapsulate(bytes.fromhex(vector["ek"]), bytes)
            assert (len(ciphertext), len(secret)) == (kem.responder_octets, 32)

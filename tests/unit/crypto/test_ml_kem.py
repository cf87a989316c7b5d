"""What the vectors do not show: two providers against each other, and the check of FIPS 203 section 7.2 by itself."""

from __future__ import annotations

import secrets

import pytest

from harness.crypto import ml_kem
from harness.crypto.errors import InvalidKeyExchangeData, MethodUnavailable
from harness.registry.transforms import KeyExchangeMethod


@pytest.mark.liboqs
@pytest.mark.parametrize("number", [KeyExchangeMethod.ML_KEM_768, KeyExchangeMethod.ML_KEM_1024])
@pytest.mark.parametrize(("initiator", "responder"), [("cryptography", "liboqs"), ("liboqs", "cryptography")])
def test_providers_agree(number: KeyExchangeMethod, initiator: str, responder: str) -> None:
    ours, theirs = ml_kem.provider(number, initiator), ml_kem.provider(number, responder)
    pair = ours.generate(secrets.token_bytes)
    ciphertext, secret = theirs.encapsulate(pair.public, secrets.token_bytes)
    assert ours.decapsulate(pair, ciphertext) == secret
    flipped = bytes((ciphertext[0] ^ 1,)) + ciphertext[1:]
    assert ours.decapsulate(pair, flipped) != secret  # implicit rejection, FIPS 203 algorithm 18


@pytest.mark.liboqs
def test_implicit_rejection_is_the_same_on_both_providers() -> None:
    number, seed = KeyExchangeMethod.ML_KEM_768, secrets.token_bytes(64)
    ciphertext = secrets.token_bytes(1088)
    results = set()
    for name in ("cryptography", "liboqs"):
        kem = ml_kem.provider(number, name)
        results.add(kem.decapsulate(kem.generate(lambda _octets: seed), ciphertext))
    assert len(results) == 1


def test_cryptography_has_no_ml_kem_512() -> None:
    with pytest.raises(MethodUnavailable, match="ML-KEM-512"):
        ml_kem.provider(KeyExchangeMethod.ML_KEM_512, "cryptography")


@pytest.mark.parametrize("parameters", ml_kem.PARAMETER_SETS.values(), ids=lambda parameters: parameters.name)
def test_modulus_check_finds_any_single_coefficient(parameters: ml_kem.ParameterSet) -> None:
    count = 256 * parameters.k
    largest = sum(3328 << 12 * index for index in range(count))
    rho = b"\xff" * 32  # is not looked at

    def encode(packed: int) -> bytes:
        return packed.to_bytes(384 * parameters.k, "little") + rho

    ml_kem.check_modulus(encode(largest), parameters)
    ml_kem.check_modulus(encode(0), parameters)
    for index in (0, 1, 2, 255, 256, count - 2, count - 1):
        for value in (3329, 3330, 4095):
            bad = largest & ~(0xFFF << 12 * index) | value << 12 * index
            with pytest.raises(InvalidKeyExchangeData) as refusal:
                ml_kem.check_modulus(encode(bad), parameters)
            assert refusal.value.got == f"{value} as number {index}"

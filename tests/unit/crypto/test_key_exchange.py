"""Every method behind the one interface: agreement, sizes, replay from a fixed source, refusals."""

from __future__ import annotations

import random
import secrets

import pytest

from harness.crypto.errors import InvalidKeyExchangeData, MethodUnavailable
from harness.crypto.interface import KeyExchange
from harness.crypto.key_exchange import (
    available_methods,
    key_exchange,
    replayable_key_exchange,
    unavailable_reason,
)
from harness.registry.transforms import KeyExchangeMethod

# Octets of Key Exchange Data: RFC 3526 and RFC 2409, RFC 5903, RFC 8031, FIPS 203 table 3; 1035: OpenIKED, iked/dh.c.
SIZES = {
    2: (128, 128), 5: (192, 192), 14: (256, 256), 15: (384, 384), 16: (512, 512), 17: (768, 768), 18: (1024, 1024),
    19: (64, 64), 20: (96, 96), 21: (132, 132), 31: (32, 32), 32: (56, 56),
    35: (800, 768), 36: (1184, 1088), 37: (1568, 1568),
    1035: (1158 + 32, 1039 + 32),
}  # fmt: skip
SECRET_OCTETS = {19: 32, 20: 48, 21: 66, 31: 32, 32: 56, 35: 32, 36: 32, 37: 32, 1035: 64}
LIBOQS_ALONE = (35, 1035)


def with_marks(numbers: list[int]) -> list[object]:
    return [
        pytest.param(number, marks=pytest.mark.liboqs, id=str(number)) if number in LIBOQS_ALONE else number
        for number in numbers
    ]


def seeded(seed: int):  # type: ignore[no-untyped-def]
    return random.Random(seed).randbytes


def method(number: int) -> KeyExchange:
    return key_exchange(KeyExchangeMethod(number))


@pytest.mark.parametrize("number", with_marks(list(SIZES)))
def test_two_sides_agree(number: int) -> None:
    ke = method(number)
    assert (ke.number, ke.initiator_octets, ke.responder_octets) == (number, *SIZES[number])
    assert ke.post_quantum == (number in (35, 36, 37, 1035))
    pair = ke.generate(secrets.token_bytes)
    data, secret = ke.encapsulate(pair.public, secrets.token_bytes)
    assert ke.decapsulate(pair, data) == secret
    assert (len(pair.public), len(data)) == SIZES[number]
    assert len(secret) == SECRET_OCTETS.get(number, ke.initiator_octets)


@pytest.mark.parametrize("number", with_marks(list(SIZES)))
def test_keys_come_from_the_random_source_alone(number: int) -> None:
    ke = method(number)
    assert ke.generate(seeded(1)).public == ke.generate(seeded(1)).public
    assert ke.generate(seeded(1)).public != ke.generate(seeded(2)).public


@pytest.mark.parametrize(
    "number", [pytest.param(n, marks=pytest.mark.liboqs) if n in (35, 36, 37, 1035) else n for n in SIZES]
)
def test_replayable_methods_repeat_the_responder_too(number: int) -> None:
    ke = replayable_key_exchange(KeyExchangeMethod(number))
    public = ke.generate(seeded(1)).public
    assert ke.encapsulate(public, seeded(3)) == ke.encapsulate(public, seeded(3))
    assert ke.encapsulate(public, seeded(3)) != ke.encapsulate(public, seeded(4))


@pytest.mark.parametrize("number", with_marks(list(SIZES)))
@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_length_is_refused_with_both_lengths(number: int, change: int) -> None:
    ke = method(number)
    pair = ke.generate(secrets.token_bytes)
    public = pair.public[:change] if change < 0 else pair.public + b"\0"
    with pytest.raises(InvalidKeyExchangeData) as refusal:
        ke.encapsulate(public, secrets.token_bytes)
    assert str(ke.initiator_octets) in refusal.value.expected
    assert refusal.value.got == f"{len(public)} octets"
    with pytest.raises(InvalidKeyExchangeData):
        ke.decapsulate(pair, bytes(ke.responder_octets + change))


@pytest.mark.parametrize("number", with_marks(list(SIZES)))
def test_private_keys_do_not_print(number: int) -> None:
    pair = method(number).generate(secrets.token_bytes)
    assert "private" not in repr(pair)


@pytest.mark.parametrize("number", [0, 1, 22, 27, 1036, 65535])
def test_unknown_methods_say_so(number: int) -> None:
    with pytest.raises(MethodUnavailable, match=f"\\({number}\\) is not implemented"):
        method(number)
    assert str(number) in (unavailable_reason(KeyExchangeMethod(number)) or "")


def test_available_methods_are_in_numeric_order() -> None:
    numbers = [int(number) for number in available_methods()]
    assert numbers == sorted(numbers)
    assert set(SIZES) - set(LIBOQS_ALONE) <= set(numbers) <= set(SIZES)


@pytest.mark.liboqs
def test_ml_kem_512_is_available() -> None:
    assert unavailable_reason(KeyExchangeMethod.ML_KEM_512) is None
    assert KeyExchangeMethod.ML_KEM_512 in available_methods()

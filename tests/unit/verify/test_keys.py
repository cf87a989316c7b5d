from __future__ import annotations

from dataclasses import fields

import pytest
from case_builder import good

from harness.evidence.model import KeyGeneration
from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.verify.keys import ChildKeys, IkeKeys, child_keys, key_chain

NAMES = [field.name for field in fields(KeyGeneration)]
NONCES, SPIS = (bytes(32), b"\1" * 32), (b"\2" * 8, b"\3" * 8)
SUITE = Suite(
    1,
    {
        TransformType.ENCR: algorithm(TransformType.ENCR, "aes-256-gcm-16"),
        TransformType.PRF: algorithm(TransformType.PRF, "hmac-sha2-256"),
    },
)


@pytest.mark.parametrize("scenario", ["classical/modp3072", "hybrid/x25519-mlkem768", "multiple-ke/seven"])
def test_the_chain_is_what_both_engines_came_to(scenario):
    case = good(scenario)
    chain, recorded = case.view.chain, case.evidence.secrets.generations
    assert chain is not None
    computed = [[getattr(keys, name) for name in NAMES] for keys in chain.generations]
    assert computed == [[getattr(keys, name) for name in NAMES] for keys in recorded]


def test_every_generation_depends_on_every_secret_before_it():
    secrets = (b"first", b"second", b"third")
    whole = key_chain(SUITE, NONCES, SPIS, secrets).generations
    assert len(whole) == 3
    for index in range(3):
        other = (*secrets[:index], b"another", *secrets[index + 1 :])
        changed = key_chain(SUITE, NONCES, SPIS, other).generations
        for number in range(3):
            same = {name: getattr(whole[number], name) == getattr(changed[number], name) for name in NAMES}
            wanted = number < index
            assert all(same[name] == wanted for name in ("sk_d", "sk_ei", "sk_er", "sk_pi", "sk_pr"))


def test_without_prf_or_secret_there_is_no_chain():
    with pytest.raises(ValueError, match="at least one shared secret"):
        key_chain(SUITE, NONCES, SPIS, ())
    without = Suite(1, {TransformType.ENCR: SUITE.transforms[TransformType.ENCR]})
    with pytest.raises(ValueError, match="ENCR, PRF"):
        key_chain(without, NONCES, SPIS, (b"secret",))


def test_keys_do_not_print():
    chain = key_chain(SUITE, NONCES, SPIS, (b"secret",))
    assert chain.generations[0].sk_d.hex() not in repr(chain)


@pytest.mark.parametrize("keys", [IkeKeys, ChildKeys])
def test_each_kind_of_key_is_a_field_that_does_not_print(keys):
    names = [field.name for field in fields(keys)]
    assert repr(keys(*(name.encode() for name in names))) == f"{keys.__name__}()"


def test_integrity_none_is_no_integrity():
    """An answer may spell it out beside an AEAD (RFC 7296 section 3.3.3)."""
    spelled = Suite(1, {**SUITE.transforms, TransformType.INTEG: algorithm(TransformType.INTEG, "none")})
    chain = key_chain(SUITE, NONCES, SPIS, (b"secret",))
    assert key_chain(spelled, NONCES, SPIS, (b"secret",)) == chain
    assert child_keys(chain, spelled) == child_keys(chain, SUITE)

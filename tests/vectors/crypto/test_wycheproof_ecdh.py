"""Wycheproof's X25519, X448 and ECDH vectors, through the interface that the IKE engine uses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.key_exchange import key_exchange
from harness.registry.transforms import KeyExchangeMethod

FOLDER = Path(__file__).parent.parent / "wycheproof"


def load(name: str) -> list[dict[str, Any]]:
    document = json.loads((FOLDER / f"{name}.json").read_text())
    tests = [test for group in document["testGroups"] for test in group["tests"]]
    assert len(tests) == document["numberOfTests"] > 40
    return tests


@pytest.mark.parametrize(
    ("number", "name"), [(KeyExchangeMethod.CURVE25519, "x25519_test"), (KeyExchangeMethod.CURVE448, "x448_test")]
)
def test_montgomery_curves(number: KeyExchangeMethod, name: str) -> None:
    method, zeros, equal = key_exchange(number), 0, 0
    for vector in load(name):
        public, shared = bytes.fromhex(vector["public"]), bytes.fromhex(vector["shared"])
        pair = method.generate(lambda _octets, vector=vector: bytes.fromhex(vector["private"]))
        if vector["result"] == "invalid" or not any(shared):
            # RFC 8031 section 2.2 lets an implementation refuse an all-zero shared secret; ours does.
            with pytest.raises(InvalidKeyExchangeData):
                method.decapsulate(pair, public)
            zeros += 1
        else:
            assert method.decapsulate(pair, public) == shared, vector["tcId"]
            equal += 1
    assert zeros >= 1
    assert equal >= 40


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (KeyExchangeMethod.ECP_256, "ecdh_secp256r1_ecpoint_test"),
        (KeyExchangeMethod.ECP_384, "ecdh_secp384r1_ecpoint_test"),
        (KeyExchangeMethod.ECP_521, "ecdh_secp521r1_ecpoint_test"),
    ],
)
def test_ecp_groups(number: KeyExchangeMethod, name: str) -> None:
    method, refused, equal = key_exchange(number), set(), 0
    for vector in load(name):
        scalar = int(vector["private"], 16)
        pair = method.generate(lambda octets, scalar=scalar: (scalar - 1).to_bytes(octets, "big"))
        point = bytes.fromhex(vector["public"])[1:]  # IKE's form has no octet for the kind of point
        if vector["result"] == "invalid" or "CompressedPoint" in vector["flags"]:
            with pytest.raises(InvalidKeyExchangeData) as refusal:
                method.decapsulate(pair, point)
            refused.add(refusal.value.got)
        else:
            assert method.decapsulate(pair, point).hex() == vector["shared"], vector["tcId"]
            equal += 1
    assert "a point that is not on the curve" in refused
    assert equal > 20

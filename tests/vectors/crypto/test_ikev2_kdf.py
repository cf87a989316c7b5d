"""NIST's known answers for the IKEv2 key derivation functions (see ../nist/README.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import pytest

from harness.crypto.key_schedule import KeySchedule, after_rekey, after_sa_init, child_keys
from harness.crypto.prf import Prf, prf
from harness.crypto.protection import protection
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

SOURCE = Path(__file__).parent.parent / "nist" / "ikev2.fax"
PRFS = {"SHA-1": "hmac-sha1", "SHA-256": "hmac-sha2-256", "SHA-384": "hmac-sha2-384", "SHA-512": "hmac-sha2-512"}
Vector = dict[str, bytes]


def vectors() -> Iterator[tuple[Prf, Vector]]:
    digest = ""
    for block in re.split(r"\n\s*\n", SOURCE.read_text()):
        if found := re.search(r"^\[(SHA-\d+)\]$", block, re.MULTILINE):
            digest = found[1]
        fields = dict(re.findall(r"^(.+?) = ([0-9a-f]+)$", block, re.MULTILINE))
        if "SKEYSEED" in fields:
            del fields["COUNT"]
            name = algorithm(TransformType.PRF, PRFS[digest])
            yield prf(name), {key: bytes.fromhex(value) for key, value in fields.items()}


CASES = [pytest.param(*case, id=f"{index}-{case[0].name}") for index, case in enumerate(vectors())]
GCM = protection(algorithm(TransformType.ENCR, "aes-256-gcm-16"), None)
CBC = protection(
    algorithm(TransformType.ENCR, "aes-128-cbc"), algorithm(TransformType.INTEG, "hmac-sha1-96")
)  # with HMAC-SHA-1 its seven keys are just as long as NIST's shorter DKM


def schedule(function: Prf, v: Vector) -> KeySchedule:
    return KeySchedule(function, CBC, v["Ni"], v["Nr"], v["SPIi"], v["SPIr"])


def test_every_digest_and_length_is_there() -> None:
    seen = {(case.values[0].name, len(case.values[1]["Ni"])) for case in CASES}
    assert seen >= {(name, octets) for name in PRFS.values() for octets in (8, 256)}


@pytest.mark.parametrize(("function", "v"), CASES)
def test_initial_keys(function: Prf, v: Vector) -> None:
    assert function(v["Ni"] + v["Nr"], v["g^ir"]) == v["SKEYSEED"]
    seed = v["Ni"] + v["Nr"] + v["SPIi"] + v["SPIr"]
    assert function.plus(v["SKEYSEED"], seed, len(v["DKM"])) == v["DKM"]
    _, *keys = astuple(after_sa_init(schedule(function, v), v["g^ir"]))
    stream = b"".join(keys)
    common = min(len(stream), len(v["DKM"]))
    assert stream[:common] == v["DKM"][:common]
    if function.name == "hmac-sha1" and len(v["DKM"]) == 132:
        assert stream == v["DKM"]


@pytest.mark.parametrize(("function", "v"), CASES)
def test_child_keys(function: Prf, v: Vector) -> None:
    sk_d = v["DKM"][: function.key_octets]
    for secrets, name in (((), "DKM(Child SA)"), ((v["g^ir (new)"],), "DKM(Child SA D-H)")):
        for cipher in (GCM, CBC):
            keys = b"".join(astuple(child_keys(function, sk_d, v["Ni"], v["Nr"], cipher, secrets)))
            assert keys == v[name][: len(keys)]
            assert len(keys) == 2 * (cipher.encryption_key_octets + cipher.integrity_key_octets)


@pytest.mark.parametrize(("function", "v"), CASES)
def test_rekeyed_ike_sa(function: Prf, v: Vector) -> None:
    sk_d = v["DKM"][: function.key_octets]
    keys = after_rekey(schedule(function, v), function, sk_d, (v["g^ir (new)"],))
    seed = v["Ni"] + v["Nr"] + v["SPIi"] + v["SPIr"]
    _, *parts = astuple(keys)
    assert b"".join(parts) == function.plus(v["SKEYSEED(Rekey)"], seed, sum(map(len, parts)))

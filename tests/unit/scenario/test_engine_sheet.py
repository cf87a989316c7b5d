"""The sheet of our own engine names what its primitives can compute, no more and no less."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.crypto import liboqs
from harness.crypto.errors import MethodUnavailable
from harness.crypto.key_exchange import available_methods
from harness.crypto.prf import prf
from harness.crypto.protection import protection
from harness.policy.role import ENGINE_NAME
from harness.registry.algorithms import Algorithm, names
from harness.registry.transforms import Integrity, TransformType
from harness.scenario.peer_file import load_peers


@pytest.fixture(scope="module")
def sheet(root: Path):
    return load_peers(root / "peers")[ENGINE_NAME].capabilities


def can(build, *arguments) -> bool:
    try:
        build(*arguments)
    except MethodUnavailable:
        return False
    return True


@pytest.mark.liboqs
@pytest.mark.skipif(liboqs.unavailable_reason() is not None, reason="needs liboqs for ML-KEM-512 and sntrup761")
def test_its_key_exchange_methods(sheet):
    assert {one.identifier for one in sheet.ike[TransformType.KE]} == {int(each) for each in available_methods()}


def test_its_ciphers_prfs_and_integrity(sheet):
    mac = Algorithm(Integrity.AUTH_HMAC_SHA2_256_128)
    every = names(TransformType.ENCR).values()
    able = {one for one in every if can(protection, one, None) or can(protection, one, mac)}
    assert sheet.ike[TransformType.ENCR] == able
    assert sheet.ike[TransformType.ENCR] == sheet.esp[TransformType.ENCR]
    assert sheet.ike[TransformType.PRF] == {one for one in names(TransformType.PRF).values() if can(prf, one)}
    cbc = next(one for name, one in names(TransformType.ENCR).items() if name == "aes-128-cbc")
    macs = {one for name, one in names(TransformType.INTEG).items() if name != "none" and can(protection, cbc, one)}
    assert sheet.ike[TransformType.INTEG] == macs == sheet.esp[TransformType.INTEG]

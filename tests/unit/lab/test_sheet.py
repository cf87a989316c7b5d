"""UNSUPPORTED rests on the capability sheet, so a sheet that is not what the build says of itself stops the peer."""

import pytest

from harness.lab.errors import WrongSheet
from harness.lab.laboratory import project_root
from harness.lab.running_peer import _check_sheet
from harness.registry.transforms import TransformType
from harness.scenario.peer_file import load_peers

PEER = load_peers(project_root() / "peers")["strongswan-6.0"]
SHEET = frozenset(algorithm.name(TransformType.KE) for algorithm in PEER.capabilities.ike[TransformType.KE])


def test_a_build_that_is_what_its_sheet_says():
    _check_sheet(PEER, SHEET)


def test_a_product_that_cannot_tell_is_believed():
    _check_sheet(PEER, None)


def test_a_method_that_the_build_lacks():
    with pytest.raises(WrongSheet, match=r"strongswan-6\.0: its peer\.toml names ecp384, which the daemon lacks"):
        _check_sheet(PEER, SHEET - {"ecp384"})


def test_a_method_that_the_sheet_lacks():
    with pytest.raises(WrongSheet, match=r"the daemon has ml-kem-768, which its peer\.toml does not name"):
        _check_sheet(PEER, SHEET | {"ml-kem-768"})

import pytest

from harness.registry.algorithms import Algorithm, algorithm, names
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType

NAMED = [kind for kind in TransformType.known() if names(kind)]


@pytest.mark.parametrize("kind", NAMED)
def test_every_spelling_leads_there_and_back(kind):
    table = names(kind)
    assert len(set(table.values())) == len(table)
    for name, expected in table.items():
        assert algorithm(kind, name) == expected
        assert expected.name(kind) == name


@pytest.mark.parametrize(
    ("kind", "name", "identifier", "key_length"),
    [
        (TransformType.KE, "curve25519", 31, None),
        (TransformType.KE, "ecp384", 20, None),
        (TransformType.KE, "modp3072", 15, None),
        (TransformType.ADDKE7, "ml-kem-768", 36, None),
        (TransformType.ADDKE1, "none", 0, None),
        (TransformType.ENCR, "aes-256-gcm-16", 20, 256),
        (TransformType.ENCR, "aes-128-cbc", 12, 128),
        (TransformType.ENCR, "chacha20-poly1305", 28, None),
        (TransformType.PRF, "hmac-sha2-512", 7, None),
        (TransformType.INTEG, "hmac-sha2-256-128", 12, None),
        (TransformType.SN, "no-esn", 0, None),
        (TransformType.KE, "private-use-1080", 1080, None),
        (TransformType(241), "private-use-65535", 65535, None),
    ],
)
def test_the_spelling_is_the_registry_s(kind, name, identifier, key_length):
    assert algorithm(kind, name) == Algorithm(identifier, key_length)
    assert Algorithm(identifier, key_length).name(kind) == name


@pytest.mark.parametrize("name", ["x25519", "ML-KEM-768", "mlkem768", "", "private-use-1023", "private-use-65536"])
def test_there_is_no_other_spelling(name):
    with pytest.raises(KeyError, match="unknown KE algorithm"):
        algorithm(TransformType.KE, name)


def test_additional_key_exchanges_share_the_registry_of_the_first():
    assert all(names(kind) == names(TransformType.KE) for kind in ADDITIONAL_KEY_EXCHANGES)


def test_a_key_length_that_makes_it_no_algorithm_is_left_out_of_account_beside_what_is_told():
    prf, encr = TransformType.PRF, TransformType.ENCR
    assert Algorithm(5, 256).name_beside("hmac-sha2-256", prf) == "hmac-sha2-256"
    assert Algorithm(5, 256).name_beside("hmac-sha1", prf) == Algorithm(5, 256).name_beside(None, prf)
    assert Algorithm(5, 256).name_beside(None, prf) == "unassigned-5-256"
    assert Algorithm(5).name_beside("hmac-sha1", prf) == "hmac-sha2-256"
    assert Algorithm(20).name_beside("aes-256-gcm-16", encr) == "aes-256-gcm-16"
    assert Algorithm(20, 128).name_beside("aes-256-gcm-16", encr) == "aes-128-gcm-16"
    assert Algorithm(36, 1).name_beside("ml-kem-768", TransformType.ADDKE2) == "ml-kem-768"


def test_numbers_without_a_name_are_still_shown():
    assert Algorithm(99).name(TransformType.KE) == "unassigned-99"
    assert Algorithm(20, 512).name(TransformType.ENCR) == "unassigned-20-512"

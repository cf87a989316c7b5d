"""The one table of strongSwan's spellings."""

import pytest

from harness.lab.errors import Inexpressible
from harness.lab.products.strongswan.keywords import keyword, proposals, reported_name
from harness.policy.proposals import ProposalPolicy
from harness.registry.algorithms import Algorithm, algorithm, names
from harness.registry.transforms import TransformType


def policy(**transforms: list[str]) -> ProposalPolicy:
    return ProposalPolicy(
        {
            TransformType[kind.upper()]: tuple(algorithm(TransformType[kind.upper()], name) for name in wanted)
            for kind, wanted in transforms.items()
        }
    )


def test_a_hybrid_proposal_is_written_type_by_type_in_the_order_of_preference():
    hybrid = policy(
        encr=["aes-256-gcm-16", "aes-128-gcm-16"], prf=["hmac-sha2-384"], ke=["ecp384", "curve25519"],
        addke1=["ml-kem-1024"], addke3=["modp3072", "none"],
    )  # fmt: skip
    classical = policy(encr=["aes-256-cbc"], prf=["hmac-sha2-256"], integ=["hmac-sha2-256-128"], ke=["modp2048"])
    assert proposals((hybrid, classical)) == [
        "aes256gcm16-aes128gcm16-prfsha384-ecp384-curve25519-ke1_mlkem1024-ke3_modp3072-ke3_none",
        "aes256-prfsha256-sha256-modp2048",
    ]


def test_esp_says_whether_sequence_numbers_are_extended_and_integ_none_is_left_out():
    esp = policy(encr=["chacha20-poly1305"], integ=["none"], sn=["no-esn", "esn"])
    assert proposals((esp,)) == ["chacha20poly1305-noesn-esn"]


def test_a_method_without_a_keyword_is_refused_by_name():
    with pytest.raises(Inexpressible, match="ADDKE1 private-use-1080"):
        keyword(TransformType.ADDKE1, Algorithm(1080))
    with pytest.raises(Inexpressible, match="KE sntrup761x25519"):
        keyword(TransformType.KE, Algorithm(1035))


@pytest.mark.parametrize("kind", [TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE])
def test_every_algorithm_that_iana_names_has_a_keyword(kind):
    for name, known in names(kind).items():
        if (kind, name) != (TransformType.INTEG, "none") and known.identifier < 1024:
            assert keyword(kind, known), name


def test_keywords_are_not_shared_between_algorithms_of_one_type():
    for kind in (TransformType.ENCR, TransformType.PRF, TransformType.KE):
        keywords = [keyword(kind, known) for known in names(kind).values() if known.identifier < 1024]
        assert len(set(keywords)) == len(keywords)


@pytest.mark.parametrize(
    ("kind", "reported", "bits", "ours"),
    [
        (TransformType.ENCR, "AES_GCM_16", 256, "aes-256-gcm-16"),
        (TransformType.ENCR, "AES_CBC", 128, "aes-128-cbc"),
        (TransformType.ENCR, "CHACHA20_POLY1305", None, "chacha20-poly1305"),
        (TransformType.INTEG, "HMAC_SHA2_384_192", None, "hmac-sha2-384-192"),
        (TransformType.KE, "ECP_256_BP", None, "brainpoolp256r1"),
        (TransformType.ADDKE2, "ML_KEM_512", None, "ml-kem-512"),
        (TransformType.KE, "NEWHOPE_128", None, None),
    ],
)
def test_reported_names_become_ours_and_unknown_ones_have_none(kind, reported, bits, ours):
    assert reported_name(kind, reported, bits) == ours

"""Our registries against an independent table of the same numbers (tests/vectors/registry/README.md)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.registry import identities, messages, notifications, transforms
from harness.registry.open_enum import OpenEnum

TABLES = Path(__file__).resolve().parents[2] / "vectors" / "registry"

# How the source words what the registry names; applied in this order to both sides after upper-casing.
WORDING = [
    (r"\(.*?\)", ""),
    (r"[^A-Z0-9]+", "_"),
    (r"^_+|_+$", ""),
]

# The source's wording of single rows, where it is prose and not a name.
SAME = {
    "payload-types": {
        0: "NO_NEXT_PAYLOAD", 33: "SA", 34: "KE", 35: "IDI", 36: "IDR", 37: "CERT", 38: "CERTREQ", 39: "AUTH",
        43: "VENDOR_ID", 44: "TSI", 45: "TSR", 46: "SK", 47: "CP", 48: "EAP", 53: "SKF",
    },
    "transform-types": {1: "ENCR", 2: "PRF", 3: "INTEG", 4: "KE", 5: "SN"},
    "encryption": {
        14: "ENCR_AES_CCM_8", 15: "ENCR_AES_CCM_12", 16: "ENCR_AES_CCM_16",
        18: "ENCR_AES_GCM_8", 19: "ENCR_AES_GCM_12", 20: "ENCR_AES_GCM_16",
        25: "ENCR_CAMELLIA_CCM_8", 26: "ENCR_CAMELLIA_CCM_12", 27: "ENCR_CAMELLIA_CCM_16",
    },
    "key-exchange-methods": {
        0: "NONE", 1: "MODP_768", 2: "MODP_1024", 5: "MODP_1536", 14: "MODP_2048", 15: "MODP_3072", 16: "MODP_4096",
        17: "MODP_6144", 18: "MODP_8192", 19: "ECP_256", 20: "ECP_384", 21: "ECP_521", 22: "MODP_1024_160",
        23: "MODP_2048_224", 24: "MODP_2048_256", 25: "ECP_192", 26: "ECP_224", 27: "BRAINPOOL_P224R1",
        28: "BRAINPOOL_P256R1", 29: "BRAINPOOL_P384R1", 30: "BRAINPOOL_P512R1",
    },
    "identification-types": {
        1: "ID_IPV4_ADDR", 2: "ID_FQDN", 5: "ID_IPV6_ADDR", 9: "ID_DER_ASN1_DN", 10: "ID_DER_ASN1_GN", 11: "ID_KEY_ID",
    },
    "authentication-methods": {
        9: "ECDSA_SHA_256_P256", 10: "ECDSA_SHA_384_P384", 11: "ECDSA_SHA_512_P521",
        12: "GENERIC_SECURE_PASSWORD", 13: "NULL",
    },
}  # fmt: skip

# Where the source is mistaken or behind: the number and the document that gives the name we use.
SOURCE_DIFFERS = {
    (
        "notify-types",
        46,
    ): "G-IKEv2 (draft-ietf-ipsecme-g-ikev2): AUTHORIZATION_FAILED; the source repeats the name of 44",
    ("notify-types", 16440): "RFC 8983 section 6: IP6_ALLOWED; the source repeats the name of 16439",
    ("prf", 4): "RFC 4434: PRF_AES128_XCBC; the source says CBC",
    ("prf", 8): "RFC 4615: PRF_AES128_CMAC; the source appends a 6",
    ("identification-types", 12): "RFC 4595: ID_FC_NAME; the source has IKEv1's KEY_LIST",
}

# Numbers that the source has and we leave out, because nothing in this project meets them.
NOT_OURS = {
    "exchange-types": {39, 40, 41},  # G-IKEv2
    "payload-types": {49, 50, 51, 52},  # GSPM, G-IKEv2
    "key-exchange-methods": {3, 4, *range(6, 14)},  # EC2N groups of IKEv1
}

# Numbers that we have and the source lacks, with the document that assigns them.
NOT_IN_SOURCE = {
    "payload-types": {54: "RFC 8019 section 8.2"},
    "notify-types": {
        48: "RFC 9611",
        16443: "RFC 9593",
        16444: "RFC 9611",
        16445: "RFC 9867",
        16446: "RFC 9867",
        16447: "draft-ietf-ipsecme-ikev2-downgrade-prevention",
    },
    "identification-types": {13: "RFC 7619"},
    "key-exchange-methods": {1035: "private use; iked/ikev2.h of OpenIKED"},
    "traffic-selector-types": {10: "RFC 9478"},
}

REGISTRIES: dict[str, type[OpenEnum]] = {
    "exchange-types": messages.ExchangeType,
    "payload-types": messages.PayloadType,
    "notify-types": notifications.NotifyType,
    "transform-types": transforms.TransformType,
    "encryption": transforms.Encryption,
    "prf": transforms.PseudorandomFunction,
    "integrity": transforms.Integrity,
    "key-exchange-methods": transforms.KeyExchangeMethod,
    "sequence-numbers": transforms.SequenceNumbers,
    "identification-types": identities.IdentificationType,
    "authentication-methods": identities.AuthenticationMethod,
    "hash-algorithms": identities.HashAlgorithm,
    "traffic-selector-types": identities.TrafficSelectorType,
    "configuration-types": identities.ConfigurationType,
}


def table(name: str) -> dict[int, str]:
    rows = (line.split("\t") for line in (TABLES / f"{name}.tsv").read_text().splitlines())
    return {int(number): words for number, words in rows}


def normalised(words: str) -> str:
    for pattern, replacement in WORDING:
        words = re.sub(pattern, replacement, words.upper())
    return words


@pytest.mark.parametrize("name", REGISTRIES)
def test_every_number_and_name_agrees(name):
    theirs, ours = table(name), REGISTRIES[name]
    compared = 0
    for number, words in theirs.items():
        if number in NOT_OURS.get(name, ()) or (name, number) in SOURCE_DIFFERS:
            continue
        expected = SAME.get(name, {}).get(number) or normalised(words)
        assert ours(number).is_known, f"{number} {words} is missing"
        assert normalised(ours(number).name) == expected
        compared += 1
    assert compared >= min(len(theirs), 2)


@pytest.mark.parametrize("name", REGISTRIES)
def test_we_name_no_number_that_nobody_else_does(name):
    ours = {int(member) for member in REGISTRIES[name].known()}
    assert ours - set(table(name)) == set(NOT_IN_SOURCE.get(name, {}))
    assert set(table(name)) - ours == NOT_OURS.get(name, set())


def test_the_listed_differences_are_still_differences():
    for name, number in SOURCE_DIFFERS:
        assert normalised(REGISTRIES[name](number).name) != normalised(table(name)[number])


def test_every_table_of_the_source_is_compared():
    assert {path.stem for path in TABLES.glob("*.tsv")} == set(REGISTRIES)

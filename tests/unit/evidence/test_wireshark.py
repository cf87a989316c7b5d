from __future__ import annotations

from harness.evidence.model import ChildSecrets, KeyGeneration
from harness.evidence.wireshark import esp_table, ikev2_table
from harness.policy.proposals import Suite
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

KEYS = KeyGeneration(*(bytes([number]) * 4 for number in range(1, 8)))
SPIS = (bytes.fromhex("0102030405060708"), bytes.fromhex("1112131415161718"))


def suite(**names: str) -> Suite:
    return Suite(1, {TransformType[kind]: algorithm(TransformType[kind], name) for kind, name in names.items()})


def child(**names: str) -> ChildSecrets:
    integrity = (b"\xb1", b"\xb2") if "INTEG" in names else (b"", b"")
    return ChildSecrets(b"\0\0\0\1", b"\0\0\0\2", suite(**names), b"\xa1", integrity[0], b"\xa2", integrity[1])


def test_ikev2_line_of_an_aead():
    assert ikev2_table(suite(ENCR="aes-256-gcm-16"), SPIS, KEYS) == (
        "0102030405060708,1112131415161718,04040404,05050505,"
        '"AES-GCM-256 with 16 octet ICV [RFC5282]",02020202,03030303,"NONE [RFC4306]"\n'
    )


def test_ikev2_line_of_cipher_and_mac():
    line = ikev2_table(suite(ENCR="aes-128-cbc", INTEG="hmac-sha2-384-192"), SPIS, KEYS)
    assert '"AES-CBC-128 [RFC3602]",02020202,03030303,"HMAC_SHA2_384_192 [RFC4868]"' in line


def test_what_wireshark_cannot_is_a_comment_that_keeps_the_keys():
    line = ikev2_table(suite(ENCR="chacha20-poly1305"), SPIS, KEYS)
    assert line.startswith("#") and "04040404" in line and line.count("\n") == 1
    assert all(text.startswith("#") for text in esp_table(child(ENCR="aes-256-ctr"), "a", "b").splitlines())


def test_esp_lines_are_keyed_by_the_receivers_spi():
    assert esp_table(child(ENCR="aes-256-gcm-16", SN="no-esn"), "198.51.100.1", "198.51.100.2").splitlines() == [
        '"IPv4","198.51.100.1","198.51.100.2","0x00000002","AES-GCM with 16 octet ICV [RFC4106]","0xa1","NULL",""',
        '"IPv4","198.51.100.2","198.51.100.1","0x00000001","AES-GCM with 16 octet ICV [RFC4106]","0xa2","NULL",""',
    ]


def test_esp_line_with_extended_sequence_numbers_and_mac():
    lines = esp_table(child(ENCR="aes-128-cbc", INTEG="hmac-sha2-256-128", SN="esn"), "a", "b").splitlines()
    assert lines[0].endswith('"AES-CBC [RFC3602]","0xa1","HMAC-SHA-256-128 [RFC4868]","0xb1","64-bit"')
    assert lines[1].endswith('"0xa2","HMAC-SHA-256-128 [RFC4868]","0xb2","64-bit"')

"""Scapy's ESP against ours, in both directions: it shares no code with this package."""

from __future__ import annotations

import pytest
from scapy.layers import ipsec as scapy_ipsec
from scapy.layers.inet import ICMP, IP

from harness.crypto.protection import protection
from harness.esp.packet import NextHeader
from harness.esp.sa import EspSa, Inbound
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

CASES = [
    ("aes-128-gcm-16", None, "AES-GCM", None),
    ("aes-256-gcm-16", None, "AES-GCM", None),
    ("chacha20-poly1305", None, "CHACHA20-POLY1305", None),
    ("aes-128-cbc", "hmac-sha1-96", "AES-CBC", "HMAC-SHA1-96"),
    ("aes-256-cbc", "hmac-sha2-256-128", "AES-CBC", "SHA2-256-128"),
    ("aes-256-cbc", "hmac-sha2-384-192", "AES-CBC", "SHA2-384-192"),
    ("aes-192-cbc", "hmac-sha2-512-256", "AES-CBC", "SHA2-512-256"),
]
TUNNEL = IP(src="192.0.2.1", dst="192.0.2.2")
INNER = IP(src="10.0.0.1", dst="10.0.0.2") / ICMP(id=7, seq=3) / (b"payload " * 9)


def pair(encr: str, integ: str | None, scapy_encr: str, scapy_integ: str | None, esn: bool):  # type: ignore[no-untyped-def]
    cipher = protection(algorithm(TransformType.ENCR, encr), algorithm(TransformType.INTEG, integ) if integ else None)
    ke = bytes(range(1, cipher.encryption_key_octets + 1))
    ka = bytes(range(101, cipher.integrity_key_octets + 101))
    theirs = scapy_ipsec.SecurityAssociation(
        scapy_ipsec.ESP, spi=0x11223344, crypt_algo=scapy_encr, crypt_key=ke, auth_algo=scapy_integ, auth_key=ka,
        tunnel_header=TUNNEL, esn_en=esn, esn=2 if esn else 0,
    )  # fmt: skip
    return EspSa(0x11223344, cipher, ke, ka, esn), theirs


@pytest.mark.parametrize("esn", [False, True], ids=["32-bit", "esn"])
@pytest.mark.parametrize(("encr", "integ", "scapy_encr", "scapy_integ"), CASES)
def test_scapy_opens_what_we_seal(
    encr: str, integ: str | None, scapy_encr: str, scapy_integ: str | None, esn: bool
) -> None:
    ours, theirs = pair(encr, integ, scapy_encr, scapy_integ, esn)
    sequence = (2 << 32 if esn else 0) + 41
    packet = ours.seal(bytes(INNER), NextHeader.IPV4, sequence, bytes(range(ours.protection.iv_octets)))
    outer = IP(bytes(TUNNEL.copy() / scapy_ipsec.ESP(packet)))
    opened = theirs.decrypt(outer, esn_en=esn, esn=2) if esn else theirs.decrypt(outer)
    assert bytes(opened) == bytes(INNER)


@pytest.mark.parametrize("esn", [False, True], ids=["32-bit", "esn"])
@pytest.mark.parametrize(("encr", "integ", "scapy_encr", "scapy_integ"), CASES)
def test_we_open_what_scapy_seals(
    encr: str, integ: str | None, scapy_encr: str, scapy_integ: str | None, esn: bool
) -> None:
    ours, theirs = pair(encr, integ, scapy_encr, scapy_integ, esn)
    options = {"esn_en": True, "esn": 2} if esn else {}
    outer = theirs.encrypt(INNER, seq_num=42, **options)
    inbound = Inbound(ours)
    if esn:
        inbound.window.accept((2 << 32) + 41)
    inner = inbound.open(bytes(outer[scapy_ipsec.ESP]))
    assert (inner.payload, inner.next_header) == (bytes(INNER), NextHeader.IPV4)
    assert inner.padding_conforms

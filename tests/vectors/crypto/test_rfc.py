"""Known answers that RFCs publish, each named by its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.crypto import modp_primes
from harness.crypto.key_exchange import key_exchange
from harness.crypto.prf import prf
from harness.crypto.protection import protection
from harness.esp.packet import NextHeader
from harness.esp.sa import EspSa, Inbound
from harness.registry.algorithms import algorithm
from harness.registry.transforms import KeyExchangeMethod, TransformType

RFC_FOLDER = Path(__file__).parent.parent / "rfc"


@pytest.mark.parametrize("bits", [256, 384, 512])
def test_hmac_sha2_of_rfc_4231(bits: int) -> None:
    function = prf(algorithm(TransformType.PRF, f"hmac-sha2-{bits}"))
    text = (RFC_FOLDER / f"rfc-4231-sha{bits}.txt").read_text()
    cases = re.findall(r"Key = (\w+)\n(?:#.*\n)?Msg = (\w+)\nMD = (\w+)", text)
    assert len(cases) >= 5
    for key, message, digest in cases:
        assert function(bytes.fromhex(key), bytes.fromhex(message)).hex() == digest


@pytest.mark.parametrize(
    ("integ", "key", "icv"),
    [  # RFC 4868 sections 2.7.2.1 to 2.7.2.3: AUTH256-2, AUTH384-2, AUTH512-2
        ("hmac-sha2-256-128", b"Jefe" * 8, "167f928588c5cc2eef8e3093caa0e87c"),
        ("hmac-sha2-384-192", b"Jefe" * 12, "2c7353974f1842fd66d53c452ca42122b28c0b594cfb184d"),
        ("hmac-sha2-512-256", b"Jefe" * 16, "cb370917ae8a7ce28cfd1d8f4705d6141c173b2a9362c15df235dfb251b15454"),
    ],
)
def test_truncated_macs_of_rfc_4868(integ: str, key: bytes, icv: str) -> None:
    cipher = protection(algorithm(TransformType.ENCR, "aes-128-cbc"), algorithm(TransformType.INTEG, integ))
    data = b"what do ya want for nothing?"
    # Without plaintext the MAC covers associated | iv alone.
    assert cipher.seal(bytes(16), key, iv=data[12:], associated=data[:12], plaintext=b"").hex() == icv


@pytest.mark.parametrize(
    ("number", "i", "gi", "r", "gr", "secret"),
    [
        pytest.param(
            KeyExchangeMethod.ECP_256,
            "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
            "DAD0B65394221CF9B051E1FECA5787D098DFE637FC90B9EF945D0C3772581180"
            "5271A0461CDB8252D61F1C456FA3E59AB1F45B33ACCF5F58389E0577B8990BB3",
            "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
            "D12DFB5289C8D4F81208B70270398C342296970A0BCCB74C736FC7554494BF63"
            "56FBF3CA366CC23E8157854C13C58D6AAC23F046ADA30F8353E74F33039872AB",
            "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
            id="rfc-5903-section-8.1",
        ),
        pytest.param(
            KeyExchangeMethod.ECP_384,
            "099F3C7034D4A2C699884D73A375A67F7624EF7C6B3C0F160647B67414DCE655E35B538041E649EE3FAEF896783AB194",
            "667842D7D180AC2CDE6F74F37551F55755C7645C20EF73E31634FE72B4C55EE6DE3AC808ACB4BDB4C88732AEE95F41AA"
            "9482ED1FC0EEB9CAFC4984625CCFC23F65032149E0E144ADA024181535A0F38EEB9FCFF3C2C947DAE69B4C634573A81C",
            "41CB0779B4BDB85D47846725FBEC3C9430FAB46CC8DC5060855CC9BDA0AA2942E0308312916B8ED2960E4BD55A7448FC",
            "E558DBEF53EECDE3D3FCCFC1AEA08A89A987475D12FD950D83CFA41732BC509D0D1AC43A0336DEF96FDA41D0774A3571"
            "DCFBEC7AACF3196472169E838430367F66EEBE3C6E70C416DD5F0C68759DD1FFF83FA40142209DFF5EAAD96DB9E6386C",
            "11187331C279962D93D604243FD592CB9D0A926F422E47187521287E7156C5C4D603135569B9E9D09CF5D4A270F59746",
            id="rfc-5903-section-8.2",
        ),
        pytest.param(
            KeyExchangeMethod.CURVE25519,
            "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
            "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
            "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
            id="rfc-7748-section-6.1",
        ),
        pytest.param(
            KeyExchangeMethod.CURVE448,
            "9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf5"
            "74a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
            "9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bb"
            "c836647241d953d40c5b12da88120d53177f80e532c41fa0",
            "1c306a7ac2a0e2e0990b294470cba339e6453772b075811d8fad0d1d6927c120"
            "bb5ee8972b0d3e21374c9c921b09d1b0366f10b65173992d",
            "3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972"
            "fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
            "07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56"
            "fd2464c335543936521c24403085d59a449a5037514a879d",
            id="rfc-7748-section-6.2",
        ),
    ],
)
def test_elliptic_curves(number: KeyExchangeMethod, i: str, gi: str, r: str, gr: str, secret: str) -> None:
    method = key_exchange(number)
    ecp = number in (KeyExchangeMethod.ECP_256, KeyExchangeMethod.ECP_384)

    def rng_for(private: str):  # type: ignore[no-untyped-def]
        if ecp:  # d = (c mod (n-1)) + 1
            return lambda octets: (int(private, 16) - 1).to_bytes(octets, "big")
        return lambda octets: bytes.fromhex(private)

    pair = method.generate(rng_for(i))
    assert pair.public == bytes.fromhex(gi)
    assert method.encapsulate(pair.public, rng_for(r)) == (bytes.fromhex(gr), bytes.fromhex(secret))
    assert method.decapsulate(pair, bytes.fromhex(gr)) == bytes.fromhex(secret)


def arctan_of_inverse(x: int, one: int) -> int:
    term = one // x
    total, divisor = term, 1
    while term:
        term //= -x * x
        divisor += 2
        total += term // divisor
    return total


@pytest.mark.parametrize(
    ("bits", "c"),
    [  # RFC 2409 section 6.2; RFC 3526 sections 2 to 7
        (1024, 129093),
        (1536, 741804),
        (2048, 124476),
        (3072, 1690314),
        (4096, 240904),
        (6144, 929484),
        (8192, 4743158),
    ],
)
def test_modp_moduli_are_made_of_pi(bits: int, c: int) -> None:
    guard = 64
    one = 1 << bits - 130 + guard
    pi = 4 * (4 * arctan_of_inverse(5, one) - arctan_of_inverse(239, one)) >> guard  # Machin's formula
    expected = 2**bits - 2 ** (bits - 64) - 1 + 2**64 * (pi + c)
    assert getattr(modp_primes, f"MODP_{bits}") == expected


def test_chacha20_poly1305_in_esp_of_rfc_7634_appendix_a() -> None:
    cipher = protection(algorithm(TransformType.ENCR, "chacha20-poly1305"), None)
    sa = EspSa(0x01020304, cipher, bytes(range(0x80, 0xA0)) + bytes.fromhex("a0a1a2a3"), b"")
    echo = bytes.fromhex(
        "45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec10"
        "0007362708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223"
        "2425262728292a2b2c2d2e2f3031323334353637"
    )
    packet = sa.seal(echo, NextHeader.IPV4, sequence=5, iv=bytes(range(0x10, 0x18)))
    assert packet.hex() == (
        "01020304000000051011121314151617"
        "24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c6"
        "14ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3"
        "cbec163fac469b502773f6fb94e664da9165b82829f641e076aaa8266b7fb0f7"
        "b11b369907e1ad43"
    )
    assert Inbound(sa).open(packet).payload == echo


def test_chacha20_poly1305_in_ike_of_rfc_7634_appendix_b() -> None:
    cipher = protection(algorithm(TransformType.ENCR, "chacha20-poly1305"), None)
    associated = bytes.fromhex("c0c1c2c3c4c5c6c7d0d1d2d3d4d5d6d72e202500000000090000004529000029")
    key, iv = bytes(range(0x80, 0xA0)) + bytes.fromhex("a0a1a2a3"), bytes(range(0x10, 0x18))
    sealed = cipher.seal(key, b"", iv, associated, bytes.fromhex("0000000c000040010000000a00"))
    assert sealed.hex() == "610394701f8d017f7c12924889" + "6b71bfe25236efd7cdc67066906315b2"


def test_aes_gcm_in_esp_with_extended_sequence_numbers() -> None:
    """draft-mcgrew-gcm-test-01, the case with SPI 00004321 and sequence number 87654321 00000000."""
    cipher = protection(algorithm(TransformType.ENCR, "aes-128-gcm-16"), None)
    sa = EspSa(0x4321, cipher, bytes.fromhex("4c80cdefbb5d10da906ac73c3613a6342e443b68"), b"", esn=True)
    payload = bytes.fromhex(
        "45000048699a000080114db7c0a80102c0a801010a9bf15638d3010000010000"
        "00000000045f736970045f756470037369700963796265726369747902646b0000210001"
    )
    packet = sa.seal(payload, 1, sequence=0x87654321_00000000, iv=bytes.fromhex("4956ed7e3b244cfe"))
    assert packet.hex() == (
        "00004321000000004956ed7e3b244cfe"
        "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34"
        "cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce"
        "61bc17d768fd9732459018148f6cbe722fd04796562dfdb4"
    )
    assert sa.open(sa.parse(packet), 0x87654321_00000000).payload == payload

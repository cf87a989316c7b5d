"""Libreswan's spellings."""

import pytest
from policies import policy

from harness.lab.errors import Inexpressible
from harness.lab.products.libreswan.keywords import esn_setting, proposals


def test_proposals_are_written_in_libreswans_order():
    classical = policy(ENCR="aes-256-cbc", PRF="hmac-sha2-512", INTEG="hmac-sha2-512-256", KE="modp3072")
    assert proposals(classical) == ["aes_cbc_256-hmac_sha2_512_256-hmac_sha2_512-modp3072"]
    assert proposals(policy(ENCR="chacha20-poly1305", SN="no-esn")) == ["chacha20_poly1305"]
    assert esn_setting(policy(ENCR="chacha20-poly1305", SN="esn")) == "yes"


def test_what_it_lacks_cannot_be_written():
    hybrid = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519", ADDKE1="ml-kem-768")
    assert proposals(hybrid) == ["aes_gcm_16_256-hmac_sha2_256-dh31;addke1=ml_kem_768"]
    with pytest.raises(Inexpressible, match="KE curve448"):
        proposals(policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve448"))

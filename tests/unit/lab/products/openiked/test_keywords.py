"""OpenIKED's spellings."""

import pytest
from policies import policy

from harness.lab.errors import Inexpressible
from harness.lab.products.openiked.keywords import proposals


def test_proposals_are_blocks_of_words():
    ike = policy(ENCR="aes-256-cbc", PRF="hmac-sha2-512", INTEG="hmac-sha2-512-256", KE="ecp256")
    assert proposals(ike) == ["enc aes-256 prf hmac-sha2-512 auth hmac-sha2-512 group ecp256"]
    assert proposals(policy(ENCR="aes-128-cbc", INTEG="hmac-sha1-96", SN="no-esn")) == [
        "enc aes-128 auth hmac-sha1 noesn"
    ]
    additional = policy(ENCR="aes-256-cbc", KE="ecp256", ADDKE1="ml-kem-768")  # iked is to say that it has no such word
    assert proposals(additional) == ["enc aes-256 group ecp256 addke1 ml-kem-768"]
    with pytest.raises(Inexpressible, match="KE curve448"):
        proposals(policy(ENCR="aes-256-cbc", KE="curve448"))

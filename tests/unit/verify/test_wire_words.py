from __future__ import annotations

import pytest
from case_builder import good

from harness.registry.messages import PayloadType
from harness.registry.notifications import NotifyType
from harness.registry.transforms import KeyExchangeMethod
from harness.verify.wire import payload_name, spelled
from harness.wire.payloads import KeyExchange, Nonce, Notify
from harness.wire.payloads.opaque import Unknown


@pytest.mark.parametrize(
    ("payload", "name"),
    [
        (KeyExchange(KeyExchangeMethod.CURVE25519, bytes(32)), "KE(curve25519)"),
        (KeyExchange(KeyExchangeMethod.ML_KEM_768, b""), "KE(ml-kem-768)"),
        (Notify(NotifyType.COOKIE), "N(COOKIE)"),
        (Nonce(bytes(32)), "Nonce"),
        (Unknown(PayloadType(240), b""), "PayloadType 240"),
    ],
)
def test_a_payload_in_words(payload, name):
    assert payload_name(payload) == name


def test_a_suite_in_words():
    suite = good().view.suite
    assert suite is not None
    assert spelled(suite) == "ENCR=aes-256-gcm-16, PRF=hmac-sha2-256, KE=curve25519, ADDKE1=ml-kem-768"

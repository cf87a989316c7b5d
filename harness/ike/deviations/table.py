"""What each deviation does, in one sentence, which rule it breaks, and in which role our engine can do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from harness.ike.deviations import announcement, answer, int_auth, ml_kem, unknown_payload
from harness.ike.deviations.outgoing import Alteration
from harness.policy.deviation import Deviation
from harness.registry.messages import ExchangeType


@dataclass(frozen=True, slots=True)
class Entry:
    """One deviation."""

    sentence: str
    source: str  # of the rule: document and section
    alter: Alteration
    as_initiator: bool = True
    as_responder: bool = True


def _of_request(sentence: str, source: str, alter: Alteration) -> Entry:
    return Entry(sentence, source, alter, as_responder=False)


def _of_response(sentence: str, source: str, alter: Alteration) -> Entry:
    return Entry(sentence, source, alter, as_initiator=False)


_CRITICAL = "RFC 7296 sections 2.5, 3.2"
_KEY_CHECK = "draft-ietf-ipsecme-ikev2-mlkem-08 section 2.2, FIPS 203 section 7.2"
_CIPHERTEXT_CHECK = "draft-ietf-ipsecme-ikev2-mlkem-08 section 2.2, FIPS 203 section 7.3"

DEVIATIONS: Mapping[Deviation, Entry] = MappingProxyType(
    {
        Deviation.CRITICAL_PAYLOAD_IN_IKE_SA_INIT: _of_request(
            "The IKE_SA_INIT request ends with a payload of type 200, marked critical.",
            _CRITICAL,
            unknown_payload.critical_in(ExchangeType.IKE_SA_INIT),
        ),
        Deviation.CRITICAL_PAYLOAD_IN_IKE_INTERMEDIATE: _of_request(
            "Each IKE_INTERMEDIATE request ends with a payload of type 200, marked critical.",
            _CRITICAL,
            unknown_payload.critical_in(ExchangeType.IKE_INTERMEDIATE),
        ),
        Deviation.CRITICAL_PAYLOAD_IN_IKE_AUTH: _of_request(
            "The IKE_AUTH request ends with a payload of type 200, marked critical.",
            _CRITICAL,
            unknown_payload.critical_in(ExchangeType.IKE_AUTH),
        ),
        Deviation.UNKNOWN_PAYLOAD_EVERYWHERE: Entry(
            "Every message ends with a payload of type 200, not marked critical: allowed, and to be skipped.",
            _CRITICAL,
            unknown_payload.everywhere,
        ),
        Deviation.ENCAPSULATION_KEY_SHORT: _of_request(
            "An ML-KEM encapsulation key lacks its last octet.",
            _KEY_CHECK,
            ml_kem.spoiled(ml_kem.one_octet_short, response=False),
        ),
        Deviation.ENCAPSULATION_KEY_LONG: _of_request(
            "An ML-KEM encapsulation key has an octet of zero behind it.",
            _KEY_CHECK,
            ml_kem.spoiled(ml_kem.one_octet_long, response=False),
        ),
        Deviation.ENCAPSULATION_KEY_OVERFLOW: _of_request(
            "The first coefficient of an ML-KEM encapsulation key is q, 3329: the length is right, the modulus is not.",
            _KEY_CHECK,
            ml_kem.spoiled(ml_kem.first_coefficient_q, response=False),
        ),
        Deviation.CIPHERTEXT_SHORT: _of_response(
            "An ML-KEM ciphertext lacks its last octet.",
            _CIPHERTEXT_CHECK,
            ml_kem.spoiled(ml_kem.one_octet_short, response=True),
        ),
        Deviation.CIPHERTEXT_LONG: _of_response(
            "An ML-KEM ciphertext has an octet of zero behind it.",
            _CIPHERTEXT_CHECK,
            ml_kem.spoiled(ml_kem.one_octet_long, response=True),
        ),
        Deviation.CIPHERTEXT_ALTERED: _of_response(
            "One bit of an ML-KEM ciphertext is turned over: the two sides hold different secrets from then on.",
            "draft-ietf-ipsecme-ikev2-mlkem-08 section 2.2, FIPS 203 section 6.3",
            ml_kem.spoiled(ml_kem.one_bit_turned_over, response=True),
        ),
        Deviation.INT_AUTH_WRONG: Entry(
            "AUTH covers our own IntAuth with one bit turned over, as if other octets had been sent.",
            "RFC 9242 section 3.3.2",
            int_auth.wrong,
        ),
        Deviation.INT_AUTH_LEFT_OUT: Entry(
            "AUTH covers no IntAuth, though IKE_INTERMEDIATE took place.",
            "RFC 9242 section 3.3.2",
            int_auth.left_out,
        ),
        Deviation.SECOND_TRANSFORM: _of_response(
            "The IKE_SA_INIT response accepts two ENCR transforms, AES with 128 and with 256 bits.",
            "RFC 7296 sections 2.7, 3.3.6",
            answer.second_transform,
        ),
        Deviation.INTERMEDIATE_UNANNOUNCED: Entry(
            "IKE_SA_INIT has an additional key exchange and does not announce IKE_INTERMEDIATE.",
            "RFC 9370 section 2.2.1",
            announcement.intermediate_left_out,
        ),
    }
)
"""Every deviation that there is."""

"""The names of the deviations, as scenario files spell them."""

from __future__ import annotations

from enum import StrEnum


class Deviation(StrEnum):
    """One way in which our engine breaks a rule on purpose. ``table.DEVIATIONS`` says what each one does."""

    CRITICAL_PAYLOAD_IN_IKE_SA_INIT = "critical-payload-in-ike-sa-init"
    CRITICAL_PAYLOAD_IN_IKE_INTERMEDIATE = "critical-payload-in-ike-intermediate"
    CRITICAL_PAYLOAD_IN_IKE_AUTH = "critical-payload-in-ike-auth"
    UNKNOWN_PAYLOAD_EVERYWHERE = "unknown-payload-everywhere"
    ENCAPSULATION_KEY_SHORT = "encapsulation-key-short"
    ENCAPSULATION_KEY_LONG = "encapsulation-key-long"
    ENCAPSULATION_KEY_OVERFLOW = "encapsulation-key-overflow"
    CIPHERTEXT_SHORT = "ciphertext-short"
    CIPHERTEXT_LONG = "ciphertext-long"
    CIPHERTEXT_ALTERED = "ciphertext-altered"
    INT_AUTH_WRONG = "int-auth-wrong"
    INT_AUTH_LEFT_OUT = "int-auth-left-out"
    SECOND_TRANSFORM = "second-transform"
    INTERMEDIATE_UNANNOUNCED = "intermediate-unannounced"

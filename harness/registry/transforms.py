"""Transform types and identifiers (RFC 7296 section 3.3.2, RFC 9370 section 3, draft-ietf-ipsecme-ikev2-mlkem)."""

from __future__ import annotations

from harness.registry.open_enum import OpenEnum


class TransformType(OpenEnum):
    """Transform Type Values, one octet (RFC 7296 section 3.3.2; RFC 9370 section 3 for 6 to 12)."""

    ENCR = 1
    PRF = 2
    INTEG = 3
    KE = 4
    SN = 5
    ADDKE1 = 6
    ADDKE2 = 7
    ADDKE3 = 8
    ADDKE4 = 9
    ADDKE5 = 10
    ADDKE6 = 11
    ADDKE7 = 12

    @property
    def is_additional_key_exchange(self) -> bool:
        """Whether this is one of ADDKE1 to ADDKE7, numbered by the KE registry (RFC 9370 section 2.2.1)."""
        return TransformType.ADDKE1 <= self <= TransformType.ADDKE7

    @property
    def is_key_exchange(self) -> bool:
        """Whether the transform's identifiers are Key Exchange Methods."""
        return self == TransformType.KE or self.is_additional_key_exchange


ADDITIONAL_KEY_EXCHANGES: tuple[TransformType, ...] = tuple(
    TransformType(number) for number in range(TransformType.ADDKE1, TransformType.ADDKE7 + 1)
)


class Encryption(OpenEnum):
    """Transform Type 1, Encryption Algorithm Transform IDs."""

    ENCR_DES_IV64 = 1
    ENCR_DES = 2
    ENCR_3DES = 3
    ENCR_RC5 = 4
    ENCR_IDEA = 5
    ENCR_CAST = 6
    ENCR_BLOWFISH = 7
    ENCR_3IDEA = 8
    ENCR_DES_IV32 = 9
    ENCR_NULL = 11
    ENCR_AES_CBC = 12
    ENCR_AES_CTR = 13
    ENCR_AES_CCM_8 = 14
    ENCR_AES_CCM_12 = 15
    ENCR_AES_CCM_16 = 16
    ENCR_AES_GCM_8 = 18
    ENCR_AES_GCM_12 = 19
    ENCR_AES_GCM_16 = 20
    ENCR_NULL_AUTH_AES_GMAC = 21
    ENCR_CAMELLIA_CBC = 23
    ENCR_CAMELLIA_CTR = 24
    ENCR_CAMELLIA_CCM_8 = 25
    ENCR_CAMELLIA_CCM_12 = 26
    ENCR_CAMELLIA_CCM_16 = 27
    ENCR_CHACHA20_POLY1305 = 28

    @property
    def is_aead(self) -> bool:
        """Whether the cipher authenticates by itself, so that no INTEG transform goes with it (RFC 5282 section 8)."""
        return self in _AEAD


class PseudorandomFunction(OpenEnum):
    """Transform Type 2, Pseudorandom Function Transform IDs."""

    PRF_HMAC_MD5 = 1
    PRF_HMAC_SHA1 = 2
    PRF_HMAC_TIGER = 3
    PRF_AES128_XCBC = 4
    PRF_HMAC_SHA2_256 = 5
    PRF_HMAC_SHA2_384 = 6
    PRF_HMAC_SHA2_512 = 7
    PRF_AES128_CMAC = 8


class Integrity(OpenEnum):
    """Transform Type 3, Integrity Algorithm Transform IDs."""

    NONE = 0
    AUTH_HMAC_MD5_96 = 1
    AUTH_HMAC_SHA1_96 = 2
    AUTH_DES_MAC = 3
    AUTH_KPDK_MD5 = 4
    AUTH_AES_XCBC_96 = 5
    AUTH_HMAC_MD5_128 = 6
    AUTH_HMAC_SHA1_160 = 7
    AUTH_AES_CMAC_96 = 8
    AUTH_AES_128_GMAC = 9
    AUTH_AES_192_GMAC = 10
    AUTH_AES_256_GMAC = 11
    AUTH_HMAC_SHA2_256_128 = 12
    AUTH_HMAC_SHA2_384_192 = 13
    AUTH_HMAC_SHA2_512_256 = 14


class KeyExchangeMethod(OpenEnum):
    """Transform Type 4, Key Exchange Method Transform IDs; ADDKE1 to ADDKE7 share them (RFC 9370 section 2.2.1).

    Of the private use range it has what a product of the fleet uses: 1035 is OpenIKED's.
    """

    NONE = 0
    MODP_768 = 1
    MODP_1024 = 2
    MODP_1536 = 5
    MODP_2048 = 14
    MODP_3072 = 15
    MODP_4096 = 16
    MODP_6144 = 17
    MODP_8192 = 18
    ECP_256 = 19
    ECP_384 = 20
    ECP_521 = 21
    MODP_1024_160 = 22
    MODP_2048_224 = 23
    MODP_2048_256 = 24
    ECP_192 = 25
    ECP_224 = 26
    BRAINPOOL_P224R1 = 27
    BRAINPOOL_P256R1 = 28
    BRAINPOOL_P384R1 = 29
    BRAINPOOL_P512R1 = 30
    CURVE25519 = 31
    CURVE448 = 32
    GOST3410_2012_256 = 33
    GOST3410_2012_512 = 34
    ML_KEM_512 = 35
    ML_KEM_768 = 36
    ML_KEM_1024 = 37
    SNTRUP761X25519 = 1035

    @property
    def is_post_quantum(self) -> bool:
        """Whether a KEM is in it: ML-KEM (draft-ietf-ipsecme-ikev2-mlkem), or one combined with a classical method."""
        return self.is_combined or self in (
            KeyExchangeMethod.ML_KEM_512,
            KeyExchangeMethod.ML_KEM_768,
            KeyExchangeMethod.ML_KEM_1024,
        )

    @property
    def is_classical(self) -> bool:
        """Whether a classical method is in it: what is not post-quantum, and a combined one."""
        return self.is_combined or not self.is_post_quantum

    @property
    def is_combined(self) -> bool:
        """Whether one KE payload carries a classical and a post-quantum method, and one secret comes of both."""
        return self == KeyExchangeMethod.SNTRUP761X25519

    @property
    def is_private_use(self) -> bool:
        """Whether the number is in the private use range, 1024 to 65535."""
        return self.value >= 1024


class SequenceNumbers(OpenEnum):
    """Transform Type 5, Sequence Numbers (RFC 7296 section 3.3.2, there called Extended Sequence Numbers)."""

    NO_EXTENDED_SEQUENCE_NUMBERS = 0
    EXTENDED_SEQUENCE_NUMBERS = 1


class AttributeType(OpenEnum):
    """Transform Attribute Types, 15 bits (RFC 7296 section 3.3.5)."""

    KEY_LENGTH = 14


_AEAD = frozenset(
    {
        Encryption.ENCR_AES_CCM_8, Encryption.ENCR_AES_CCM_12, Encryption.ENCR_AES_CCM_16,
        Encryption.ENCR_AES_GCM_8, Encryption.ENCR_AES_GCM_12, Encryption.ENCR_AES_GCM_16,
        Encryption.ENCR_NULL_AUTH_AES_GMAC,
        Encryption.ENCR_CAMELLIA_CCM_8, Encryption.ENCR_CAMELLIA_CCM_12, Encryption.ENCR_CAMELLIA_CCM_16,
        Encryption.ENCR_CHACHA20_POLY1305,
    }
)  # fmt: skip

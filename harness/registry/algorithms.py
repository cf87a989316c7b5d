"""The one spelling of every algorithm: the IANA name in lower case with hyphens.

``ke = ["curve25519"]``, ``encr = ["aes-256-gcm-16"]``: scenario files, capability sheets, profiles, results and the
command line all use these names, and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from harness.registry.transforms import (
    Encryption,
    Integrity,
    KeyExchangeMethod,
    PseudorandomFunction,
    SequenceNumbers,
    TransformType,
)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A transform identifier with its Key Length attribute in bits, where it has one (RFC 7296 section 3.3.5)."""

    identifier: int
    key_length: int | None = None

    def name(self, kind: TransformType) -> str:
        """The one spelling of this algorithm as a transform of the type ``kind``."""
        return _names(_family(kind)).get(self) or _private_name(self)

    def name_beside(self, told: str | None, kind: TransformType) -> str:
        """Its name; or ``told``, where a Key Length that is wrong or missing is all that sets it apart from that."""
        known = names(kind).get(told or "")
        same = known is not None and known.identifier == self.identifier
        return str(told) if same and self not in _names(_family(kind)) else self.name(kind)


_KEY_LENGTHS = (128, 192, 256)

_FIXED: dict[TransformType, dict[str, int]] = {
    TransformType.ENCR: {
        "3des": Encryption.ENCR_3DES,
        "null": Encryption.ENCR_NULL,
        "chacha20-poly1305": Encryption.ENCR_CHACHA20_POLY1305,
    },
    TransformType.PRF: {
        "hmac-md5": PseudorandomFunction.PRF_HMAC_MD5,
        "hmac-sha1": PseudorandomFunction.PRF_HMAC_SHA1,
        "aes128-xcbc": PseudorandomFunction.PRF_AES128_XCBC,
        "hmac-sha2-256": PseudorandomFunction.PRF_HMAC_SHA2_256,
        "hmac-sha2-384": PseudorandomFunction.PRF_HMAC_SHA2_384,
        "hmac-sha2-512": PseudorandomFunction.PRF_HMAC_SHA2_512,
        "aes128-cmac": PseudorandomFunction.PRF_AES128_CMAC,
    },
    TransformType.INTEG: {
        "none": Integrity.NONE,
        "hmac-md5-96": Integrity.AUTH_HMAC_MD5_96,
        "hmac-sha1-96": Integrity.AUTH_HMAC_SHA1_96,
        "aes-xcbc-96": Integrity.AUTH_AES_XCBC_96,
        "aes-cmac-96": Integrity.AUTH_AES_CMAC_96,
        "hmac-sha2-256-128": Integrity.AUTH_HMAC_SHA2_256_128,
        "hmac-sha2-384-192": Integrity.AUTH_HMAC_SHA2_384_192,
        "hmac-sha2-512-256": Integrity.AUTH_HMAC_SHA2_512_256,
    },
    TransformType.KE: {
        "none": KeyExchangeMethod.NONE,
        "modp768": KeyExchangeMethod.MODP_768,
        "modp1024": KeyExchangeMethod.MODP_1024,
        "modp1536": KeyExchangeMethod.MODP_1536,
        "modp2048": KeyExchangeMethod.MODP_2048,
        "modp3072": KeyExchangeMethod.MODP_3072,
        "modp4096": KeyExchangeMethod.MODP_4096,
        "modp6144": KeyExchangeMethod.MODP_6144,
        "modp8192": KeyExchangeMethod.MODP_8192,
        "ecp256": KeyExchangeMethod.ECP_256,
        "ecp384": KeyExchangeMethod.ECP_384,
        "ecp521": KeyExchangeMethod.ECP_521,
        "brainpoolp256r1": KeyExchangeMethod.BRAINPOOL_P256R1,
        "brainpoolp384r1": KeyExchangeMethod.BRAINPOOL_P384R1,
        "brainpoolp512r1": KeyExchangeMethod.BRAINPOOL_P512R1,
        "curve25519": KeyExchangeMethod.CURVE25519,
        "curve448": KeyExchangeMethod.CURVE448,
        "ml-kem-512": KeyExchangeMethod.ML_KEM_512,
        "ml-kem-768": KeyExchangeMethod.ML_KEM_768,
        "ml-kem-1024": KeyExchangeMethod.ML_KEM_1024,
        "sntrup761x25519": KeyExchangeMethod.SNTRUP761X25519,
    },
    TransformType.SN: {
        "no-esn": SequenceNumbers.NO_EXTENDED_SEQUENCE_NUMBERS,
        "esn": SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS,
    },
}

_SIZED: dict[str, Encryption] = {
    "aes-{}-cbc": Encryption.ENCR_AES_CBC,
    "aes-{}-ctr": Encryption.ENCR_AES_CTR,
    "aes-{}-ccm-8": Encryption.ENCR_AES_CCM_8,
    "aes-{}-ccm-12": Encryption.ENCR_AES_CCM_12,
    "aes-{}-ccm-16": Encryption.ENCR_AES_CCM_16,
    "aes-{}-gcm-8": Encryption.ENCR_AES_GCM_8,
    "aes-{}-gcm-12": Encryption.ENCR_AES_GCM_12,
    "aes-{}-gcm-16": Encryption.ENCR_AES_GCM_16,
    "camellia-{}-cbc": Encryption.ENCR_CAMELLIA_CBC,
    "camellia-{}-ctr": Encryption.ENCR_CAMELLIA_CTR,
    "camellia-{}-ccm-8": Encryption.ENCR_CAMELLIA_CCM_8,
    "camellia-{}-ccm-12": Encryption.ENCR_CAMELLIA_CCM_12,
    "camellia-{}-ccm-16": Encryption.ENCR_CAMELLIA_CCM_16,
}

_PRIVATE_USE = re.compile(r"private-use-(\d{4,5})")


def _family(kind: TransformType) -> TransformType:
    return TransformType.KE if kind.is_key_exchange else kind


@cache
def names(kind: TransformType) -> dict[str, Algorithm]:
    """Every algorithm of the type ``kind`` by its one spelling, in registry order; empty for an unknown type."""
    table = {name: Algorithm(int(number)) for name, number in _FIXED.get(_family(kind), {}).items()}
    if kind == TransformType.ENCR:
        for spelling, identifier in _SIZED.items():
            for key_length in _KEY_LENGTHS:
                table[spelling.format(key_length)] = Algorithm(int(identifier), key_length)
    return dict(sorted(table.items(), key=lambda item: (item[1].identifier, item[1].key_length or 0)))


@cache
def _names(kind: TransformType) -> dict[Algorithm, str]:
    return {algorithm: name for name, algorithm in names(kind).items()}


def _private_name(algorithm: Algorithm) -> str:
    suffix = "" if algorithm.key_length is None else f"-{algorithm.key_length}"
    return (
        f"private-use-{algorithm.identifier}{suffix}"
        if algorithm.identifier >= 1024
        else f"unassigned-{algorithm.identifier}{suffix}"
    )


def algorithm(kind: TransformType, name: str) -> Algorithm:
    """The algorithm that ``name`` spells as a transform of the type ``kind``.

    ``private-use-<number>`` names a number of the private use range (1024 to 65535) of any type.

    Raises:
        KeyError: no such spelling for that transform type; the message lists the ones there are.
    """
    known = names(kind)
    if name in known:
        return known[name]
    match = _PRIVATE_USE.fullmatch(name)
    if match and 1024 <= int(match[1]) <= 65535:
        return Algorithm(int(match[1]))
    raise KeyError(f"unknown {kind.name} algorithm {name!r}; known: {', '.join(known)}, private-use-<1024..65535>")

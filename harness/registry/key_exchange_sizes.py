"""Octets of Key Exchange Data by method, the initiator's and the responder's.

RFC 7296 section 3.4 (MODP: the modulus), RFC 5903 section 7 (ECP: both coordinates), RFC 8031 section 3 (Curve25519,
Curve448), draft-ietf-ipsecme-ikev2-mlkem table 1 with FIPS 203 table 3 (ML-KEM: encapsulation key, ciphertext).
1035 is OpenIKED's own, iked/dh.c: an encapsulation key or a ciphertext of sntrup761 (1158 and 1039 octets), and an
X25519 public key.
"""

from __future__ import annotations

from harness.registry.transforms import KeyExchangeMethod as Method

KEY_EXCHANGE_OCTETS: dict[Method, tuple[int, int]] = {
    Method.MODP_1024: (128, 128),
    Method.MODP_1536: (192, 192),
    Method.MODP_2048: (256, 256),
    Method.MODP_3072: (384, 384),
    Method.MODP_4096: (512, 512),
    Method.MODP_6144: (768, 768),
    Method.MODP_8192: (1024, 1024),
    Method.ECP_256: (64, 64),
    Method.ECP_384: (96, 96),
    Method.ECP_521: (132, 132),
    Method.CURVE25519: (32, 32),
    Method.CURVE448: (56, 56),
    Method.ML_KEM_512: (800, 768),
    Method.ML_KEM_768: (1184, 1088),
    Method.ML_KEM_1024: (1568, 1568),
    Method.SNTRUP761X25519: (1190, 1071),
}

"""Encryption with integrity, the same for the Encrypted payload of IKE and for ESP (RFC 7296 section 3.14, RFC 4303).

One object stands for a pair of transforms (ENCR, INTEG). It keeps no keys and no state: what differs between IKE and
ESP, such as what is authenticated besides the ciphertext, is an argument.
"""

from __future__ import annotations

from typing import Protocol

from harness.crypto import aead, encrypt_then_mac
from harness.crypto.errors import MethodUnavailable
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import Encryption, Integrity, TransformType


class Protection(Protocol):
    """A pair (ENCR, INTEG), or an AEAD alone. All sizes are octets."""

    @property
    def encryption_key_octets(self) -> int:
        """Keying material for encryption; an AEAD's four octets of salt included, at its end (RFC 5282, RFC 7634)."""

    @property
    def integrity_key_octets(self) -> int:
        """Keying material for integrity; 0 for an AEAD."""

    @property
    def iv_octets(self) -> int:
        """The IV as it is transmitted."""

    @property
    def iv_may_be_counter(self) -> bool:
        """Whether an IV need only never repeat under a key (AEAD); otherwise it must be unpredictable (CBC)."""

    @property
    def block_octets(self) -> int:
        """The plaintext's length must be a multiple of this; 1 for an AEAD (ESP itself then asks for 4)."""

    @property
    def icv_octets(self) -> int:
        """The integrity check value at the end of what ``seal`` returns."""

    def seal(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        plaintext: bytes,
        trailer: bytes = b"",
    ) -> bytes:
        """Ciphertext | ICV, with as many octets of ciphertext as of plaintext.

        An AEAD authenticates ``associated`` and ignores ``trailer``; a MAC covers associated | iv | ciphertext |
        trailer, where trailer is what is authenticated but not sent (the high half of ESP's extended sequence number).

        Raises:
            ValueError: a key, IV or plaintext of the wrong length.
        """

    def open(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        sealed: bytes,
        trailer: bytes = b"",
    ) -> bytes:
        """The plaintext, padding included.

        Raises:
            IntegrityError: the ICV does not verify, or ``sealed`` has an impossible length.
            ValueError: a key or IV of the wrong length.
        """


def protection(encr: Algorithm, integ: Algorithm | None) -> Protection:
    """The protection of a negotiated suite; ``integ`` None and INTEG "none" mean the same.

    Raises:
        MethodUnavailable: not implemented, an AEAD with an integrity transform (RFC 5282 section 8), or a cipher
            without one.
    """
    has_integrity = integ is not None and integ.identifier != Integrity.NONE
    cipher = _AEADS.get(encr)
    if cipher is not None and not has_integrity:
        return cipher
    mac = _MACS.get(Integrity(integ.identifier)) if integ is not None and integ.key_length is None else None
    key_octets = _CBC_KEY_OCTETS.get(encr)
    if cipher is not None or key_octets is None or mac is None:
        names = [encr.name(TransformType.ENCR)] + ([integ.name(TransformType.INTEG)] if integ else [])
        raise MethodUnavailable(f"protection with {' + '.join(names)} is not implemented by this engine")
    return encrypt_then_mac.CbcWithHmac(key_octets, *mac)


_AEADS: dict[Algorithm, Protection] = {
    **{
        Algorithm(int(number), bits): aead.AesGcm(bits // 8, icv_octets)
        for number, icv_octets in (
            (Encryption.ENCR_AES_GCM_8, 8),
            (Encryption.ENCR_AES_GCM_12, 12),
            (Encryption.ENCR_AES_GCM_16, 16),
        )
        for bits in (128, 192, 256)
    },
    Algorithm(int(Encryption.ENCR_CHACHA20_POLY1305)): aead.ChaCha20Poly1305(),
}

_CBC_KEY_OCTETS = {Algorithm(int(Encryption.ENCR_AES_CBC), bits): bits // 8 for bits in (128, 192, 256)}

# Digest, octets of key, octets of ICV (RFC 2404; RFC 4868 section 2.6).
_MACS = {
    Integrity.AUTH_HMAC_SHA1_96: ("sha1", 20, 12),
    Integrity.AUTH_HMAC_SHA2_256_128: ("sha256", 32, 16),
    Integrity.AUTH_HMAC_SHA2_384_192: ("sha384", 48, 24),
    Integrity.AUTH_HMAC_SHA2_512_256: ("sha512", 64, 32),
}


def implemented() -> tuple[tuple[Algorithm, Algorithm | None], ...]:
    """Every pair (ENCR, INTEG) that this engine can compute; INTEG is None beside an AEAD."""
    macs = [Algorithm(int(number)) for number in _MACS]
    return (*((encr, None) for encr in _AEADS), *((encr, mac) for encr in _CBC_KEY_OCTETS for mac in macs))

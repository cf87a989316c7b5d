"""AEAD ciphers: AES-GCM (RFC 4106 for ESP, RFC 5282 for IKE) and ChaCha20-Poly1305 (RFC 7634 for both).

Keying material is the cipher's key followed by four octets of salt; the nonce is salt | IV (RFC 4106 sections 4 and
8.1, RFC 7634 section 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305 as _ChaCha20Poly1305

from harness.crypto.errors import IntegrityError

SALT_OCTETS = 4
IV_OCTETS = 8
TAG_OCTETS = 16

# A cipher object with its expanded key costs about as much as sealing a packet with it.
_aes_gcm = lru_cache(maxsize=64)(AESGCM)
_chacha20 = lru_cache(maxsize=64)(_ChaCha20Poly1305)


@dataclass(frozen=True, slots=True)
class AesGcm:
    """AES-GCM with an ICV of 8, 12 or 16 octets: the first octets of GCM's tag (RFC 4106 section 6)."""

    key_octets: int  # without the salt
    icv_octets: int = TAG_OCTETS

    integrity_key_octets = 0
    iv_octets = IV_OCTETS
    iv_may_be_counter = True
    block_octets = 1

    @property
    def encryption_key_octets(self) -> int:
        """Key and salt."""
        return self.key_octets + SALT_OCTETS

    def seal(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        plaintext: bytes,
        trailer: bytes = b"",  # noqa: ARG002 - of use to a MAC only
    ) -> bytes:
        """``Protection.seal``."""
        _check(self.encryption_key_octets, encryption_key, integrity_key, iv)
        nonce = encryption_key[-SALT_OCTETS:] + iv
        sealed = _aes_gcm(encryption_key[:-SALT_OCTETS]).encrypt(nonce, plaintext, associated)
        return sealed if self.icv_octets == TAG_OCTETS else sealed[: self.icv_octets - TAG_OCTETS]

    def open(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        sealed: bytes,
        trailer: bytes = b"",  # noqa: ARG002 - of use to a MAC only
    ) -> bytes:
        """``Protection.open``."""
        _check(self.encryption_key_octets, encryption_key, integrity_key, iv)
        key, nonce = encryption_key[:-SALT_OCTETS], encryption_key[-SALT_OCTETS:] + iv
        if len(sealed) < self.icv_octets:
            raise IntegrityError(f"{len(sealed)} octets cannot hold an ICV of {self.icv_octets}")
        try:
            if self.icv_octets == TAG_OCTETS:
                return _aes_gcm(key).decrypt(nonce, sealed, associated)
            return self._open_short(key, nonce, associated, sealed)
        except InvalidTag:
            raise IntegrityError("AES-GCM's ICV does not verify") from None

    def _open_short(self, key: bytes, nonce: bytes, associated: bytes, sealed: bytes) -> bytes:
        ciphertext, icv = sealed[: -self.icv_octets], sealed[-self.icv_octets :]
        mode = modes.GCM(nonce, icv, min_tag_length=self.icv_octets)
        decryptor = Cipher(algorithms.AES(key), mode).decryptor()
        decryptor.authenticate_additional_data(associated)
        return decryptor.update(ciphertext) + decryptor.finalize()


@dataclass(frozen=True, slots=True)
class ChaCha20Poly1305:
    """ChaCha20-Poly1305 (RFC 7634): 32 octets of key and 4 of salt, an IV of 8, an ICV of 16."""

    encryption_key_octets = 32 + SALT_OCTETS
    integrity_key_octets = 0
    iv_octets = IV_OCTETS
    iv_may_be_counter = True
    block_octets = 1
    icv_octets = TAG_OCTETS

    def seal(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        plaintext: bytes,
        trailer: bytes = b"",  # noqa: ARG002 - of use to a MAC only
    ) -> bytes:
        """``Protection.seal``."""
        _check(self.encryption_key_octets, encryption_key, integrity_key, iv)
        nonce = encryption_key[-SALT_OCTETS:] + iv
        return _chacha20(encryption_key[:-SALT_OCTETS]).encrypt(nonce, plaintext, associated)

    def open(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        sealed: bytes,
        trailer: bytes = b"",  # noqa: ARG002 - of use to a MAC only
    ) -> bytes:
        """``Protection.open``."""
        _check(self.encryption_key_octets, encryption_key, integrity_key, iv)
        nonce = encryption_key[-SALT_OCTETS:] + iv
        try:
            return _chacha20(encryption_key[:-SALT_OCTETS]).decrypt(nonce, sealed, associated)
        except InvalidTag:
            raise IntegrityError("ChaCha20-Poly1305's tag does not verify") from None


def _check(key_octets: int, encryption_key: bytes, integrity_key: bytes, iv: bytes) -> None:
    if len(encryption_key) != key_octets:
        raise ValueError(f"an encryption key with salt of {key_octets} octets is needed, not {len(encryption_key)}")
    if integrity_key:
        raise ValueError("an AEAD takes no integrity key")
    if len(iv) != IV_OCTETS:
        raise ValueError(f"an IV of {IV_OCTETS} octets is needed, not {len(iv)}")

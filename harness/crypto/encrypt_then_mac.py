"""AES-CBC (RFC 3602) with HMAC (RFC 2404, RFC 4868), encrypt then MAC, as IKEv2 and ESP combine them."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from harness.crypto.errors import IntegrityError

BLOCK_OCTETS = 16


@dataclass(frozen=True, slots=True)
class CbcWithHmac:
    """AES-CBC and an HMAC truncated to ``icv_octets`` (RFC 4868 section 2.1.1: to half of its output)."""

    encryption_key_octets: int
    digest: str  # as hashlib spells it
    integrity_key_octets: int
    icv_octets: int

    iv_octets = BLOCK_OCTETS
    iv_may_be_counter = False
    block_octets = BLOCK_OCTETS

    def seal(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        plaintext: bytes,
        trailer: bytes = b"",
    ) -> bytes:
        """``Protection.seal``."""
        self._check(encryption_key, integrity_key, iv)
        if len(plaintext) % BLOCK_OCTETS:
            raise ValueError(f"AES-CBC takes multiples of {BLOCK_OCTETS} octets, not {len(plaintext)}")
        encryptor = Cipher(algorithms.AES(encryption_key), modes.CBC(iv)).encryptor()
        ciphertext = encryptor.update(plaintext) + encryptor.finalize()
        return ciphertext + self._icv(integrity_key, associated + iv + ciphertext + trailer)

    def open(
        self,
        encryption_key: bytes,
        integrity_key: bytes,
        iv: bytes,
        associated: bytes,
        sealed: bytes,
        trailer: bytes = b"",
    ) -> bytes:
        """``Protection.open``."""
        self._check(encryption_key, integrity_key, iv)
        ciphertext, icv = sealed[: -self.icv_octets], sealed[-self.icv_octets :]
        if not hmac.compare_digest(icv, self._icv(integrity_key, associated + iv + ciphertext + trailer)):
            raise IntegrityError(f"the ICV of HMAC-{self.digest.upper()} does not verify")
        if len(ciphertext) % BLOCK_OCTETS:
            raise IntegrityError(f"{len(ciphertext)} octets are no multiple of AES-CBC's {BLOCK_OCTETS}")
        decryptor = Cipher(algorithms.AES(encryption_key), modes.CBC(iv)).decryptor()
        return decryptor.update(ciphertext) + decryptor.finalize()

    def _icv(self, integrity_key: bytes, data: bytes) -> bytes:
        return hmac.digest(integrity_key, data, self.digest)[: self.icv_octets]

    def _check(self, encryption_key: bytes, integrity_key: bytes, iv: bytes) -> None:
        for what, value, octets in (
            ("encryption key", encryption_key, self.encryption_key_octets),
            ("integrity key", integrity_key, self.integrity_key_octets),
            ("IV", iv, BLOCK_OCTETS),
        ):
            if len(value) != octets:
                raise ValueError(f"{what} of {octets} octets is needed, not {len(value)}")

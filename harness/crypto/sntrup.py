"""sntrup761x25519, number 1035 of the private use range: OpenIKED's key exchange of two methods in one KE payload.

No document of the IETF describes it. As OpenIKED has it: the initiator sends an encapsulation key of Streamlined NTRU
Prime 761 and an X25519 public key, the responder a ciphertext and an X25519 public key, and the shared secret is
SHA-512 over the KEM's shared secret and X25519's, in this order: 64 octets.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from harness.crypto import liboqs
from harness.crypto.interface import KeyExchange, KeyPair, check_length
from harness.crypto.montgomery import X25519
from harness.crypto.random_source import Rng
from harness.registry.transforms import KeyExchangeMethod

ALGORITHM = "sntrup761"
ENCAPSULATION_KEY_OCTETS, CIPHERTEXT_OCTETS = 1158, 1039


@dataclass(frozen=True, slots=True)
class _Private:
    kem: liboqs.SecretKey
    x25519: KeyPair


class Sntrup761X25519:
    """The combined method. Its first half comes from liboqs, its second one from ``cryptography``."""

    number = KeyExchangeMethod.SNTRUP761X25519
    initiator_octets = ENCAPSULATION_KEY_OCTETS + X25519.octets
    responder_octets = CIPHERTEXT_OCTETS + X25519.octets
    post_quantum = True

    def generate(self, rng: Rng) -> KeyPair:
        """``KeyExchange.generate``."""
        public, secret = liboqs.keypair(ALGORITHM, rng)
        x25519 = X25519.generate(rng)
        return KeyPair(public + x25519.public, _Private(secret, x25519))

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        """``KeyExchange.encapsulate``."""
        check_length(public, self.initiator_octets, "an encapsulation key and an X25519 public key")
        ciphertext, kem_secret = liboqs.encapsulate(ALGORITHM, public[:ENCAPSULATION_KEY_OCTETS], rng)
        own, x25519_secret = X25519.encapsulate(public[ENCAPSULATION_KEY_OCTETS:], rng)
        return ciphertext + own, _combined(kem_secret, x25519_secret)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """``KeyExchange.decapsulate``. A wrong ciphertext of the right length yields another secret."""
        check_length(data, self.responder_octets, "a ciphertext and an X25519 public key")
        if not isinstance(pair.private, _Private):
            raise TypeError("the key pair is of another method")
        kem_secret = liboqs.decapsulate(ALGORITHM, pair.private.kem, data[:CIPHERTEXT_OCTETS])
        return _combined(kem_secret, X25519.decapsulate(pair.private.x25519, data[CIPHERTEXT_OCTETS:]))


def _combined(kem_secret: bytes, x25519_secret: bytes) -> bytes:
    """SHA-512(KEM's shared secret | X25519's shared secret), iked/dh.c of OpenIKED."""
    return hashlib.sha512(kem_secret + x25519_secret).digest()


METHOD: KeyExchange = Sntrup761X25519()

"""Curve25519 and Curve448 (RFC 8031): Key Exchange Data is the u-coordinate, 32 or 56 octets."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x448 import X448PrivateKey, X448PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.interface import KeyExchange, KeyPair, check_length
from harness.crypto.random_source import Rng
from harness.registry.transforms import KeyExchangeMethod


@dataclass(frozen=True, slots=True)
class MontgomeryCurve:
    """One of the two curves of RFC 7748. A private key is as many random octets as a public one has."""

    number: KeyExchangeMethod
    octets: int

    post_quantum = False

    @property
    def initiator_octets(self) -> int:
        """Octets of the u-coordinate."""
        return self.octets

    @property
    def responder_octets(self) -> int:
        """Octets of the u-coordinate."""
        return self.octets

    def generate(self, rng: Rng) -> KeyPair:
        """``KeyExchange.generate``: the octets of ``rng`` are the private key; X25519 and X448 clamp them."""
        seed = rng(self.octets)
        private = _X25519(seed) if self.octets == 32 else X448PrivateKey.from_private_bytes(seed)
        return KeyPair(private.public_key().public_bytes_raw(), private)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        """``KeyExchange.encapsulate``."""
        pair = self.generate(rng)
        return pair.public, self.decapsulate(pair, public)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """``KeyExchange.decapsulate``."""
        check_length(data, self.octets, "a u-coordinate")
        try:
            if isinstance(pair.private, X25519PrivateKey):
                return pair.private.exchange(X25519PublicKey.from_public_bytes(data))
            if isinstance(pair.private, X448PrivateKey):
                return pair.private.exchange(X448PublicKey.from_public_bytes(data))
        except ValueError:
            # The library refuses an all-zero result: a point of small order (RFC 7748 section 6, RFC 8031 section 2.2).
            raise InvalidKeyExchangeData("a shared secret that is not all zero", "a point of small order") from None
        raise TypeError("the key pair is of another method")


_X25519 = X25519PrivateKey.from_private_bytes

X25519 = MontgomeryCurve(KeyExchangeMethod.CURVE25519, 32)

METHODS: tuple[KeyExchange, ...] = (
    X25519,
    MontgomeryCurve(KeyExchangeMethod.CURVE448, 56),
)

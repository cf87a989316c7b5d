"""Elliptic curve groups modulo a prime, P-256, P-384 and P-521 (RFC 5903).

Key Exchange Data is x | y, each as long as the prime; the shared secret is x alone (RFC 5903 section 7).
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.interface import KeyExchange, KeyPair, check_length
from harness.crypto.random_source import Rng
from harness.registry.transforms import KeyExchangeMethod

_UNCOMPRESSED = b"\x04"


@dataclass(frozen=True, slots=True)
class EcpGroup:
    """One curve. ``coordinate_octets`` is the length of its prime in octets, ``order`` the order of its base point."""

    number: KeyExchangeMethod
    curve: ec.EllipticCurve
    coordinate_octets: int

    post_quantum = False

    @property
    def initiator_octets(self) -> int:
        """Octets of x | y."""
        return 2 * self.coordinate_octets

    @property
    def responder_octets(self) -> int:
        """Octets of x | y."""
        return 2 * self.coordinate_octets

    def generate(self, rng: Rng) -> KeyPair:
        """``KeyExchange.generate``.

        The private scalar comes from 8 octets more than the order has, reduced: d = (c mod (n-1)) + 1, a bias below
        2^-64 (FIPS 186-5 appendix A.2.1). So every call takes the same number of octets from ``rng``.
        """
        c = int.from_bytes(rng(self.coordinate_octets + 8), "big")
        private = ec.derive_private_key(c % (self.curve.group_order - 1) + 1, self.curve)
        point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return KeyPair(point[1:], private)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        """``KeyExchange.encapsulate``."""
        pair = self.generate(rng)
        return pair.public, self.decapsulate(pair, public)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """``KeyExchange.decapsulate``."""
        check_length(data, self.responder_octets, "a point x | y")
        try:
            peer = ec.EllipticCurvePublicKey.from_encoded_point(self.curve, _UNCOMPRESSED + data)
        except ValueError:
            # RFC 6989 section 2.3: a receiver must check that the point satisfies the curve's equation.
            raise InvalidKeyExchangeData(f"a point on {self.curve.name}", "a point that is not on the curve") from None
        if not isinstance(pair.private, ec.EllipticCurvePrivateKey):
            raise TypeError("the key pair is of another method")
        return pair.private.exchange(ec.ECDH(), peer)


METHODS: tuple[KeyExchange, ...] = (
    EcpGroup(KeyExchangeMethod.ECP_256, ec.SECP256R1(), 32),
    EcpGroup(KeyExchangeMethod.ECP_384, ec.SECP384R1(), 48),
    EcpGroup(KeyExchangeMethod.ECP_521, ec.SECP521R1(), 66),
)

"""MODP groups: finite-field Diffie-Hellman (RFC 2409 section 6.2, RFC 3526).

Key Exchange Data and shared secret are both as long as the modulus, padded with zeros on the left (RFC 7296 sections
3.4 and 2.14).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache

from cryptography.utils import CryptographyDeprecationWarning

from harness.crypto import modp_primes
from harness.crypto.errors import InvalidKeyExchangeData
from harness.crypto.interface import KeyExchange, KeyPair, check_length
from harness.crypto.random_source import Rng
from harness.registry.transforms import KeyExchangeMethod

with warnings.catch_warnings():
    # The library announces that it will drop these groups. Peers still use them; pyproject.toml bounds its version.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from cryptography.hazmat.primitives.asymmetric.dh import (
        DHParameterNumbers,
        DHPrivateKey,
        DHPrivateNumbers,
        DHPublicKey,
        DHPublicNumbers,
    )


@dataclass(frozen=True, slots=True)
class ModpGroup:
    """One group. ``exponent_octets`` is the length of a private exponent.

    The modulus is a safe prime, so an exponent of twice the group's strength is as good as a full one. The lengths
    are the larger of RFC 3526's estimate (section 8, first column) and RFC 7919's (appendix A), in whole octets and
    never below 32; a full exponent would cost ten times the time at 3072 bits.
    """

    number: KeyExchangeMethod
    modulus: int
    modulus_octets: int
    exponent_octets: int

    post_quantum = False

    @property
    def initiator_octets(self) -> int:
        """Octets of the modulus."""
        return self.modulus_octets

    @property
    def responder_octets(self) -> int:
        """Octets of the modulus."""
        return self.modulus_octets

    def generate(self, rng: Rng) -> KeyPair:
        """``KeyExchange.generate``: the exponent is ``exponent_octets`` from ``rng`` with the highest bit set."""
        exponent = int.from_bytes(rng(self.exponent_octets), "big") | 1 << (8 * self.exponent_octets - 1)
        # The library wants a public value beside the exponent, but does not use it: give it the generator, and then
        # let it compute g^x as an exchange with that generator, five times as fast as Python's pow().
        parameters = DHParameterNumbers(self.modulus, modp_primes.GENERATOR)
        private = DHPrivateNumbers(exponent, DHPublicNumbers(modp_primes.GENERATOR, parameters)).private_key()
        return KeyPair(self._power(private, _generator(self.modulus)), private)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        """``KeyExchange.encapsulate``."""
        pair = self.generate(rng)
        return pair.public, self.decapsulate(pair, public)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """``KeyExchange.decapsulate``."""
        check_length(data, self.modulus_octets, "a public value")
        y = int.from_bytes(data, "big")
        if not 1 < y < self.modulus - 1:
            # RFC 6989 section 2.1: the test for groups whose modulus is a safe prime.
            raise InvalidKeyExchangeData("a public value above 1 and below p-1", "a value outside that range")
        if not isinstance(pair.private, DHPrivateKey):
            raise TypeError("the key pair is of another method")
        return self._power(pair.private, _public_key(self.modulus, y))

    def _power(self, private: DHPrivateKey, base: DHPublicKey) -> bytes:
        return private.exchange(base).rjust(self.modulus_octets, b"\0")


@cache
def _generator(modulus: int) -> DHPublicKey:
    return _public_key(modulus, modp_primes.GENERATOR)


def _public_key(modulus: int, y: int) -> DHPublicKey:
    return DHPublicNumbers(y, DHParameterNumbers(modulus, modp_primes.GENERATOR)).public_key()


METHODS: tuple[KeyExchange, ...] = (
    ModpGroup(KeyExchangeMethod.MODP_1024, modp_primes.MODP_1024, 128, 32),
    ModpGroup(KeyExchangeMethod.MODP_1536, modp_primes.MODP_1536, 192, 32),
    ModpGroup(KeyExchangeMethod.MODP_2048, modp_primes.MODP_2048, 256, 32),
    ModpGroup(KeyExchangeMethod.MODP_3072, modp_primes.MODP_3072, 384, 35),
    ModpGroup(KeyExchangeMethod.MODP_4096, modp_primes.MODP_4096, 512, 41),
    ModpGroup(KeyExchangeMethod.MODP_6144, modp_primes.MODP_6144, 768, 47),
    ModpGroup(KeyExchangeMethod.MODP_8192, modp_primes.MODP_8192, 1024, 50),
)

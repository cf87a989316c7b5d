"""ML-KEM (FIPS 203) as a key exchange method (draft-ietf-ipsecme-ikev2-mlkem).

The initiator sends the encapsulation key, the responder the ciphertext; the shared secret is 32 octets. Two providers
compute it, so that tests can hold one against the other: ``cryptography`` (768 and 1024) and liboqs (all three).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives.asymmetric import mlkem

from harness.crypto import liboqs
from harness.crypto.errors import InvalidKeyExchangeData, MethodUnavailable
from harness.crypto.interface import KeyExchange, KeyPair, check_length
from harness.crypto.random_source import Rng
from harness.registry.transforms import KeyExchangeMethod

SEED_OCTETS = 64  # d | z, FIPS 203 algorithm 16
Q = 3329  # FIPS 203 section 2.4


@dataclass(frozen=True, slots=True)
class ParameterSet:
    """One row of FIPS 203 tables 2 and 3. ``k`` is the number of polynomials; sizes are octets."""

    name: str
    k: int
    encapsulation_key_octets: int
    ciphertext_octets: int


PARAMETER_SETS = {
    KeyExchangeMethod.ML_KEM_512: ParameterSet("ML-KEM-512", 2, 800, 768),
    KeyExchangeMethod.ML_KEM_768: ParameterSet("ML-KEM-768", 3, 1184, 1088),
    KeyExchangeMethod.ML_KEM_1024: ParameterSet("ML-KEM-1024", 4, 1568, 1568),
}

FIRST_PROVIDER = {
    KeyExchangeMethod.ML_KEM_512: "liboqs",
    KeyExchangeMethod.ML_KEM_768: "cryptography",
    KeyExchangeMethod.ML_KEM_1024: "cryptography",
}


def provider(number: KeyExchangeMethod, name: str) -> KeyExchange:
    """ML-KEM of the parameter set ``number`` as the library ``name`` ("cryptography" or "liboqs") computes it.

    Raises:
        MethodUnavailable: the library is missing, or does not have this parameter set.
    """
    if name == "liboqs":
        reason = liboqs.unavailable_reason()
        if reason is not None:
            raise MethodUnavailable(reason)
        return MlKemLiboqs(number)
    if name == "cryptography" and number in _CRYPTOGRAPHY:
        return MlKemCryptography(number)
    raise MethodUnavailable(f"provider {name} does not have {PARAMETER_SETS[number].name}")


@dataclass(frozen=True, slots=True)
class _MlKem:
    number: KeyExchangeMethod

    post_quantum = True

    @property
    def parameters(self) -> ParameterSet:
        """The row of FIPS 203."""
        return PARAMETER_SETS[self.number]

    @property
    def initiator_octets(self) -> int:
        """Octets of the encapsulation key."""
        return self.parameters.encapsulation_key_octets

    @property
    def responder_octets(self) -> int:
        """Octets of the ciphertext."""
        return self.parameters.ciphertext_octets


_CRYPTOGRAPHY: dict[
    KeyExchangeMethod,
    tuple[
        type[mlkem.MLKEM768PrivateKey] | type[mlkem.MLKEM1024PrivateKey],
        type[mlkem.MLKEM768PublicKey] | type[mlkem.MLKEM1024PublicKey],
    ],
] = {
    KeyExchangeMethod.ML_KEM_768: (mlkem.MLKEM768PrivateKey, mlkem.MLKEM768PublicKey),
    KeyExchangeMethod.ML_KEM_1024: (mlkem.MLKEM1024PrivateKey, mlkem.MLKEM1024PublicKey),
}


class MlKemCryptography(_MlKem):
    """ML-KEM-768 and -1024 by ``cryptography``. It takes encapsulation's randomness from the operating system."""

    def generate(self, rng: Rng) -> KeyPair:
        """``KeyExchange.generate``: ML-KEM.KeyGen_internal(d, z) with d | z from ``rng`` (FIPS 203 algorithm 16)."""
        private = _CRYPTOGRAPHY[self.number][0].from_seed_bytes(rng(SEED_OCTETS))
        return KeyPair(private.public_key().public_bytes_raw(), private)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:  # noqa: ARG002 - the library takes no randomness
        """``KeyExchange.encapsulate``; ``rng`` is not used."""
        check_length(public, self.initiator_octets, "an encapsulation key")
        try:
            key = _CRYPTOGRAPHY[self.number][1].from_public_bytes(public)
        except ValueError:
            check_modulus(public, self.parameters)
            raise
        shared_secret, ciphertext = key.encapsulate()
        return ciphertext, shared_secret

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """``KeyExchange.decapsulate``. A wrong ciphertext of the right length yields a pseudorandom secret."""
        check_length(data, self.responder_octets, "a ciphertext")
        if not isinstance(pair.private, _CRYPTOGRAPHY[self.number][0]):
            raise TypeError("the key pair is of another method or provider")
        return pair.private.decapsulate(data)


class MlKemLiboqs(_MlKem):
    """All three parameter sets by liboqs, with every random octet from ``rng``."""

    def generate(self, rng: Rng) -> KeyPair:
        """``KeyExchange.generate``: ML-KEM.KeyGen_internal(d, z) with d | z from ``rng`` (FIPS 203 algorithm 16)."""
        public, private = liboqs.keypair_from_seed(self.parameters.name, rng(SEED_OCTETS))
        return KeyPair(public, private)

    def encapsulate(self, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
        """``KeyExchange.encapsulate``: ML-KEM.Encaps_internal(ek, m) with m from ``rng`` (FIPS 203 algorithm 17)."""
        check_length(public, self.initiator_octets, "an encapsulation key")
        check_modulus(public, self.parameters)
        return liboqs.encapsulate(self.parameters.name, public, rng)

    def decapsulate(self, pair: KeyPair, data: bytes) -> bytes:
        """``KeyExchange.decapsulate``. A wrong ciphertext of the right length yields a pseudorandom secret."""
        check_length(data, self.responder_octets, "a ciphertext")
        if not isinstance(pair.private, liboqs.SecretKey):
            raise TypeError("the key pair is of another method or provider")
        return liboqs.decapsulate(self.parameters.name, pair.private, data)


def check_modulus(public: bytes, parameters: ParameterSet) -> None:
    """FIPS 203 section 7.2, modulus check: ByteDecode12 then ByteEncode12 must give the key back.

    That is so exactly when every 12-bit coefficient of its first 384k octets is below q. Two coefficients stand in
    three octets, least significant bits first (FIPS 203 algorithms 5 and 6).

    Raises:
        InvalidKeyExchangeData: a coefficient is q or more.
    """
    count = 256 * parameters.k
    packed = int.from_bytes(public[: 384 * parameters.k], "little")
    if _all_below_q(packed, count) and _all_below_q(packed >> 12, count):
        return
    for index in range(count):
        coefficient = packed >> (12 * index) & 0xFFF
        if coefficient >= Q:
            raise InvalidKeyExchangeData(f"coefficients below {Q}", f"{coefficient} as number {index}")


def _all_below_q(packed: int, count: int) -> bool:
    """Whether every second of ``count`` coefficients is below q, all at once.

    With the others masked out there are twelve free bits above each, and adding 4096 - q carries into them exactly
    when the coefficient is q or more.
    """
    every_second = _every_second(count)
    sums = (packed & every_second * 0xFFF) + every_second * (4096 - Q)
    return not sums & every_second << 12


@cache
def _every_second(count: int) -> int:
    return sum(1 << 24 * index for index in range(count // 2))

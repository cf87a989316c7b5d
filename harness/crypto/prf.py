"""Pseudorandom functions and prf+ (RFC 7296 section 2.13; RFC 4868 for HMAC-SHA2)."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from harness.crypto.errors import MethodUnavailable
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import PseudorandomFunction, TransformType


@dataclass(frozen=True, slots=True)
class Prf:
    """A PRF built on HMAC: ``prf(key, data)``.

    For HMAC the preferred key size is the output's (RFC 7296 section 2.13), so SK_d, SK_pi and SK_pr have
    ``key_octets`` = ``output_octets``. A key of any length is accepted.
    """

    name: str
    digest: str  # as hashlib spells it
    output_octets: int

    @property
    def key_octets(self) -> int:
        """Octets of a key made for this PRF."""
        return self.output_octets

    def __call__(self, key: bytes, data: bytes) -> bytes:
        """prf (K, S)."""
        return hmac.digest(key, data, self.digest)

    def plus(self, key: bytes, seed: bytes, octets: int) -> bytes:
        """prf+ (K,S) = T1 | T2 | T3 | ...; T1 = prf (K, S | 0x01), Tn = prf (K, Tn-1 | S | n) (RFC 7296 section 2.13).

        Raises:
            ValueError: more than 255 blocks asked for; the counter is one octet.
        """
        blocks = -(-octets // self.output_octets)
        if blocks > 255:
            raise ValueError(f"prf+ yields at most {255 * self.output_octets} octets with {self.name}, not {octets}")
        stream, t = b"", b""
        for n in range(1, blocks + 1):
            t = self(key, t + seed + bytes((n,)))
            stream += t
        return stream[:octets]


_PRFS = {
    PseudorandomFunction.PRF_HMAC_SHA1: Prf("hmac-sha1", "sha1", 20),
    PseudorandomFunction.PRF_HMAC_SHA2_256: Prf("hmac-sha2-256", "sha256", 32),
    PseudorandomFunction.PRF_HMAC_SHA2_384: Prf("hmac-sha2-384", "sha384", 48),
    PseudorandomFunction.PRF_HMAC_SHA2_512: Prf("hmac-sha2-512", "sha512", 64),
}


def prf(algorithm: Algorithm) -> Prf:
    """The PRF of a transform of type PRF.

    Raises:
        MethodUnavailable: not implemented.
    """
    found = _PRFS.get(PseudorandomFunction(algorithm.identifier))
    if found is None:
        raise MethodUnavailable(f"PRF {algorithm.name(TransformType.PRF)} is not implemented by this engine")
    return found


def implemented() -> tuple[Algorithm, ...]:
    """Every PRF that this engine can compute, in numeric order."""
    return tuple(Algorithm(int(number)) for number in sorted(_PRFS))

"""Encapsulation keys of ML-KEM as the second reader checks them (FIPS 203 section 7.2)."""

from __future__ import annotations

_Q = 3329  # the modulus (FIPS 203 section 2.4)
_RHO_OCTETS = 32  # of the seed at the end of an encapsulation key, behind its coefficients of 12 bits


def is_out_of_range(key: bytes) -> bool:
    """Whether a coefficient is not below q; two of them stand in three octets."""
    packed = key[:-_RHO_OCTETS]
    triples = (int.from_bytes(packed[at : at + 3], "little") for at in range(0, len(packed), 3))
    return any(three & 0xFFF >= _Q or three >> 12 >= _Q for three in triples)

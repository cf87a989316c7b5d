"""The key schedule of an IKE SA and of its Child SAs (RFC 7296 sections 2.14, 2.17, 2.18; RFC 9370 section 2.2).

Each stage is a function that returns a type, and nothing else makes keys. The symbols are the documents' own:
``Ni | Nr`` are nonces, ``SPIi | SPIr`` the SPIs of the IKE SA, ``SK(n)`` the shared secret of the n-th key exchange,
where ``SK(0)`` is ``g^ir``, the one of IKE_SA_INIT.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.crypto.prf import Prf
from harness.crypto.protection import Protection


@dataclass(frozen=True, slots=True)
class KeySchedule:
    """What one IKE SA has negotiated that its keys depend on. ``nonce_*`` are nonce data, without payload header."""

    prf: Prf
    protection: Protection
    nonce_i: bytes
    nonce_r: bytes
    spi_i: bytes  # 8 octets
    spi_r: bytes  # 8 octets


@dataclass(frozen=True, slots=True)
class IkeKeys:
    """The seven keys of an IKE SA. ``generation`` counts the additional key exchanges that have entered them."""

    generation: int
    sk_d: bytes = field(repr=False)
    sk_ai: bytes = field(repr=False)
    sk_ar: bytes = field(repr=False)
    sk_ei: bytes = field(repr=False)
    sk_er: bytes = field(repr=False)
    sk_pi: bytes = field(repr=False)
    sk_pr: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ChildKeys:
    """The four keys of a Child SA; ``initiator_*`` protect what the initiator of the exchange sends."""

    initiator_encryption: bytes = field(repr=False)
    initiator_integrity: bytes = field(repr=False)
    responder_encryption: bytes = field(repr=False)
    responder_integrity: bytes = field(repr=False)


def after_sa_init(schedule: KeySchedule, g_ir: bytes) -> IkeKeys:
    """SKEYSEED = prf(Ni | Nr, g^ir) (RFC 7296 section 2.14): generation 0."""
    skeyseed = schedule.prf(schedule.nonce_i + schedule.nonce_r, g_ir)
    return _seven_keys(schedule, skeyseed, generation=0)


def after_intermediate(schedule: KeySchedule, previous: IkeKeys, sk_n: bytes) -> IkeKeys:
    """SKEYSEED(n) = prf(SK_d(n-1), SK(n) | Ni | Nr) (RFC 9370 section 2.2.2): the next generation."""
    skeyseed = schedule.prf(previous.sk_d, sk_n + schedule.nonce_i + schedule.nonce_r)
    return _seven_keys(schedule, skeyseed, generation=previous.generation + 1)


def after_rekey(schedule_new: KeySchedule, prf_old: Prf, sk_d_old: bytes, secrets: tuple[bytes, ...]) -> IkeKeys:
    """SKEYSEED = prf(SK_d, SK(0) | Ni | Nr | SK(1) | ... SK(n)) (RFC 9370 section 2.2.4; RFC 7296 section 2.18).

    ``prf_old`` and ``sk_d_old`` are the old IKE SA's; nonces, SPIs and everything derived from SKEYSEED are the new
    one's. ``secrets`` is SK(0), SK(1), ... SK(n); with SK(0) alone this is RFC 7296's formula.

    Raises:
        ValueError: no secret; a rekeyed IKE SA always has a new key exchange (RFC 7296 section 1.3.2).
    """
    if not secrets:
        raise ValueError("an IKE SA cannot be rekeyed without a key exchange")
    nonces = schedule_new.nonce_i + schedule_new.nonce_r
    skeyseed = prf_old(sk_d_old, secrets[0] + nonces + b"".join(secrets[1:]))
    return _seven_keys(schedule_new, skeyseed, generation=0)


def child_keys(
    prf: Prf, sk_d: bytes, nonce_i: bytes, nonce_r: bytes, protection: Protection, secrets: tuple[bytes, ...] = ()
) -> ChildKeys:
    """KEYMAT = prf+(SK_d, SK(0) | Ni | Nr | SK(1) | ... SK(n)) (RFC 9370 section 2.2.4; RFC 7296 section 2.17).

    Without ``secrets``, as for the Child SA that IKE_AUTH makes, KEYMAT = prf+(SK_d, Ni | Nr). All keys for the
    initiator's direction are taken first, and of each direction the encryption key before the integrity key.
    """
    seed = b"".join(secrets[:1]) + nonce_i + nonce_r + b"".join(secrets[1:])
    sizes = (protection.encryption_key_octets, protection.integrity_key_octets) * 2
    return ChildKeys(*_split(prf.plus(sk_d, seed, sum(sizes)), sizes))


def _seven_keys(schedule: KeySchedule, skeyseed: bytes, generation: int) -> IkeKeys:
    """{SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+ (SKEYSEED, Ni | Nr | SPIi | SPIr)."""
    prf, a, e = schedule.prf, schedule.protection.integrity_key_octets, schedule.protection.encryption_key_octets
    sizes = (prf.key_octets, a, a, e, e, prf.key_octets, prf.key_octets)
    seed = schedule.nonce_i + schedule.nonce_r + schedule.spi_i + schedule.spi_r
    return IkeKeys(generation, *_split(prf.plus(skeyseed, seed, sum(sizes)), sizes))


def _split(stream: bytes, sizes: tuple[int, ...]) -> list[bytes]:
    keys, start = [], 0
    for size in sizes:
        keys.append(stream[start : start + size])
        start += size
    return keys

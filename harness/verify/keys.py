"""The keys, computed a second time: SK_* of an IKE SA, KEYMAT of its Child SA, IntAuth and AUTH.

Everything comes from the wire and the shared secrets (RFC 7296 sections 2.13 to 2.17, RFC 9370 section 2.2.2, RFC 9242
section 3.3.2). The engine has formulas of its own, and none of them is used here: what is wrong in the engine must not
be wrong in its judge. Both stand on the same primitives, a PRF and a cipher. The documents' symbols are kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from io import BytesIO

from harness.crypto.errors import MethodUnavailable
from harness.crypto.prf import Prf, prf
from harness.crypto.protection import Protection, protection
from harness.policy.proposals import Suite
from harness.registry.transforms import TransformType


@dataclass(frozen=True, slots=True)
class IkeKeys:
    """The seven keys of an IKE SA, in the order in which prf+ gives them."""

    sk_d: bytes = field(repr=False)
    sk_ai: bytes = field(repr=False)
    sk_ar: bytes = field(repr=False)
    sk_ei: bytes = field(repr=False)
    sk_er: bytes = field(repr=False)
    sk_pi: bytes = field(repr=False)
    sk_pr: bytes = field(repr=False)

    def of(self, *, initiator: bool) -> tuple[bytes, bytes, bytes]:
        """SK_e, SK_a and SK_p of the original initiator, or of the responder."""
        if initiator:
            return self.sk_ei, self.sk_ai, self.sk_pi
        return self.sk_er, self.sk_ar, self.sk_pr


@dataclass(frozen=True, slots=True)
class ChildKeys:
    """The keys of a Child SA; an AEAD has none for integrity, and a salt at the end of the other."""

    initiator_encryption: bytes = field(repr=False)
    initiator_integrity: bytes = field(repr=False)
    responder_encryption: bytes = field(repr=False)
    responder_integrity: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyChain:
    """The generations of keys of one IKE SA: after IKE_SA_INIT, and after each additional key exchange."""

    prf: Prf
    protection: Protection
    nonces: tuple[bytes, bytes]  # Ni, Nr
    generations: tuple[IkeKeys, ...]  # which do not print


def key_chain(
    suite: Suite, nonces: tuple[bytes, bytes], spis: tuple[bytes, bytes], secrets: tuple[bytes, ...]
) -> KeyChain:
    """SK_* from g^ir and then SK(1), SK(2), ...; SKEYSEED = prf(Ni | Nr, g^ir), and prf(SK_d, SK(n) | Ni | Nr) later.

    Raises:
        ValueError: the suite has no ENCR or PRF, or there is no secret at all.
        MethodUnavailable: a transform that we do not implement.
    """
    encr, prf_algorithm, integ = (suite.get(k) for k in (TransformType.ENCR, TransformType.PRF, TransformType.INTEG))
    if encr is None or prf_algorithm is None or not secrets:
        raise ValueError("a key chain needs ENCR, PRF and at least one shared secret")
    function, cipher = prf(prf_algorithm), protection(encr, integ)
    both = b"".join(nonces)
    generations = [_seven(function, cipher, function(both, secrets[0]), both + b"".join(spis))]
    for secret in secrets[1:]:
        skeyseed = function(generations[-1].sk_d, secret + both)
        generations.append(_seven(function, cipher, skeyseed, both + b"".join(spis)))
    return KeyChain(function, cipher, nonces, tuple(generations))


def child_keys(chain: KeyChain, suite: Suite) -> tuple[ChildKeys, Protection]:
    """KEYMAT = prf+(SK_d, Ni | Nr) of the Child SA that IKE_AUTH makes, with the newest SK_d; and its cipher.

    Raises:
        MethodUnavailable: a transform that we do not implement, or none to encrypt with.
    """
    encr, integ = suite.get(TransformType.ENCR), suite.get(TransformType.INTEG)
    if encr is None:
        raise MethodUnavailable("the Child SA has no ENCR transform")
    cipher = protection(encr, integ)
    sizes = 2 * (cipher.encryption_key_octets, cipher.integrity_key_octets)
    return ChildKeys(*_stream(chain.prf, chain.generations[-1].sk_d, b"".join(chain.nonces), sizes)), cipher


def int_auth(chain: KeyChain, covered: Iterable[tuple[int, bytes, bytes]], *, initiator: bool) -> list[bytes]:
    """IntAuth_n = prf(SK_p(n), IntAuth_(n-1) | A | P) of one direction, for each IKE_INTERMEDIATE message in turn.

    ``covered`` has of each message the generation of the keys that it came under, and its A and P.
    """
    values: list[bytes] = []
    for generation, a, p in covered:
        _, _, sk_p = chain.generations[generation].of(initiator=initiator)
        values.append(chain.prf(sk_p, (values[-1] if values else b"") + a + p))
    return values


def shared_key_auth(
    chain: KeyChain, psk: bytes, real_message: bytes, identity: bytes, int_auths: tuple[bytes, ...], *, initiator: bool
) -> bytes:
    """AUTH = prf(prf(Shared Secret, "Key Pad for IKEv2"), RealMessage | Nonce of the other | MACedID [| IntAuth]).

    ``real_message`` is the side's own IKE_SA_INIT message, ``identity`` the body of its ID payload, ``int_auths`` the
    last IntAuth_i, the last IntAuth_r and IKE_AUTH_MID where there was an IKE_INTERMEDIATE.
    """
    _, _, sk_p = chain.generations[-1].of(initiator=initiator)
    nonce_of_the_other = chain.nonces[1] if initiator else chain.nonces[0]
    signed = b"".join((real_message, nonce_of_the_other, chain.prf(sk_p, identity), *int_auths))
    return chain.prf(chain.prf(psk, b"Key Pad for IKEv2"), signed)


def _seven(function: Prf, cipher: Protection, skeyseed: bytes, seed: bytes) -> IkeKeys:
    """{SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)."""
    own, a, e = function.output_octets, cipher.integrity_key_octets, cipher.encryption_key_octets
    return IkeKeys(*_stream(function, skeyseed, seed, (own, a, a, e, e, own, own)))


def _stream(function: Prf, key: bytes, seed: bytes, sizes: Iterable[int]) -> list[bytes]:
    """Keys of these sizes, one after the other, from prf+(K, S): T1 = prf(K, S | 1), Tn = prf(K, Tn-1 | S | n)."""
    wanted = tuple(sizes)
    blocks = [function(key, seed + b"\x01")]
    while len(blocks) * function.output_octets < sum(wanted):
        blocks.append(function(key, blocks[-1] + seed + bytes((len(blocks) + 1,))))
    stream = BytesIO(b"".join(blocks))
    return [stream.read(size) for size in wanted]

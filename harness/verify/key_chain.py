"""Every key of an IKE SA, computed again from the shared secrets alone (RFC 7296 2.14, RFC 9370 2.2.2, RFC 9242 3.3).

Nothing here looks at the keys that the engine recorded: those are compared with these.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.crypto.key_schedule import IkeKeys, KeySchedule, after_intermediate, after_sa_init
from harness.crypto.prf import prf
from harness.crypto.protection import protection
from harness.ike.policy import Suite
from harness.registry.transforms import TransformType


@dataclass(frozen=True, slots=True)
class KeyChain:
    """The generations of keys of one IKE SA."""

    schedule: KeySchedule
    generations: tuple[IkeKeys, ...] = field(repr=False)


def key_chain(
    suite: Suite, nonces: tuple[bytes, bytes], spis: tuple[bytes, bytes], secrets: tuple[bytes, ...]
) -> KeyChain:
    """SK_* after IKE_SA_INIT and after each additional key exchange, from g^ir and SK(1), SK(2), ...

    Raises:
        ValueError: the suite has no ENCR or PRF, or there is no secret at all.
        MethodUnavailable: a transform that we do not implement.
    """
    encr, prf_algorithm, integ = (suite.get(k) for k in (TransformType.ENCR, TransformType.PRF, TransformType.INTEG))
    if encr is None or prf_algorithm is None or not secrets:
        raise ValueError("a key chain needs ENCR, PRF and at least one shared secret")
    cipher = protection(encr, integ if integ and integ.identifier else None)
    schedule = KeySchedule(prf(prf_algorithm), cipher, *nonces, *spis)
    generations = [after_sa_init(schedule, secrets[0])]
    for secret in secrets[1:]:
        generations.append(after_intermediate(schedule, generations[-1], secret))
    return KeyChain(schedule, tuple(generations))

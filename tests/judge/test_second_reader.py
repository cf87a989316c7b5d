"""The verifier reads by code of its own: a formula that is wrong in the engine is not repeated by its judge.

Both sides of a case here are our engine, so that they agree in every fault: only a second reader can see it.
"""

from __future__ import annotations

from unittest.mock import patch

import pytest
from case_builder import build
from judging import contradicts

from harness.crypto.key_schedule import after_sa_init, child_keys
from harness.crypto.prf import Prf
from harness.esp.sa import EspSa
from harness.ike import protected
from harness.ike.protected import int_auth_header
from harness.policy.role import Role

HYBRID, BLOCKS, FRAGMENTED, EXTENDED = (
    "hybrid/x25519-mlkem768", "classical/modp3072", "fragmentation/mlkem1024-at-576", "esp/esn"
)  # fmt: skip


def without_the_pad(prf, psk, octets):
    return prf(psk, octets)


def of_secrets_alone(schedule, previous, sk_n):
    """An additional key exchange that leaves out what was before."""
    return after_sa_init(schedule, sk_n)


def swapped(prf, sk_d, nonce_i, nonce_r, protection, secrets=()):
    return child_keys(prf, sk_d, nonce_r, nonce_i, protection, secrets)


def counted_from_zero(self, key, seed, octets):
    stream, t = b"", b""
    for n in range(-(-octets // self.output_octets)):
        t = self(key, t + seed + bytes((n,)))
        stream += t
    return stream[:octets]


def of_the_first_alone(prf, sk_p, previous, a, p):
    return prf(sk_p, a + p)


def one_too_long(header, outer, first_inner, flags, plain):
    """IntAuth_A with the lengths of a message whose P is one octet longer."""
    return int_auth_header(header, outer, first_inner, flags, plain + 1)


def without_the_sequence(self, sequence):
    return self.spi.to_bytes(4), b""


def without_identity(real_message, nonce_other, maced_id, int_auth_octets=b""):
    return real_message + nonce_other + int_auth_octets


FAULTS = {
    "prf+": (HYBRID, patch.object(Prf, "plus", counted_from_zero)),
    "SKEYSEED(n)": (HYBRID, patch("harness.ike.states.after_intermediate", of_secrets_alone)),
    "KEYMAT": (HYBRID, patch("harness.ike.exchanges.child.child_keys", swapped)),
    "IntAuth": ("multiple-ke/seven", patch("harness.ike.exchanges.intermediate.int_auth", of_the_first_alone)),
    "IntAuth_A": (HYBRID, patch.object(protected, "int_auth_header", one_too_long)),
    "IntAuth_A of fragments": (FRAGMENTED, patch.object(protected, "int_auth_header", one_too_long)),
    "AUTH": (BLOCKS, patch("harness.crypto.authentication.shared_key_auth", without_the_pad)),
    "SignedOctets": (BLOCKS, patch("harness.crypto.authentication.signed_octets", without_identity)),
    "ICV of ESP": (HYBRID, patch.object(EspSa, "_authenticated", without_the_sequence)),
    "ICV of ESP, with a MAC": ("esp/esn-with-hmac", patch.object(EspSa, "_authenticated", without_the_sequence)),
    "ICV of ESP, extended": (EXTENDED, patch.object(EspSa, "_authenticated", without_the_sequence)),
}  # fmt: skip


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_both_ends_share_is_seen(fault, role):
    scenario, doctored = FAULTS[fault]
    peer = "strongswan-6.1-kernel-esp" if scenario.startswith("esp/esn") else "strongswan-6.1"
    contradicts(build(scenario, peer, role, doctored=doctored), "wire.pcapng")

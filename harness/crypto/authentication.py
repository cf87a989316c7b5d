"""What the AUTH payload is computed over (RFC 7296 section 2.15; RFC 9242 section 3.3 for IKE_INTERMEDIATE)."""

from __future__ import annotations

from harness.crypto.prf import Prf

KEY_PAD = b"Key Pad for IKEv2"  # 17 ASCII octets without a terminating zero (RFC 7296 section 2.15)


def int_auth(prf: Prf, sk_p: bytes, previous: bytes, a: bytes, p: bytes) -> bytes:
    """IntAuth_n = prf(SK_p(n), IntAuth_(n-1) | IntAuth_An | IntAuth_Pn) (RFC 9242 section 3.3.2), for one direction.

    ``a`` is the message up to the Encrypted payload's generic header, with both lengths adjusted as if it were not
    encrypted; ``p`` the plaintext of the inner payloads. ``previous`` is empty for the first IKE_INTERMEDIATE.
    ``sk_p`` is SK_pi for the initiator's direction, SK_pr for the responder's, of the keys before this exchange's
    own key exchange takes effect.
    """
    return prf(sk_p, previous + a + p)


def int_auth_octets(int_auth_i: bytes, int_auth_r: bytes, ike_auth_message_id: int) -> bytes:
    """IntAuth = IntAuth_iN | IntAuth_rN | IKE_AUTH_MID (RFC 9242 section 3.3.2); the message ID is four octets."""
    return int_auth_i + int_auth_r + ike_auth_message_id.to_bytes(4, "big")


def maced_id(prf: Prf, sk_p: bytes, rest_of_id_payload: bytes) -> bytes:
    """MACedIDForI = prf(SK_pi, RestOfInitIDPayload), for R likewise with SK_pr (RFC 7296 section 2.15).

    ``rest_of_id_payload`` is the ID payload without its four octets of generic header.
    """
    return prf(sk_p, rest_of_id_payload)


def signed_octets(real_message: bytes, nonce_other: bytes, maced_id: bytes, int_auth_octets: bytes = b"") -> bytes:
    """InitiatorSignedOctets = RealMessage1 | NonceRData | MACedIDForI [| IntAuth] (RFC 7296 section 2.15).

    ``int_auth_octets`` is IntAuth of RFC 9242 section 3.3.2, empty when there was no IKE_INTERMEDIATE.
    ``real_message`` is one's own IKE_SA_INIT message as it was sent (the last one, after a COOKIE or
    INVALID_KE_PAYLOAD retry), ``nonce_other`` the other side's nonce data.
    """
    return real_message + nonce_other + maced_id + int_auth_octets


def shared_key_auth(prf: Prf, psk: bytes, octets: bytes) -> bytes:
    """AUTH = prf( prf(Shared Secret, "Key Pad for IKEv2"), <SignedOctets>) (RFC 7296 section 2.15)."""
    return prf(prf(psk, KEY_PAD), octets)

"""The engine's processor time for one hybrid handshake over the raw cryptography that it cannot do without.

X25519 in IKE_SA_INIT, ML-KEM-768 in IKE_INTERMEDIATE, AES-256-GCM, HMAC-SHA2-256, a Child SA, the Delete at the end.
Two engines talk to each other in one process; one side costs half of both. The raw cryptography is the same calls of
``harness.crypto``'s primitives, as often and over as many octets, with nothing around them.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from clock import in_turns, profile_of
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from engine_pair import configuration, policy

from harness.crypto import aead, prf
from harness.crypto.key_exchange import key_exchange
from harness.ike.configuration import Datagram, Path
from harness.ike.events import ChildEstablished, Closed
from harness.ike.session import Session
from harness.registry.transforms import KeyExchangeMethod

POLICY = policy(ke="curve25519", addke1="ml-kem-768")
INITIATOR, RESPONDER = configuration(True, POLICY), configuration(False, POLICY)


def handshake() -> tuple[Session, Session]:
    """From nothing to a Child SA, then deleted."""
    initiator, responder = Session(INITIATOR, secrets.token_bytes), Session(RESPONDER, secrets.token_bytes)
    initiator.start(0.0)
    _exchange(initiator, responder)
    initiator.delete(0.0)
    _exchange(initiator, responder)
    return initiator, responder


def _exchange(initiator: Session, responder: Session) -> None:
    sender, receiver = initiator, responder
    while datagrams := sender.datagrams_to_send(0.0):
        for datagram in datagrams:
            receiver.receive_datagram(datagram.payload, _back(datagram), 0.0)
        sender, receiver = receiver, sender


def _back(datagram: Datagram) -> Path:
    return Path(datagram.path.remote, datagram.path.local)


def raw_calls() -> list[Callable[[], object]]:
    """Every HMAC and AEAD operation of one handshake, both sides, with its arguments, to be made again bare."""
    calls: list[Callable[[], object]] = []

    class Hmac:
        @staticmethod
        def digest(key: bytes, data: bytes, digest: str) -> bytes:
            calls.append(partial(hmac.digest, key, data, digest))
            return hmac.digest(key, data, digest)

    class Gcm:
        def __init__(self, key: bytes) -> None:
            calls.append(partial(AESGCM, key))
            self._cipher = AESGCM(key)

        def encrypt(self, *arguments: bytes) -> bytes:
            calls.append(partial(self._cipher.encrypt, *arguments))
            return self._cipher.encrypt(*arguments)

        def decrypt(self, *arguments: bytes) -> bytes:
            calls.append(partial(self._cipher.decrypt, *arguments))
            return self._cipher.decrypt(*arguments)

    true_hmac, true_gcm = prf.hmac, aead._aes_gcm  # type: ignore[attr-defined]
    prf.hmac, aead._aes_gcm = Hmac, cache(Gcm)  # type: ignore[attr-defined, assignment]
    try:
        handshake()
    finally:
        prf.hmac, aead._aes_gcm = true_hmac, true_gcm  # type: ignore[attr-defined]
    return calls


def key_exchanges() -> None:
    """Both methods, both sides."""
    for number in (KeyExchangeMethod.CURVE25519, KeyExchangeMethod.ML_KEM_768):
        method = key_exchange(number)
        pair = method.generate(secrets.token_bytes)
        data, secret = method.encapsulate(pair.public, secrets.token_bytes)
        assert method.decapsulate(pair, data) == secret


def measure() -> dict[str, Any]:
    """Microseconds of one side, and their ratio."""
    initiator, responder = handshake()
    events = [event for session in (initiator, responder) for event in iter(session.next_event, None)]
    assert len([event for event in events if isinstance(event, ChildEstablished)]) == 2
    assert [event.kind for event in events if isinstance(event, Closed)] == ["deleted", "deleted"]
    calls = raw_calls()

    def raw() -> None:
        key_exchanges()
        for call in calls:
            call()

    times = in_turns({"engine": (handshake, 100), "raw": (raw, 100), "key exchanges": (key_exchanges, 100)})
    return {
        "engine_us": round(times["engine"] / 2, 1),
        "raw_us": round(times["raw"] / 2, 1),
        "raw_key_exchange_us": round(times["key exchanges"] / 2, 1),
        "raw_calls": len(calls),
        "ratio": round(times["engine"] / times["raw"], 2),
    }


def profile() -> str:
    """Where the time of one handshake goes."""
    return profile_of(handshake, 200)

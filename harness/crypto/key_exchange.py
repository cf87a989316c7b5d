"""Key exchange methods by their number (IANA "Transform Type 4"), whichever family and provider they come from."""

from __future__ import annotations

from harness.crypto import ecp, liboqs, ml_kem, modp, montgomery, sntrup
from harness.crypto.errors import MethodUnavailable
from harness.crypto.interface import KeyExchange, KeyPair
from harness.registry.transforms import KeyExchangeMethod

__all__ = [
    "KeyExchange",
    "KeyPair",
    "available_methods",
    "key_exchange",
    "replayable_key_exchange",
    "unavailable_reason",
]

_CLASSICAL: dict[KeyExchangeMethod, KeyExchange] = {
    method.number: method for method in (*modp.METHODS, *ecp.METHODS, *montgomery.METHODS)
}


def key_exchange(number: KeyExchangeMethod) -> KeyExchange:
    """The method with this number, from its first provider.

    Raises:
        MethodUnavailable: not built in, or its provider's library is missing; the message says which.
    """
    if number in _CLASSICAL:
        return _CLASSICAL[number]
    if number in ml_kem.PARAMETER_SETS:
        return ml_kem.provider(number, ml_kem.FIRST_PROVIDER[number])
    if number == sntrup.METHOD.number:
        if reason := liboqs.unavailable_reason():
            raise MethodUnavailable(reason)
        return sntrup.METHOD
    raise MethodUnavailable(f"key exchange method {number} ({number.value}) is not implemented by this engine")


def replayable_key_exchange(number: KeyExchangeMethod) -> KeyExchange:
    """The method with this number, from a provider in which ``rng`` alone decides every octet, encapsulation included.

    ``cryptography`` takes the randomness of ML-KEM's encapsulation from the operating system, so golden transcripts
    take ML-KEM from liboqs.

    Raises:
        MethodUnavailable: as ``key_exchange``.
    """
    return ml_kem.provider(number, "liboqs") if number in ml_kem.PARAMETER_SETS else key_exchange(number)


def unavailable_reason(number: KeyExchangeMethod) -> str | None:
    """Why ``key_exchange(number)`` would raise, in one line; None when the method is there."""
    if number in _CLASSICAL:
        return None
    if number == sntrup.METHOD.number:
        return liboqs.unavailable_reason()
    if number not in ml_kem.PARAMETER_SETS:
        return f"key exchange method {number} ({number.value}) is not implemented by this engine"
    return liboqs.unavailable_reason() if ml_kem.FIRST_PROVIDER[number] == "liboqs" else None


def available_methods() -> tuple[KeyExchangeMethod, ...]:
    """Every method that this machine can compute right now, in numeric order."""
    known = sorted({*_CLASSICAL, *ml_kem.PARAMETER_SETS, sntrup.METHOD.number})
    return tuple(number for number in known if unavailable_reason(number) is None)

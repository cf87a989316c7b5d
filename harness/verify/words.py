"""Suites and payloads in words, with the one spelling that every algorithm has in the harness."""

from __future__ import annotations

from harness.ike.policy import Suite
from harness.registry.algorithms import Algorithm
from harness.registry.messages import PayloadType
from harness.registry.transforms import TransformType
from harness.wire.payload import Payload
from harness.wire.payloads import KeyExchange, Notify


def spelled(suite: Suite) -> str:
    """A suite in words, in the order of transform types: ``ENCR=aes-256-gcm-16, KE=curve25519``."""
    return ", ".join(
        f"{kind.name}={algorithm.name(TransformType(kind))}" for kind, algorithm in suite.transforms.items()
    )


def payload_name(payload: Payload) -> str:
    """A payload as a diagram or a listing names it: ``SA``, ``KE(ml-kem-768)``, ``N(COOKIE)``."""
    if isinstance(payload, Notify):
        return f"N({payload.notify_type})"
    if isinstance(payload, KeyExchange):
        return f"KE({Algorithm(payload.method).name(TransformType.KE)})"
    if payload.type == PayloadType.NONCE:
        return "Nonce"
    return str(payload.type)

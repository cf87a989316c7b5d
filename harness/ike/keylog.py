"""The one place where secrets leave the engine: for decryption tables and for judging a run again."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.crypto.key_schedule import ChildKeys, IkeKeys
from harness.registry.transforms import KeyExchangeMethod


@dataclass(slots=True)
class KeyLog:
    """Every secret of one IKE SA, in the order in which it came to be. Nothing in it prints."""

    shared_secrets: list[tuple[KeyExchangeMethod, bytes]] = field(default_factory=list, repr=False)
    answers: dict[int, bytes] = field(default_factory=dict, repr=False, compare=False)
    """Our KEr, by the place of its shared secret: the initiator has none."""
    generations: list[IkeKeys] = field(default_factory=list, repr=False)
    int_auth_initiator: list[bytes] = field(default_factory=list, repr=False)
    int_auth_responder: list[bytes] = field(default_factory=list, repr=False)
    child_keys: list[ChildKeys] = field(default_factory=list, repr=False)

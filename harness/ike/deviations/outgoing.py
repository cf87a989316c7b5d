"""A message of ours at the boundary, with what an alteration of it may need to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.ike.states import Agreement
from harness.wire.message import Header
from harness.wire.payload import Payload


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A message before it is encoded, or sealed. ``payloads`` are those inside SK where there is one."""

    header: Header
    payloads: tuple[Payload, ...]
    agreement: Agreement | None  # None in IKE_SA_INIT
    psk: bytes = field(repr=False)


Alteration = Callable[[OutgoingMessage], tuple[Payload, ...]]
"""The payloads that leave in the place of those given; the same ones when the message is not concerned."""

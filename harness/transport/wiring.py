"""How the logical addresses and ports of a case are reached: as they stand, or on loopback without any right.

On loopback, ports 500 and 4500 are mapped to unprivileged ones, ESP goes in UDP alone, and as nobody may capture
there, the transport itself tells of every datagram, with the logical addresses and ports.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from harness.ike.configuration import Address, Path

VARIABLE = "IPSEC_INTEROP_WIRING"
"""The environment variable that says ``loopback`` to a process of the local runtime."""

LOOPBACK = "loopback"

_MAPPED = (500, 4500)
_OFFSET = 10_000

Tap = Callable[[bytes, Address, Address], None]
"""Called with the payload, the source and the destination of every datagram that leaves or arrives."""


def _nobody(_payload: bytes, _source: Address, _destination: Address) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Wiring:
    """The ports of one process. ``offset`` is added to the well-known ones."""

    offset: int = 0
    bare_esp: bool = True  # whether ESP may go right above IP, which needs CAP_NET_RAW
    tap: Tap = _nobody

    def actual(self, address: Address) -> Address:
        """Where a logical address is on this machine."""
        return (address[0], address[1] + self.offset) if address[1] in _MAPPED else address

    def logical(self, address: Address) -> Address:
        """The inverse of ``actual``."""
        port = address[1] - self.offset
        return (address[0], port) if port in _MAPPED else address

    def told(self, payload: bytes, path: Path, *, sent: bool) -> None:
        """Tell the tap of a datagram on a logical path."""
        ends = (path.local, path.remote) if sent else (path.remote, path.local)
        self.tap(payload, *ends)


DIRECT = Wiring()


def of_this_process(tap: Tap = _nobody) -> Wiring:
    """The wiring that this process was started for."""
    if os.environ.get(VARIABLE) == LOOPBACK:
        return Wiring(_OFFSET, bare_esp=False, tap=tap)
    return DIRECT

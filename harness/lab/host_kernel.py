"""Whose kernel a peer's ESP runs on: the host's where it has ESP, else one of the peer's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

ESP_SA = (
    "src", "127.0.0.1", "dst", "127.0.0.2", "proto", "esp", "spi", "0x1000", "mode", "tunnel",
    "enc", "cbc(aes)", "0x" + "00" * 16, "auth", "hmac(sha1)", "0x" + "00" * 20,
)  # fmt: skip
"""An ESP SA as ``ip xfrm state add`` takes it: a kernel that refuses it cannot do ESP."""

_PROBE = ("ip", "xfrm", "state", "add", *ESP_SA)
_UNDO = ("ip", "xfrm", "state", "delete", "src", "127.0.0.1", "dst", "127.0.0.2", "proto", "esp", "spi", "0x1000")


class KernelChoice(StrEnum):
    """Which kernel does ESP for peers that need one."""

    AUTO = "auto"  # the host's where it has ESP, else the peer's own
    HOST = "host"
    OWN = "own"
    USERSPACE = "userspace"  # none: no peer that needs a kernel is started


def has_esp(run: Callable[[Sequence[str]], tuple[int, str]]) -> bool:
    """Ask the kernel below a container for an ESP SA, in the container's network namespace. ``run`` runs a program."""
    status, _ = run(_PROBE)
    if status == 0:
        run(_UNDO)
    return status == 0

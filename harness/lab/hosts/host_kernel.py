"""Whose kernel a peer's ESP runs on: the host's where it has ESP, else one of the peer's own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property

from harness.lab.errors import LabError
from harness.results.model import KernelChoice
from harness.scenario.peer import Peer

ESP_SA = (
    "src", "127.0.0.1", "dst", "127.0.0.2", "proto", "esp", "spi", "0x1000", "mode", "tunnel",
    "enc", "cbc(aes)", "0x" + "00" * 16, "auth", "hmac(sha1)", "0x" + "00" * 20,
)  # fmt: skip
"""An ESP SA as ``ip xfrm state add`` takes it: a kernel that refuses it cannot do ESP."""

_PROBE = ("ip", "xfrm", "state", "add", *ESP_SA)
_UNDO = ("ip", "xfrm", "state", "delete", "src", "127.0.0.1", "dst", "127.0.0.2", "proto", "esp", "spi", "0x1000")


class HostKernel:
    """The kernel that all containers of the host share, as it is asked in one of them. ``run`` runs a program there.

    Any method may be called from any thread; each question is asked once.
    """

    def __init__(self, run: Callable[[Sequence[str]], tuple[int, str]]) -> None:
        self._run = run
        self._lock = threading.Lock()  # two probes at a time would find each other's SA in the way

    def has_esp(self) -> bool:
        """Whether it takes an ESP SA, in the container's network namespace."""
        with self._lock:
            return self._takes_esp

    def has_ipv6(self) -> bool:
        """Whether it knows IPv6 at all."""
        with self._lock:
            return self._knows_ipv6

    def release(self) -> str:
        """Its release, as ``uname -r`` says it."""
        return self._run(("uname", "-r"))[1].strip()

    @cached_property
    def _takes_esp(self) -> bool:
        status, _ = self._run(_PROBE)
        if status == 0:
            self._run(_UNDO)
        return status == 0

    @cached_property
    def _knows_ipv6(self) -> bool:
        return self._run(("test", "-e", "/proc/sys/net/ipv6/conf/default/addr_gen_mode"))[0] == 0


def runs_on_own_kernel(peer: Peer, choice: KernelChoice, host: HostKernel) -> bool:
    """Whether the peer gets a kernel of its own.

    Raises:
        LabError: the host's kernel was chosen, which has no ESP.
    """
    if peer.esp_implementation != "kernel":
        return False
    if choice is KernelChoice.HOST:
        if not host.has_esp():
            raise LabError(f"{peer.name}: --kernel host, but the host's kernel {host.release()} has no ESP")
        return False
    return choice is KernelChoice.OWN or not host.has_esp()

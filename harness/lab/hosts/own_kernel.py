"""A peer on a kernel of its own: User-Mode Linux in the peer's container, for hosts whose kernel has no ESP.

``peers/own-kernel`` holds what runs in the container (boot) and in the guest (init). The guest takes over the
container's address, so that for the other side nothing differs; this module gives drivers the guest in place of the
container: its programs over the guest channel, its console as the log, its end as the container's end.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import paramiko

from harness.evidence.interruption import Cause
from harness.lab.errors import PeerUnreachable
from harness.lab.hosts.byte_stream import ByteStream
from harness.lab.hosts.container import SENT_FROM_OUTSIDE, LabContainer
from harness.lab.hosts.guest_channel import GuestChannel

OWN_KERNEL_FOLDER = "own-kernel"
HOME = "/usr/local/lib/own-kernel"
ENTRYPOINT = ("sh", f"{HOME}/boot")

KERNEL_SUITE = "forky"
KERNEL_PACKAGES = ("user-mode-linux",)
"""The kernel of every guest, whatever Debian its product comes from: before 6.13, User-Mode Linux takes at most 2,696
octets of a processor's extended state, and none of its programs starts on a processor with AMX, which has 11 KiB."""

PACKAGES = ("kmod", "dropbear-bin")
"""What an image needs beside its product and the kernel: loading of modules, and the control channel's server."""

# NET_ADMIN: to hand over the address and make the control link. NET_RAW: the guest's frames on eth0.
CAPABILITIES = ("NET_ADMIN", "NET_RAW")

# The guest's memory is a file that must be executable, which /dev/shm of a container is not.
MEMORY = {"/uml": "exec,size=600m"}

_HOST_KEY = "/run/own-kernel/host_key.pub"
_AUTHORIZED_KEYS = f"{HOME}/authorized_keys"
_SSH = ("nc", "169.254.255.2", "22")
_LAST_WORDS = re.compile(r"^own-kernel: (?!Linux )(.+)$", re.MULTILINE)
_DAEMON_ENDED = re.compile(r"the daemon ended with status (\d+)(, out of memory)?$")
_READY = re.compile(r"^own-kernel: (Linux \S+), ready", re.MULTILINE)


def guest_files(root: Path, key: paramiko.PKey) -> dict[str, bytes]:
    """What a container needs beside its image to boot a guest, by absolute path. ``root`` is the peers' folder."""
    scripts = {
        f"{HOME}/{path.name}": path.read_bytes() for path in (root / OWN_KERNEL_FOLDER).iterdir() if not path.suffix
    }
    return {**scripts, _AUTHORIZED_KEYS: f"{key.get_name()} {key.get_base64()} lab\n".encode()}


class OwnKernel:
    """The guest in a container: for drivers it is the container. Implements RestartableHost."""

    def __init__(self, container: LabContainer, key: paramiko.PKey) -> None:
        self._container = container
        self._key = key
        self._kernel = ""
        self._booted = 0.0  # seconds since 1970, UTC, once it was restarted: the console before is another guest's
        self._channel = self._new_channel()

    @property
    def name(self) -> str:
        """See CommandHost."""
        return self._container.name

    @property
    def address(self) -> str:
        """The container's IPv4 address in the run's network, which the guest has taken over."""
        return self._container.address

    @property
    def image_id(self) -> str:
        """The id of the image that the container was made from."""
        return self._container.image_id

    @property
    def process(self) -> int | None:
        """See CommandHost: the daemon is a process of the guest alone."""
        return None

    @property
    def kernel(self) -> str:
        """The guest's kernel, ``Linux 6.12.101``; "" while it boots."""
        if not self._kernel:
            found = _READY.search(self.log())
            self._kernel = found[1] if found else ""
        return self._kernel

    def open(self, command: Sequence[str]) -> ByteStream:
        """See CommandHost. Raises PeerUnreachable while the guest boots and when it has gone."""
        self._require_booted()
        return self._channel.open(command)

    def run(self, command: Sequence[str]) -> tuple[int, str]:
        """See CommandHost. Raises PeerUnreachable while the guest boots and when it has gone."""
        self._require_booted()
        return self._channel.run(command)

    def log(self, since: float | None = None) -> str:
        """See CommandHost: the guest's console, since its last boot."""
        return self._container.log(max(since or 0.0, self._booted) or None).replace("\r", "")

    def is_running(self) -> bool:
        """See CommandHost. When the guest's kernel or the daemon in it ends, so does the container."""
        return self._container.is_running()

    def state(self) -> str:
        """The state of the container, how far the guest has come, and why it powered off, if it says so."""
        said = _LAST_WORDS.findall(self.log())
        words = f", {said[-1]}" if said else ""
        return f"{self._container.state()}, guest {self.kernel or 'not booted'}{words}"

    def ending(self) -> tuple[Cause, str]:
        """Whose doing the end was. The container ends with the guest, which powers off when its daemon has ended."""
        cause, words = self._container.ending()
        said = _LAST_WORDS.findall(self.log())
        words = f"{words}, guest {self.kernel or 'not booted'}{f', {said[-1]}' if said else ''}"
        if cause is not Cause.ITSELF:
            return cause, words
        status = _DAEMON_ENDED.search(said[-1]) if said else None
        if status is None:
            return Cause.LAB, words
        if status[2]:
            return Cause.LIMIT, words
        return (Cause.OUTSIDE if int(status[1]) in SENT_FROM_OUTSIDE else Cause.ITSELF), words

    def restart(self) -> None:
        """End the guest without a moment's grace, and boot another one on the files that it left."""
        self._channel.close()
        self._booted = time.time()
        self._kernel = ""
        self._container.restart()
        self._channel = self._new_channel()

    def remove(self) -> None:
        """Kill and remove it."""
        self._channel.close()
        self._container.remove()

    def _new_channel(self) -> GuestChannel:
        """A channel to the guest as it is now: with each boot its host key is another one."""
        host_key = cache(self._host_key)
        return GuestChannel(self.name, lambda: self._container.open(_SSH), host_key, self._key)

    def _host_key(self) -> str:
        status, text = self._container.run(["grep", "-h", "^ssh-", _HOST_KEY])
        if status:
            raise PeerUnreachable(f"{self.name}: the guest's host key cannot be read: {text.strip()}")
        return text

    def _require_booted(self) -> None:
        if not self.kernel:
            raise PeerUnreachable(f"{self.name}: the guest boots")

"""What this machine can do for the lab: probed facts, each with the command that mends it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.crypto import liboqs
from harness.lab.docker.base_image import INSTALL_MMDEBSTRAP, registry_reached
from harness.lab.docker.engine import connect
from harness.lab.docker.network import may_close_to_host
from harness.lab.errors import DockerUnavailable
from harness.lab.hosts.host_kernel import ESP_SA

_NEEDED_DISK_GIB = 3
_TUN = Path("/dev/net/tun")

# An ESP SA is asked for in a network namespace of its own, so nothing of the machine changes.
_ESP_PROBE = (
    "unshare", "--user", "--map-root-user", "--net",
    "ip", "xfrm", "state", "add", *ESP_SA,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that the lab may want of the machine."""

    name: str
    ok: bool
    detail: str
    remedy: str  # a command or a sentence; "" where nothing is to be done
    required: bool = True  # whether a run in Docker is impossible without it


def probe() -> list[Fact]:
    """Look at this machine; nothing is installed, built or changed."""
    probes: tuple[Callable[[], Fact], ...] = (
        _docker, _base_images, _tun, _kernel_esp, _isolation, _liboqs, _tshark, _disk,
    )  # fmt: skip
    return [look() for look in probes]


def _docker() -> Fact:
    try:
        client = connect(5)
    except DockerUnavailable as error:
        return Fact("docker", False, str(error), "start Docker, and let this user use it")
    version = client.version()
    client.close()
    return Fact("docker", True, f"engine {version['Version']}, API {version['ApiVersion']}", "")


def _base_images() -> Fact:
    mmdebstrap = shutil.which("mmdebstrap")
    if mmdebstrap:
        return Fact("base images", True, f"bootstrapped with {mmdebstrap} where no image registry is reached", "")
    reached = registry_reached()
    detail = "an image registry is reached" if reached else "no image registry is reached, and mmdebstrap is missing"
    return Fact("base images", reached, detail, "" if reached else INSTALL_MMDEBSTRAP)


def _tun() -> Fact:
    there = _TUN.is_char_device()
    remedy = "" if there else "modprobe tun"
    return Fact("tun", there, f"{_TUN} {'is there' if there else 'is missing'} (user-space ESP)", remedy)


def _kernel_esp() -> Fact:
    detail = "this kernel has ESP"
    try:
        done = subprocess.run(_ESP_PROBE, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Fact("kernel ESP", False, f"cannot be probed: {error}", "", required=False)
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"status {done.returncode}"
        detail = f"this kernel takes no ESP SA ({said}); peers that need it run on a kernel of their own"
    return Fact("kernel ESP", not done.returncode, detail, "", required=False)


def _isolation() -> Fact:
    """Whether peers reach services of the machine that the engine is on."""
    closed = may_close_to_host()
    detail = "peers reach no service of this machine, if the engine is this machine's"
    if not closed:
        detail = (
            "peers reach no service of the engine's machine over IPv4, but maybe over IPv6: this user may not forbid it"
        )
    remedy = "" if closed else "run as root against peers that you do not trust"
    return Fact("isolation", closed, detail, remedy, required=False)


def _liboqs() -> Fact:
    reason = liboqs.unavailable_reason()
    detail = reason or f"liboqs {liboqs.library_version()}"
    return Fact("liboqs", reason is None, detail, "make liboqs" if reason else "", required=False)


def _tshark() -> Fact:
    path = shutil.which("tshark")
    detail = path or "missing: captures can be opened elsewhere, and tests that compare with it do not run"
    return Fact("tshark", bool(path), detail, "" if path else "apt-get install tshark", required=False)


def _disk() -> Fact:
    """Images and evidence; looked at where this user's data is, as the engine's own disk may be elsewhere."""
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    enough = free >= _NEEDED_DISK_GIB
    remedy = "" if enough else f"free {_NEEDED_DISK_GIB} GiB, or `make distclean`"
    return Fact("disk", enough, f"{free:.0f} GiB free", remedy)

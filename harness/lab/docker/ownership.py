"""Who owns a container or network: a process, told apart from every other by machine, boot, start time, pid namespace.

A pid alone is reused. Pid and start time identify a process on one boot of one kernel within one pid namespace. All of
it is written on everything that a run makes, so that a later run can tell what a killed one left behind. Several
machines may use one engine: of another machine's processes nothing can be told, and what may be alive is left alone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

_PROC = Path("/proc")
_MACHINE_ID = Path("/etc/machine-id")
_FIRST_PID_NAMESPACE = "pid:[4026531836]"  # of every boot; in any other one the file above is that of a container
_RUN, _PID, _START, _BOOT, _SPACE, _MACHINE = (
    f"ipsec-interop.{key}" for key in ("run", "pid", "start", "boot", "pid-namespace", "machine")
)
RUN_LABEL = _RUN


@dataclass(frozen=True, slots=True)
class Owner:
    """One process. ``start`` is in clock ticks since boot, as /proc/<pid>/stat gives it."""

    pid: int
    start: str
    boot: str  # the kernel's random number of this boot; "" where it cannot be read
    pid_namespace: str
    machine: str = ""  # the same after a reboot; "" where there is nothing that would surely be

    def labels(self, run: str) -> dict[str, str]:
        """The labels of a thing that this process made for the run ``run``."""
        return {
            "ipsec-interop": "run",
            _RUN: run,
            _PID: str(self.pid),
            _START: self.start,
            _BOOT: self.boot,
            _SPACE: self.pid_namespace,
            _MACHINE: self.machine,
        }


class Liveness(Enum):
    """What can be told of an owner from here."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"  # it may be of another machine, or is of another pid namespace of this one


def owner_of(labels: Mapping[str, str]) -> Owner | None:
    """The owner written on a container or network, None where the labels are not ours."""
    if not labels.get(_PID, "").isdigit() or _RUN not in labels:
        return None
    keys = (_START, _BOOT, _SPACE, _MACHINE)
    return Owner(int(labels[_PID]), *(labels.get(key, "") for key in keys))


def this_process() -> Owner:
    """The owner that this process is."""
    return Owner(os.getpid(), _start_of(os.getpid()) or "", _boot(), _pid_namespace(), _machine())


def standing(owner: Owner, here: Owner, *, stopped: bool = False) -> Liveness:
    """What the process ``here`` can tell of ``owner``.

    ``stopped`` says that this machine's boot ended all that the owner made: it is older, on this machine's own engine.
    Only then an owner of another boot is dead, as two copies of one machine look like one that was booted again. Of
    those on another machine nothing can be told, and nothing of those in another pid namespace of the same boot.
    """
    if not owner.boot or owner.boot != here.boot:
        rebooted = bool(owner.boot and here.boot and owner.machine) and owner.machine == here.machine
        return Liveness.DEAD if rebooted and stopped else Liveness.UNKNOWN
    if owner.pid_namespace != here.pid_namespace:
        return Liveness.UNKNOWN
    return Liveness.ALIVE if _start_of(owner.pid) == owner.start else Liveness.DEAD


def seconds_since_boot() -> float:
    """Seconds since this machine was booted, also those in which it slept."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _start_of(pid: int) -> str | None:
    """Field 22 of /proc/<pid>/stat; the name in field 2 may hold blanks and brackets, so count from the last one."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return stat.rpartition(")")[2].split()[19]


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return "unknown"


def _machine() -> str:
    """The machine's own number with its name, as a hash, since the number is not for others to see (machine-id(5)).

    The name is in it as images of machines are copied with their number. In a container neither is the machine's.
    """
    if _pid_namespace() != _FIRST_PID_NAMESPACE:
        return ""
    try:
        number = _MACHINE_ID.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    if not re.fullmatch(r"[0-9a-f]{32}", number):
        return ""
    return hashlib.sha256(f"ipsec-interop {number} {platform.node()}".encode()).hexdigest()[:16]

"""Who owns a container or network: a process, told apart from every other by boot, start time and pid namespace.

A pid alone is reused. Pid and start time identify a process on one boot of one kernel within one pid namespace; all
four are written on everything that a run makes, so that a later run can tell what a killed one left behind.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_RUN, _PID, _START, _BOOT, _SPACE = (f"ipsec-interop.{key}" for key in ("run", "pid", "start", "boot", "pid-namespace"))
RUN_LABEL = _RUN


@dataclass(frozen=True, slots=True)
class Owner:
    """One process. ``start`` is in clock ticks since boot, as /proc/<pid>/stat gives it."""

    pid: int
    start: str
    boot: str
    pid_namespace: str

    def labels(self, run: str) -> dict[str, str]:
        """The labels of a thing that this process made for the run ``run``."""
        return {
            "ipsec-interop": "run",
            _RUN: run,
            _PID: str(self.pid),
            _START: self.start,
            _BOOT: self.boot,
            _SPACE: self.pid_namespace,
        }


def owner_of(labels: Mapping[str, str]) -> Owner | None:
    """The owner written on a container or network, None where the labels are not ours."""
    if not labels.get(_PID, "").isdigit() or _RUN not in labels:
        return None
    return Owner(int(labels[_PID]), labels.get(_START, ""), labels.get(_BOOT, ""), labels.get(_SPACE, ""))


def this_process() -> Owner:
    """The owner that this process is."""
    return Owner(os.getpid(), _start_of(os.getpid()) or "", _boot(), _pid_namespace())


def is_dead(owner: Owner, here: Owner) -> bool:
    """Whether ``owner`` has certainly ended, as seen from the process ``here``.

    After a reboot every earlier owner is dead. In another pid namespace of the same boot nothing can be told, and
    what may be alive is left alone.
    """
    if owner.boot != here.boot:
        return True
    if owner.pid_namespace != here.pid_namespace:
        return False
    return _start_of(owner.pid) != owner.start


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
        return "unknown"


def _pid_namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").readlink())
    except OSError:
        return "unknown"

"""What a container may use of its host: a peer that runs wild harms neither the host nor its neighbours.

Each limit is a multiple of what was seen in runs of all suites. An engine whose kernel lacks one of them says so in
its own log and goes on without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from docker.types import LogConfig, Ulimit

_MEBI = 1 << 20

LOG_FILES, LOG_FILE_MEBI = 2, 16
"""The engine keeps so much of what a container prints, in so many files; the oldest goes first."""


@dataclass(frozen=True, slots=True)
class ContainerLimits:
    """The limits of one kind of container."""

    memory_mebi: int  # MiB, without swap
    processes: int  # and threads
    cpu_shares: int  # weight where there is less time than is asked for; the engine's default is 1024
    open_files: int = 4096

    def options(self) -> dict[str, Any]:
        """As the engine takes them at the container's creation."""
        memory = self.memory_mebi * _MEBI
        return {
            "mem_limit": memory,
            "memswap_limit": memory,
            "pids_limit": self.processes,
            "cpu_shares": self.cpu_shares,
            "oom_score_adj": 500,  # where the host itself has no memory left, this goes before what else it runs
            "ulimits": [
                Ulimit(name="core", soft=0, hard=0),
                Ulimit(name="nofile", soft=self.open_files, hard=self.open_files),
            ],
            "log_config": LogConfig(
                type=LogConfig.types.JSON, config={"max-size": f"{LOG_FILE_MEBI}m", "max-file": str(LOG_FILES)}
            ),
        }


PEER = ContainerLimits(memory_mebi=512, processes=256, cpu_shares=512)
GUEST = ContainerLimits(memory_mebi=1024, processes=512, cpu_shares=512)
"""A peer on a kernel of its own, whose memory is a file in memory (own_kernel.MEMORY); its processes are the host's."""
TESTER = ContainerLimits(memory_mebi=2048, processes=128, cpu_shares=2048)
"""Its engine plays all cases, so it comes before the peers."""
WATCHER = ContainerLimits(memory_mebi=512, processes=64, cpu_shares=1024)

BUILD: Any = {"memory": 4096 * _MEBI, "memswap": 4096 * _MEBI, "cpushares": 512}
"""Of a docker build; more it does not take."""

"""What every driver does where its daemon runs: put small files there, and give inner hosts their addresses."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping

from harness.lab.commands import output_of, shell
from harness.lab.driver import PeerContainer

# No program is started for it. A daemon that reads for another case meanwhile may find a file empty: it is told to read
# once more when the file is there.
_PUT = 'umask 077; while [ $# -gt 1 ]; do printf %s "$2" >"$1" || exit 1; shift 2; done'


def put_files(container: PeerContainer, files: Mapping[str, str]) -> None:
    """Write text files, by absolute path; only root may read them.

    Raises:
        PeerUnreachable: one could not be written.
    """
    arguments = [item for pair in files.items() for item in pair]
    output_of(container, f"writing {', '.join(files)}", shell(_PUT, *arguments))


class InnerAddresses:
    """The inner hosts of a peer: addresses on its loopback interface that answer echo requests out of the tunnel."""

    def __init__(self, container: PeerContainer) -> None:
        self._container = container
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def add(self, address: str) -> None:
        """Give the host ``address`` its place, once.

        Raises:
            PeerUnreachable: the address could not be set.
        """
        with self._lock:
            if address in self._known:
                return
            host = str(ipaddress.ip_network(address))
            command = ["ip", "address", "replace", host, "dev", "lo"]
            output_of(self._container, f"inner address {address}", command)
            self._known.add(address)

"""What every driver does where its daemon runs: put small files there, and give inner hosts their addresses."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Mapping

from harness.lab.hosts.commands import output_of, shell
from harness.lab.hosts.host import CommandHost

# No program is started for it. A daemon that reads for another case meanwhile may find a file empty: it is told to read
# once more when the file is there.
_PUT = 'umask 077; while [ $# -gt 1 ]; do printf %s "$2" >"$1" || exit 1; shift 2; done'

# An IPv6 address is tentative at first, and the kernel refuses a route from it: "Invalid source address". With "nodad"
# it is not, but then a daemon is told of it later: "error installing route", as it does not know the source yet.
_ADD_IPV6 = """
ip address replace "$1" dev lo || exit 1
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -n "$(ip -6 address show dev lo to "$1" tentative)" ] || exit 0
    sleep 0.05
done
echo "$1 is still tentative"
exit 1
"""


def put_files(container: CommandHost, files: Mapping[str, str]) -> None:
    """Write text files, by absolute path; only root may read them.

    Raises:
        PeerUnreachable: one could not be written.
    """
    arguments = [item for pair in files.items() for item in pair]
    output_of(container, f"writing {', '.join(files)}", shell(_PUT, *arguments))


class InnerAddresses:
    """The inner hosts of a peer: addresses on its loopback interface that answer echo requests out of the tunnel."""

    def __init__(self, container: CommandHost) -> None:
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
            host = ipaddress.ip_network(address)
            add = ["ip", "address", "replace", str(host), "dev", "lo"]
            command = add if host.version == 4 else shell(_ADD_IPV6, str(host))
            output_of(self._container, f"inner address {address}", command)
            self._known.add(address)

"""pvpn: its one key is on its command line, so each connection has a daemon of its own."""

from __future__ import annotations

from collections.abc import Mapping

from harness.evidence.peer_report import PeerReport, Residue
from harness.lab.driver import Connection, DaemonSettings, PreSharedKey
from harness.lab.errors import Inexpressible, LabError, NotReady, PeerUnreachable
from harness.lab.hosts.commands import answers, output_of, shell
from harness.lab.hosts.host import CommandHost
from harness.lab.products.shared.loaded_connections import LoadedConnections
from harness.lab.waiting import wait_until
from harness.policy.role import Role
from harness.scenario.peer import Peer

COMMAND_FILE = "command.txt"

# Constant scripts, whose arguments are values.
_SERVE = 'setsid sh /usr/local/bin/serve "$1" >>/run/pvpn.log 2>&1 </dev/null &'
_STOP = """read -r pid </run/pvpn.pid || exit 0
touch "/run/pvpn.told.$pid"
kill -9 "$pid" 2>/dev/null
while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
rm -f /run/pvpn.pid"""
_PORTS = "grep -c ': 00000000:\\(01F4\\|1194\\) ' /proc/net/udp"  # 500 and 4500 on any address
_LIVES = 'read -r pid </run/pvpn.pid && kill -0 "$pid"'

_READY_S = 10.0  # seconds for the daemon to open its ports
_POLL_S = 0.1


class PvpnFamily:
    """pvpn in a container that outlives its daemons."""

    control = "pvpn"
    in_tester = False
    show_command = ""

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily: it reads no file, and has none of our settings."""
        del peer, settings
        return {}

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily: its command line."""
        del peer
        return {COMMAND_FILE: f"pvpn -v -dns 127.0.0.1 -p {_key(connection)}\n"}

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily: the key, which its start script finds there."""
        del peer
        return {"/etc/pvpn/key": f"{_key(connection)}\n"}

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> PvpnDriver:
        """See DriverFamily."""
        del settings
        return PvpnDriver(self, peer, container)


FAMILY = PvpnFamily()


class PvpnDriver:
    """One container. Its daemon is started with a connection, and ended with it."""

    def __init__(self, family: PvpnFamily, peer: Peer, container: CommandHost) -> None:
        self._family = family
        self._peer = peer
        self._container = container
        self._loaded = LoadedConnections(container)
        self._held = ""  # the name of the connection that it holds now
        self._version = ""

    def version(self) -> str:
        """See PeerDriver: the installed program's, as a running one cannot be asked."""
        if not self._version:
            words = output_of(self._container, "pvpn --version", ["python3", "-m", "pvpn", "--version"]).split()
            self._version = words[-1] if words else ""
        return self._version

    def key_exchange_methods(self) -> frozenset[str] | None:
        """See PeerDriver: it does not tell."""
        return None

    def load(self, connection: Connection) -> dict[str, str]:
        """See PeerDriver: whatever was loaded before goes."""
        if connection.role is not Role.RESPONDER:
            raise Inexpressible(f"{self._peer.title} cannot initiate")
        files = dict(self._family.connection_files(self._peer, connection))
        self._stop()
        self._loaded.add(connection)
        output_of(self._container, f"connection {connection.name}", shell(_SERVE, _key(connection)))
        self._held = connection.name
        self._wait_for_ports(connection.name)
        return files

    def _wait_for_ports(self, name: str) -> None:
        def open_ports() -> bool | None:
            _, output = self._container.run(shell(_PORTS))
            return True if output.strip() == "2" else None

        try:
            wait_until(
                f"{self._container.name}: {name}", open_ports, deadline_s=_READY_S, pattern="ports 500 and 4500",
                state=str, interval_s=_POLL_S, log=lambda: self.log(name),
            )  # fmt: skip
        except NotReady as error:
            raise PeerUnreachable(str(error)) from error

    def unload(self, name: str) -> None:
        """See PeerDriver: the daemon ends, and its SAs with it."""
        if self._held == name:
            self._stop()

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver: it cannot, as the capability sheet says."""
        raise LabError(f"{self._container.name}: pvpn cannot initiate {name} (within {deadline_s:g} s or ever)")

    def rekey(self, name: str, *, ike: bool) -> None:
        """See PeerDriver: it cannot, as the capability sheet says."""
        raise LabError(f"{self._container.name}: pvpn cannot rekey {name}{' (IKE SA)' if ike else ''}")

    def terminate(self, name: str) -> None:
        """See PeerDriver: it cannot; only an initiator's peer is asked to."""
        raise LabError(f"{self._container.name}: pvpn cannot delete the IKE SA of {name}")

    def status(self, name: str) -> PeerReport:
        """See PeerDriver: it has no status interface."""
        del name
        return PeerReport(self.version(), (), "", silent=True)

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver: the daemon that held the connection is gone, with all its memory."""
        del connection
        return None

    def alive(self) -> bool:
        """See PeerDriver: between two connections there is no daemon to look for."""
        return answers(self._container, self._look)

    def _look(self) -> None:
        if self._held:
            output_of(self._container, "looking for the daemon", shell(_LIVES))

    def log(self, name: str) -> str:
        """See PeerDriver: everything since the connection was loaded, as nothing else was."""
        return self._loaded.log(name)

    def close(self) -> None:
        """See PeerDriver."""

    def _stop(self) -> None:
        output_of(self._container, "ending the daemon", shell(_STOP))
        self._held = ""


def _key(connection: Connection) -> str:
    """The key as a word of the command line.

    Raises:
        Inexpressible: the connection authenticates by certificate.
    """
    if not isinstance(connection.authentication, PreSharedKey):
        raise Inexpressible("pvpn authenticates by pre-shared key alone")
    return connection.authentication.octets.decode()

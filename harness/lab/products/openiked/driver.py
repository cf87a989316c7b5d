"""OpenIKED over ikectl."""

from __future__ import annotations

import re
from collections.abc import Mapping

from harness.evidence.peer_report import PeerReport, Residue
from harness.lab.driver import Connection, DaemonSettings
from harness.lab.errors import ConfigurationRefused, NotReady, PeerUnreachable
from harness.lab.hosts.commands import answers, output_of, shell
from harness.lab.hosts.files import InnerAddresses, put_files
from harness.lab.hosts.host import CommandHost
from harness.lab.products.openiked import report as openiked_report
from harness.lab.products.openiked.configuration import certificate_files, render_connection, render_daemon
from harness.lab.products.shared import residue, xfrm_report
from harness.lab.products.shared.loaded_connections import LoadedConnections
from harness.lab.waiting import wait_until
from harness.policy.role import Role
from harness.scenario.model import Mode
from harness.scenario.peer import Peer

DAEMON_CONFIGURATION = "/etc/iked.conf"  # what iked starts with
CONFIGURATION = "/run/iked.conf"  # what it loads, with a connection or without

# Constant scripts, whose arguments are values.
_CERTIFICATES_FOR_ALL = "chmod 644 /etc/iked/ca/*.crt /etc/iked/certs/*.crt"
_UNLOAD = f"cat {DAEMON_CONFIGURATION} >{CONFIGURATION} && ikectl reload && ikectl reset all"
_RESET = 'ikectl passive; ikectl reset id "FQDN/$1"'
_STATUS = f"ikectl show sa || exit 1; echo ====; {xfrm_report.COMMAND}"
_RESIDUE = f"ikectl show sa || exit 1; echo ====; {residue.COMMAND}"

_POLL_S = 0.25
_LOAD_S = 30.0  # seconds for iked to take over a configuration
_LOADED_POLL_S = 0.1
# With two -v: the mode is what iked's child takes over last. Between two cases it is passive (iked.conf.j2), and as
# initiator it stays so until `ikectl active`; then nothing is said of it.
_LAST_TAKEN_OVER = {
    Role.RESPONDER: "config_getmode: mode passive -> active",
    Role.INITIATOR: "config_getstatic: ",  # "stickyaddress", or "no stickyaddress"
}
# The last word of a load, "passive" once more, goes another way to iked's child than `ikectl active`: it may be second.
_MODE = re.compile(r"config_getmode: mode \w+ -> (\w+)")
_ENABLED = "ikev2_childsa_enable: loaded flow"  # with two -v: the kernel has the Child SA and its policy


class OpenIkedFamily:
    """OpenIKED on a kernel with ESP; iked is in the foreground and logs to its standard error."""

    control = "ikectl"
    in_tester = False
    show_command = "ikectl show sa"

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily. None of our settings is one of iked's: its fragment size is fixed, it demands no COOKIE."""
        del settings
        return {DAEMON_CONFIGURATION: render_daemon(peer)}

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        return {"/etc/iked.conf": self.connection_files(peer, connection)["iked.conf"]}

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> OpenIkedDriver:
        """See DriverFamily."""
        del settings  # they are in its files
        return OpenIkedDriver(peer, container)

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        return {"iked.conf": render_connection(peer, connection), **certificate_files(connection)}


FAMILY = OpenIkedFamily()


class OpenIkedDriver:
    """One iked, spoken to with ikectl where it runs. It holds one connection at a time."""

    def __init__(self, peer: Peer, container: CommandHost) -> None:
        self._peer = peer
        self._container = container
        self._inner = InnerAddresses(container)
        self._loaded = LoadedConnections(container)
        self._held = ""  # the name of the connection that it holds now
        self._version = ""

    def version(self) -> str:
        """See PeerDriver: the daemon must answer; its version is the installed program's, as ikectl cannot ask it."""
        self._run("ikectl", "ikectl", "show", "stats")
        if not self._version:
            output = self._run("iked -V", "iked", "-V")
            self._version = output.split()[-1] if output.split() else ""
        return self._version

    def key_exchange_methods(self) -> frozenset[str] | None:
        """See PeerDriver: its control interface does not tell."""
        return None

    def load(self, connection: Connection) -> dict[str, str]:
        """See PeerDriver. It takes the place of whatever was loaded before."""
        text = render_connection(self._peer, connection)
        if connection.mode is Mode.TUNNEL:
            self._inner.add(connection.local_inner)
        self._loaded.add(connection)
        self._held = connection.name
        put_files(self._container, {CONFIGURATION: text})
        given = certificate_files(connection)
        if given:
            put_files(self._container, {f"/etc/iked/{path}": content for path, content in given.items()})
            # The process that reads certificates is nobody of root's; the key is read by another.
            output_of(self._container, f"certificate of {connection.name}", shell(_CERTIFICATES_FOR_ALL))
        status, output = self._container.run(["iked", "-n", "-f", CONFIGURATION])
        if status:
            words = output.strip() or f"iked -n ended with status {status}"
            raise ConfigurationRefused(f"{self._container.name}: connection {connection.name}: {words}")
        self._run(f"connection {connection.name}", "ikectl", "reload")
        self._wait_until_loaded(connection)
        return {"iked.conf": text, **{path.replace("/", "-"): content for path, content in given.items()}}

    def _wait_until_loaded(self, connection: Connection) -> None:
        """ikectl does not wait for its command. iked's parent says the policy and hands it to its child for IKEv2.

        When the child has taken everything over, it drops every IKE SA that is not up yet: one that is begun before
        would get no answer to its IKE_AUTH.
        """
        name = connection.name
        words = (f'ikev2 "{name}" ', ": received policy\n", _LAST_TAKEN_OVER[connection.role])
        wait_until(
            f"{self._container.name}: connection {name}",
            lambda: True if one_after_the_other(self._loaded.log(name), words) else None,
            deadline_s=_LOAD_S, pattern="the takeover of its policy in the daemon's log", state=str,
            interval_s=_LOADED_POLL_S, log=lambda: self._loaded.log(name),
        )  # fmt: skip

    def unload(self, name: str) -> None:
        """See PeerDriver. SAs go without a word to the other side."""
        if self._held == name:
            output_of(self._container, f"unloading {name}", shell(_UNLOAD))
            self._held = ""

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver. iked starts within two seconds of becoming active, and asking it costs more than its log."""
        self._run(f"initiating {name}", "ikectl", "active")

        def established() -> bool | None:
            log = self.log(name)
            if _MODE.findall(log)[-1:] == ["passive"]:
                self._run(f"initiating {name}", "ikectl", "active")
            if _ENABLED not in log:
                return None
            sas = self.status(name).sas
            return True if any(sa.stands and sa.children for sa in sas) else None

        try:
            wait_until(
                name, established, deadline_s=deadline_s, pattern="an IKE SA with a Child SA", state=str,
                interval_s=_POLL_S,
            )  # fmt: skip
        except NotReady:
            return "; ".join(self.log(name).splitlines()[-3:]) or "no Child SA came up"
        return ""

    def rekey(self, name: str, *, ike: bool) -> None:
        """See PeerDriver: ikectl has no word for it, as the capability sheet says."""
        raise PeerUnreachable(f"{self._container.name}: ikectl cannot rekey {name}{' (IKE SA)' if ike else ''}")

    def terminate(self, name: str) -> None:
        """See PeerDriver."""
        if connection := self._loaded.get(name):
            output_of(self._container, "ikectl reset id", shell(_RESET, connection.remote_identity))

    def status(self, name: str) -> PeerReport:
        """See PeerDriver: what ikectl shows, and the counters of its kernel."""
        output = output_of(self._container, f"status of {name}", shell(_STATUS))
        sas, _, xfrm = output.partition("====\n")
        return openiked_report.peer_report(self._version, name, sas if self._held == name else "", xfrm)

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver: nothing else was loaded, so that every IKE SA is the connection's."""
        output = output_of(self._container, f"residue of {connection.name}", shell(_RESIDUE))
        sas, _, rest = output.partition("====\n")
        states = (sa.state for sa in openiked_report.peer_report(self._version, connection.name, sas, "").sas)
        return residue.parse(rest, states, (connection.remote_address, connection.remote_inner), "iked")

    def alive(self) -> bool:
        """See PeerDriver."""
        return answers(self._container, self.version)

    def log(self, name: str) -> str:
        """See PeerDriver: everything from load to unload, as nothing else was loaded."""
        return self._loaded.log(name)

    def close(self) -> None:
        """See PeerDriver."""

    def _run(self, what: str, *command: str) -> str:
        return output_of(self._container, what, command)


def one_after_the_other(text: str, words: tuple[str, ...]) -> bool:
    """Whether each of the words stands somewhere behind the one before it."""
    end = 0
    for word in words:
        at = text.find(word, end)
        if at < 0:
            return False
        end = at + len(word)
    return True

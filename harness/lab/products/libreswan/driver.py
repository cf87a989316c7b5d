"""Libreswan over whack."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath

from harness.evidence.peer_report import PeerReport, Residue
from harness.lab.driver import Connection, DaemonSettings
from harness.lab.errors import ConfigurationRefused, PeerUnreachable
from harness.lab.hosts.commands import answers, output_of, shell
from harness.lab.hosts.files import InnerAddresses, put_files
from harness.lab.hosts.host import CommandHost
from harness.lab.products.libreswan import nss_database
from harness.lab.products.libreswan import report as libreswan_report
from harness.lab.products.libreswan.configuration import render_connection, render_daemon
from harness.lab.products.shared import residue, xfrm_report
from harness.lab.products.shared.fault_lines import is_fault
from harness.lab.products.shared.loaded_connections import LoadedConnections
from harness.scenario.model import Mode
from harness.scenario.peer import Peer

WHACK = "/usr/libexec/ipsec/whack"
ADDCONN = "/usr/libexec/ipsec/addconn"
CASES = "/run/cases"

# Constant scripts, whose arguments are values. What is to be picked from whack's answer is picked
# here: a few kibioctets more cost less than another program in the guest.
_ADD = f'{ADDCONN} --config "$1" "$2" || exit; echo ====; {WHACK} --status'
_DELETE = f'rm -f "$1" "$2"; {WHACK} --name "$3" --delete; {WHACK} --rereadsecrets'
_STATUS = f"{WHACK} --status && echo ==== && {xfrm_report.COMMAND}"
_RESIDUE = f"{WHACK} --status; echo ====; {residue.COMMAND}"

_VERSION = re.compile(r"pluto_version=([^,\s]+)")
_TIMESTAMP = re.compile(r"^\w{3} +\d+ [\d:.]+: ")
_OF_A_CONNECTION = re.compile(_TIMESTAMP.pattern + '"')

# What whack says where there is nothing of that name (any more).
_ABSENT = re.compile(r"no connection named|no such connection|no active|not found|deleting connection", re.IGNORECASE)

_REKEY_CHILD = {True: "--rekey-child", False: "--rekey-ipsec"}
"""whack's word for it, by whether it is of release 5 or newer."""


class LibreswanFamily:
    """Libreswan on a kernel with ESP; pluto is in the foreground and logs to its standard error."""

    control = "whack"
    in_tester = False
    show_command = "ipsec status"

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily."""
        return render_daemon(peer, settings)

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        files = self.connection_files(peer, connection)
        own = {f"/etc/ipsec.d/sample{PurePath(name).suffix}": text for name, text in files.items()}
        return {**self.daemon_files(peer, DaemonSettings()), **own}

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> LibreswanDriver:
        """See DriverFamily."""
        del settings  # they are in its files
        return LibreswanDriver(peer, container)

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        return render_connection(peer, connection)


FAMILY = LibreswanFamily()


class LibreswanDriver:
    """One pluto, spoken to with whack where it runs."""

    def __init__(self, peer: Peer, container: CommandHost) -> None:
        self._peer = peer
        self._container = container
        self._inner = InnerAddresses(container)
        self._loaded = LoadedConnections(container)

    def version(self) -> str:
        """See PeerDriver."""
        status, output = self._container.run([WHACK, "--status"])
        found = _VERSION.search(output)
        if status or found is None:
            raise PeerUnreachable(f"{self._container.name}: whack: {output.strip() or 'no version in its status'}")
        return found[1]

    def key_exchange_methods(self) -> frozenset[str] | None:
        """See PeerDriver: its control interface does not tell."""
        return None

    def load(self, connection: Connection) -> dict[str, str]:
        """See PeerDriver."""
        files = render_connection(self._peer, connection)
        if connection.mode is Mode.TUNNEL:
            self._inner.add(connection.local_inner)
        self._loaded.add(connection)
        name, (conf, secrets) = connection.name, _paths(connection.name)
        put_files(self._container, {conf: files["ipsec.conf"], secrets: files["ipsec.secrets"]})
        nss_database.add(self._container, connection)
        if ":" in connection.local_address:  # it came after pluto's start, which listens at what it found then
            self._whack(f"listening at {connection.local_address}", "--listen")
        self._whack(f"secrets of {name}", "--rereadsecrets")
        status, output = self._container.run(shell(_ADD, conf, name))
        said, added, connections = output.partition("====\n")
        if added and status:
            raise PeerUnreachable(f"{self._container.name}: whack: {connections.strip() or f'status {status}'}")
        if not added or f'"{name}":' not in connections:
            logged = "".join(self.log(name).splitlines()[-1:])  # where release 4 says why, and nowhere else
            words = said.strip() or _TIMESTAMP.sub("", logged) or f"addconn ended with status {status}"
            raise ConfigurationRefused(f"{self._container.name}: connection {name}: {words}")
        return files

    def unload(self, name: str) -> None:
        """See PeerDriver."""
        if connection := self._loaded.get(name):
            nss_database.delete(self._container, connection)
        status, output = self._container.run(shell(_DELETE, *_paths(name), name))
        if status and not _ABSENT.search(output):
            raise PeerUnreachable(f"{self._container.name}: unloading {name}: {output.strip()}")

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver. whack stays attached until the Child SA is up or has failed.

        pluto would then begin again and again, with a new IKE SA each time: like an operator, the lab gives up.
        """
        command = ["timeout", f"{deadline_s:g}", WHACK, "--name", name, "--initiate"]
        status, output = self._container.run(command)
        if "established Child SA" in output or "IPsec SA established" in output:
            return ""
        self.terminate(name)
        said = output.strip().splitlines()[-3:]
        return "; ".join(line.strip() for line in said) or f"whack ended with status {status}"

    def rekey(self, name: str, *, ike: bool) -> None:
        """See PeerDriver."""
        what = "--rekey-ike" if ike else _REKEY_CHILD[int(self._peer.version.split(".")[0]) >= 5]
        self._whack(f"rekeying {name}", "--name", name, what, "--asynchronous")

    def terminate(self, name: str) -> None:
        """See PeerDriver."""
        self._container.run([WHACK, "--name", name, "--terminate"])

    def status(self, name: str) -> PeerReport:
        """See PeerDriver: the daemon's lines about the connection, and the counters of its kernel."""
        output = output_of(self._container, f"status of {name}", shell(_STATUS))
        lines, _, xfrm = output.partition("====\n")
        return self._report(name, lines, xfrm)

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver."""
        output = output_of(self._container, f"residue of {connection.name}", shell(_RESIDUE))
        lines, rest = output.split("====\n", 1)
        states = (sa.state for sa in self._report(connection.name, lines, "").sas)
        return residue.parse(rest, states, (connection.remote_address, connection.remote_inner), "pluto")

    def _report(self, name: str, lines: str, xfrm: str) -> PeerReport:
        found = _VERSION.search(lines)
        if found is None:
            raise PeerUnreachable(f"{self._container.name}: whack: no version in its status")
        return libreswan_report.peer_report(found[1], name, libreswan_report.lines_about(name, lines), xfrm)

    def alive(self) -> bool:
        """See PeerDriver."""
        return answers(self._container, lambda: self._whack("globalstatus", "--globalstatus"))  # its shortest answer

    def log(self, name: str) -> str:
        """See PeerDriver: lines that name the connection, or a packet of its address before it was found.

        A fault that pluto tells of for no connection in particular is every connection's.
        """
        connection = self._loaded.get(name)
        if connection is None:
            return ""
        address = _mentions(connection.remote_address)
        lines = self._loaded.log(name).splitlines()
        mine = [
            line
            for line in lines
            if f'"{name}"' in line
            or address.search(_TIMESTAMP.sub("", line))
            or (is_fault(line) and not _OF_A_CONNECTION.match(line))
        ]
        return "\n".join(mine) + "\n" if mine else ""

    def close(self) -> None:
        """See PeerDriver."""

    def _whack(self, what: str, *arguments: str) -> str:
        return output_of(self._container, what, [WHACK, *arguments])


def _mentions(address: str) -> re.Pattern[str]:
    """An address in a log line, none that only begins or ends like it: in 192.0.2.1:500, in [2001:db8::1]:500."""
    end = r"(?![\da-f.:]*[\da-f])" if ":" in address else r"(?![\d.]*\d)"
    return re.compile(rf"(?<![\d.:]){re.escape(address)}{end}")


def _paths(name: str) -> tuple[str, str]:
    return f"{CASES}/{name}.conf", f"{CASES}/{name}.secrets"

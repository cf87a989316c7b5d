"""Libreswan over whack: its driver, and how its daemon is configured."""

from __future__ import annotations

import ipaddress
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.crypto.certificates import EndCertificate
from harness.evidence.hygiene import Residue
from harness.evidence.peer_report import PeerReport
from harness.lab import libreswan_report, nss_database, residue, xfrm_report
from harness.lab.driver import Connection, DaemonSettings, PeerContainer
from harness.lab.errors import ConfigurationRefused, ConfigurationSyntax, PeerUnreachable
from harness.lab.fault_lines import is_fault
from harness.lab.guest_files import InnerAddresses, put_files
from harness.lab.libreswan_keywords import esn_setting, proposals
from harness.lab.templates import render
from harness.registry.transforms import TransformType
from harness.scenario.model import Mode
from harness.scenario.peer import Peer

WHACK = "/usr/libexec/ipsec/whack"
ADDCONN = "/usr/libexec/ipsec/addconn"
CASES = "/run/cases"

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_VERSION = re.compile(r"pluto_version=([^,\s]+)")
_TIMESTAMP = re.compile(r"^\w{3} +\d+ [\d:.]+: ")
_OF_A_CONNECTION = re.compile(_TIMESTAMP.pattern + '"')
_LOG_MARGIN_S = 1.0

# What whack says where there is nothing of that name (any more).
_ABSENT = re.compile(r"no connection named|no such connection|no active|not found|deleting connection", re.IGNORECASE)


_REKEY_CHILD = {True: "--rekey-child", False: "--rekey-ipsec"}
"""whack's word for it, by whether it is of release 5 or newer."""


@dataclass(slots=True)
class _Loaded:
    connection: Connection
    since: float  # seconds since 1970, UTC


class LibreswanFamily:
    """Libreswan on a kernel with ESP; pluto is in the foreground and logs to its standard error."""

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily."""
        templates = peer.folder / "templates"
        return {
            "/etc/ipsec.conf": render(templates / "ipsec.conf.j2", cookie_threshold=settings.cookie_threshold),
            "/etc/ipsec.secrets": render(templates / "ipsec.secrets.j2"),
        }

    def attach(self, peer: Peer, container: PeerContainer) -> LibreswanDriver:
        """See DriverFamily."""
        return LibreswanDriver(peer, container)

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        return render_connection(peer, connection)


def render_connection(peer: Peer, connection: Connection) -> dict[str, str]:
    """ipsec.conf and ipsec.secrets of one connection.

    Raises:
        Inexpressible: Libreswan has no keyword for an algorithm of the policy.
        TemplateError: a template uses a variable that is not given.
        ConfigurationSyntax: the connection's name cannot be the name of a section.
    """
    if not _NAME.fullmatch(connection.name):
        raise ConfigurationSyntax(f"connection name {connection.name!r}: only letters, digits, hyphen and underscore")
    templates = peer.folder / "templates"
    identities = {
        "local_identity": _identity(connection.local_identity),
        "remote_identity": _identity(connection.remote_identity),
    }
    conf = render(
        templates / "connection.conf.j2",
        version=peer.version,
        name=connection.name,
        local_address=connection.local_address,
        remote_address=connection.remote_address,
        local_ts=_host(connection.local_inner),
        remote_ts=_host(connection.remote_inner),
        ike_proposals=[] if connection.own_defaults else proposals(connection.policy.ike),
        esp_proposals=[] if connection.own_defaults else proposals(connection.policy.esp),
        esn=esn_setting(connection.policy.esp),
        pfs=any(proposal.of(TransformType.KE) for proposal in connection.policy.esp),
        mobike=connection.mobike,
        intermediate=connection.announce_intermediate,
        mode=connection.mode.value,
        psk_hex=connection.psk_hex,
        **identities,
    )
    secrets = render(templates / "connection.secrets.j2", psk_hex=connection.psk_hex, **identities)
    return {"ipsec.conf": conf, "ipsec.secrets": secrets, **nss_database.files(connection)}


def _identity(identity: str) -> str:
    """``@name`` for a domain name; ``%any`` as it is."""
    return identity if identity.startswith("%") else f"@{identity}"


def _host(address: str) -> str:
    return str(ipaddress.ip_network(address))  # a single address gets /32 or /128


class LibreswanDriver:
    """One pluto, spoken to with whack where it runs."""

    def __init__(self, peer: Peer, container: PeerContainer) -> None:
        self._peer = peer
        self._container = container
        self._inner = InnerAddresses(container)
        self._loaded: dict[str, _Loaded] = {}

    def version(self) -> str:
        """See PeerDriver."""
        status, output = self._container.run(["sh", "-c", f"{WHACK} --status | grep pluto_version"])
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
        self._loaded[connection.name] = _Loaded(connection, time.time())
        conf, secrets = _paths(connection.name)
        put_files(self._container, {conf: files["ipsec.conf"], secrets: files["ipsec.secrets"]})
        if script := nss_database.import_script(connection):
            self._whack_script(script, f"certificate of {connection.name}")
        if ":" in connection.local_address:  # it came after pluto's start, which listens at what it found then
            self._whack_script(f"{WHACK} --listen", f"listening at {connection.local_address}")
        self._whack_script(f"{WHACK} --rereadsecrets", f"secrets of {connection.name}")
        status, output = self._container.run(
            ["sh", "-c", f"{ADDCONN} --config {conf} {connection.name} 2>&1 && "
             f"{WHACK} --status | grep -F '\"{connection.name}\":' >/dev/null"]
        )  # fmt: skip
        if status:
            words = output.strip() or f"addconn ended with status {status}"
            raise ConfigurationRefused(f"{self._container.name}: connection {connection.name}: {words}")
        return files

    def unload(self, name: str) -> None:
        """See PeerDriver."""
        conf, secrets = _paths(name)
        forget = nss_database.delete_script(name) if self._has_certificate(name) else ""
        script = f"rm -f {conf} {secrets}; {forget}{WHACK} --name {name} --delete; {WHACK} --rereadsecrets"
        status, output = self._container.run(["sh", "-c", script])
        if status and not _ABSENT.search(output):
            raise PeerUnreachable(f"{self._container.name}: unloading {name}: {output.strip()}")

    def _has_certificate(self, name: str) -> bool:
        loaded = self._loaded.get(name)
        return loaded is not None and isinstance(loaded.connection.authentication, EndCertificate)

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
        self._whack_script(f"{WHACK} --name {name} {what} --asynchronous", f"rekeying {name}")

    def terminate(self, name: str) -> None:
        """See PeerDriver."""
        self._container.run([WHACK, "--name", name, "--terminate"])

    def status(self, name: str) -> PeerReport:
        """See PeerDriver: the daemon's lines about the connection, and the counters of its kernel."""
        script = f"{_lines_about(name)}; echo ====; {xfrm_report.COMMAND}"
        output = self._whack_script(script, f"status of {name}")
        return self._report(name, *output.split("====\n", 1))

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver."""
        script = f"{WHACK} --status; echo ====; {residue.COMMAND}"
        lines, rest = self._whack_script(script, f"residue of {connection.name}").split("====\n", 1)
        states = (sa.state for sa in self._report(connection.name, lines, "").sas)
        return residue.parse(rest, states, (connection.remote_address, connection.remote_inner), "pluto")

    def _report(self, name: str, lines: str, xfrm: str) -> PeerReport:
        found = _VERSION.search(lines)
        if found is None:
            raise PeerUnreachable(f"{self._container.name}: whack: no version in its status")
        return libreswan_report.peer_report(found[1], name, lines, xfrm)

    def alive(self) -> bool:
        """See PeerDriver."""
        if not self._container.is_running():
            return False
        try:
            status, _ = self._container.run([WHACK, "--globalstatus"])  # its shortest answer
        except PeerUnreachable:
            return False
        return status == 0

    def log(self, name: str) -> str:
        """See PeerDriver: lines that name the connection, or a packet of its address before it was found.

        A fault that pluto tells of for no connection in particular is every connection's.
        """
        loaded = self._loaded.get(name)
        if loaded is None:
            return ""
        address = _mentions(loaded.connection.remote_address)
        lines = self._container.log(loaded.since - _LOG_MARGIN_S).splitlines()
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

    def _whack_script(self, script: str, what: str) -> str:
        status, output = self._container.run(["sh", "-c", script])
        if status:
            raise PeerUnreachable(f"{self._container.name}: {what}: {output.strip() or f'status {status}'}")
        return output


def _mentions(address: str) -> re.Pattern[str]:
    """An address in a log line, none that only begins or ends like it: in 192.0.2.1:500, in [2001:db8::1]:500."""
    end = r"(?![\da-f.:]*[\da-f])" if ":" in address else r"(?![\d.]*\d)"
    return re.compile(rf"(?<![\d.:]){re.escape(address)}{end}")


def _lines_about(name: str) -> str:
    return f"{WHACK} --status | grep -F -e pluto_version -e '\"{name}\"'"


def _paths(name: str) -> tuple[str, str]:
    return f"{CASES}/{name}.conf", f"{CASES}/{name}.secrets"

"""OpenIKED over ikectl: its driver, and how its daemon is configured."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from harness.crypto.certificates import EndCertificate
from harness.evidence.hygiene import Residue
from harness.evidence.peer_report import PeerReport
from harness.lab import openiked_report, residue, xfrm_report
from harness.lab.driver import Connection, DaemonSettings, PeerContainer
from harness.lab.errors import ConfigurationRefused, ConfigurationSyntax, NotReady, PeerUnreachable
from harness.lab.guest_files import InnerAddresses, put_files
from harness.lab.openiked_keywords import proposals
from harness.lab.templates import render
from harness.lab.waiting import wait_until
from harness.scenario.model import Mode, Role
from harness.scenario.peer import Peer

CONFIGURATION = "/run/iked.conf"

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_LOG_MARGIN_S = 1.0
_POLL_S = 0.3
_LOAD_S = 10.0  # seconds for iked to take over a configuration
_LOADED_POLL_S = 0.05
# With two -v: the mode is what iked's child takes over last. Between two cases it is passive (iked.conf.j2), and as
# initiator it stays so until `ikectl active`; then nothing is said of it.
_TAKEN_OVER = {
    Role.RESPONDER: r".*?: received policy\n.*?config_getmode: mode passive -> active",
    Role.INITIATOR: r".*?: received policy\n.*?config_getstatic: (?:no )?stickyaddress",
}


@dataclass(slots=True)
class _Loaded:
    connection: Connection
    since: float  # seconds since 1970, UTC
    until: float | None = None


class OpenIkedFamily:
    """OpenIKED on a kernel with ESP; iked is in the foreground and logs to its standard error."""

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily. None of our settings is one of iked's: its fragment size is fixed, it demands no COOKIE."""
        del settings
        return {"/etc/iked.conf": render(peer.folder / "templates" / "iked.conf.j2")}

    def attach(self, peer: Peer, container: PeerContainer) -> OpenIkedDriver:
        """See DriverFamily."""
        return OpenIkedDriver(peer, container)

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        return {"iked.conf": render_connection(peer, connection), **_certificates(connection)}


def render_connection(peer: Peer, connection: Connection) -> str:
    """iked.conf with one connection.

    Raises:
        Inexpressible: OpenIKED has no keyword for an algorithm of the policy.
        TemplateError: the template uses a variable that is not given.
        ConfigurationSyntax: the connection's name cannot be the name of a policy.
    """
    if not _NAME.fullmatch(connection.name):
        raise ConfigurationSyntax(f"connection name {connection.name!r}: only letters, digits, hyphen and underscore")
    return render(
        peer.folder / "templates" / "connection.conf.j2",
        name=connection.name,
        active=connection.role is Role.INITIATOR,
        local_address=connection.local_address.replace("%", ""),
        remote_address=connection.remote_address.replace("%", ""),
        local_identity=connection.local_identity,
        remote_identity=connection.remote_identity,
        local_ts=connection.local_inner,
        remote_ts=connection.remote_inner,
        ike_proposals=[] if connection.own_defaults else proposals(connection.policy.ike),
        esp_proposals=[] if connection.own_defaults else proposals(connection.policy.esp),
        mobike=connection.mobike,
        mode=connection.mode.value,
        psk_hex=connection.psk_hex,
    )


def _certificates(connection: Connection) -> dict[str, str]:
    """The files below /etc/iked that hold certificate, key and authority; empty where there is no certificate.

    There is one key, that of the connection: iked does without none, so that the next one takes its place.
    """
    proof = connection.authentication
    if not isinstance(proof, EndCertificate):
        return {}
    return {
        "ca/ca.crt": proof.authority,
        f"certs/{connection.local_identity}.crt": proof.certificate,
        "private/local.key": proof.private_key,
    }


class OpenIkedDriver:
    """One iked, spoken to with ikectl where it runs. It holds one connection at a time."""

    def __init__(self, peer: Peer, container: PeerContainer) -> None:
        self._peer = peer
        self._container = container
        self._inner = InnerAddresses(container)
        self._loaded: dict[str, _Loaded] = {}
        self._version = ""

    def version(self) -> str:
        """See PeerDriver: the daemon must answer; its version is the installed program's, as ikectl cannot ask it."""
        self._script("ikectl show stats", "ikectl")
        if not self._version:
            output = self._script("iked -V 2>&1", "iked -V")
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
        self._loaded[connection.name] = _Loaded(connection, time.time())
        put_files(self._container, {CONFIGURATION: text})
        given = _certificates(connection)
        if given:
            put_files(self._container, {f"/etc/iked/{path}": content for path, content in given.items()})
            # The process that reads certificates is nobody of root's; the key is read by another.
            self._script("chmod 644 /etc/iked/ca/*.crt /etc/iked/certs/*.crt", f"certificate of {connection.name}")
        status, output = self._container.run(["sh", "-c", f"iked -n -f {CONFIGURATION} 2>&1"])
        if status:
            words = output.strip() or f"iked -n ended with status {status}"
            raise ConfigurationRefused(f"{self._container.name}: connection {connection.name}: {words}")
        self._script("ikectl reload", f"connection {connection.name}")
        self._wait_until_loaded(connection.name)
        return {"iked.conf": text, **{path.replace("/", "-"): content for path, content in given.items()}}

    def _wait_until_loaded(self, name: str) -> None:
        """ikectl does not wait for its command. iked's parent says the policy and hands it to its child for IKEv2.

        When the child has taken everything over, it drops every IKE SA that is not up yet: one that is begun before
        would get no answer to its IKE_AUTH.
        """
        loaded = self._loaded[name]
        since = loaded.since - _LOG_MARGIN_S
        taken_over = re.compile(rf'ikev2 "{name}" {_TAKEN_OVER[loaded.connection.role]}', re.DOTALL)
        wait_until(
            f"{self._container.name}: connection {name}",
            lambda: True if taken_over.search(self._container.log(since)) else None,
            deadline_s=_LOAD_S, pattern="the takeover of its policy in the daemon's log", state=str,
            interval_s=_LOADED_POLL_S, log=lambda: self._container.log(since),
        )  # fmt: skip

    def unload(self, name: str) -> None:
        """See PeerDriver. SAs go without a word to the other side."""
        loaded = self._loaded.get(name)
        if loaded is None or loaded.until is not None:
            return
        self._script(f"cat /etc/iked.conf >{CONFIGURATION} && ikectl reload && ikectl reset all", f"unloading {name}")
        loaded.until = time.time()

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver. iked starts within two seconds of becoming active."""
        self._script("ikectl active", f"initiating {name}")

        def established() -> bool | None:
            sas = self.status(name).sas
            return True if any(sa.state == "ESTABLISHED" and sa.children for sa in sas) else None

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
        loaded = self._loaded.get(name)
        if loaded is not None:
            self._script(f"ikectl passive; ikectl reset id FQDN/{loaded.connection.remote_identity}", "ikectl reset id")

    def status(self, name: str) -> PeerReport:
        """See PeerDriver: what ikectl shows, and the counters of its kernel."""
        output = self._script(f"ikectl show sa || exit 1; echo ====; {xfrm_report.COMMAND}", f"status of {name}")
        sas, _, xfrm = output.partition("====\n")
        loaded = self._loaded.get(name)
        if loaded is None or loaded.until is not None:
            sas = ""
        return openiked_report.peer_report(self._version, name, sas, xfrm)

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver: nothing else was loaded, so that every IKE SA is the connection's."""
        script = f"ikectl show sa || exit 1; echo ====; {residue.COMMAND}"
        sas, _, rest = self._script(script, f"residue of {connection.name}").partition("====\n")
        states = (sa.state for sa in openiked_report.peer_report(self._version, connection.name, sas, "").sas)
        return residue.parse(rest, states, (connection.remote_address, connection.remote_inner), "iked")

    def alive(self) -> bool:
        """See PeerDriver."""
        if not self._container.is_running():
            return False
        try:
            self.version()
        except PeerUnreachable:
            return False
        return True

    def log(self, name: str) -> str:
        """See PeerDriver: everything from load to unload, as nothing else was loaded."""
        loaded = self._loaded.get(name)
        return "" if loaded is None else self._container.log(loaded.since - _LOG_MARGIN_S)

    def close(self) -> None:
        """See PeerDriver."""

    def _script(self, script: str, what: str) -> str:
        status, output = self._container.run(["sh", "-c", script])
        if status:
            raise PeerUnreachable(f"{self._container.name}: {what}: {output.strip() or f'status {status}'}")
        return output

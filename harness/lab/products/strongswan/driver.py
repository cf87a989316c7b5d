"""strongSwan over vici."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path

from harness.border.values import whole_number
from harness.evidence.peer_report import PeerReport, Residue
from harness.lab.driver import Connection, DaemonSettings
from harness.lab.errors import ConfigurationRefused, PeerUnreachable
from harness.lab.hosts.commands import answers, output_of, shell
from harness.lab.hosts.files import InnerAddresses
from harness.lab.hosts.host import CommandHost
from harness.lab.products.shared import residue
from harness.lab.products.shared.loaded_connections import LoadedConnections
from harness.lab.products.shared.pem_files import pem_files
from harness.lab.products.strongswan import swanctl_syntax
from harness.lab.products.strongswan.case_log import lines_of_case
from harness.lab.products.strongswan.configuration import render_connection, render_daemon
from harness.lab.products.strongswan.credentials import vici_credentials, with_certificates
from harness.lab.products.strongswan.keywords import reported_name
from harness.lab.products.strongswan.report import peer_report
from harness.lab.products.strongswan.vici_client import CommandRefused, ViciClient, word_of, words_of
from harness.registry.transforms import TransformType
from harness.scenario.model import Mode
from harness.scenario.peer import Peer

CONFIGURATION = "/etc/strongswan.conf"
_LOAD_AT_START = "/usr/sbin/swanctl --load-all --noprompt"
VICI_SOCKET = "/run/charon.vici"
_RELAY = (
    'if command -v nc >/dev/null; then exec nc -U "$1"; fi; '
    'if command -v socat >/dev/null; then exec socat - "UNIX-CONNECT:$1"; fi; '
    'echo "the image has neither nc nor socat to reach $1" >&2; exit 127'
)

# A cookie's age is compared in unsigned seconds since boot less an offset below the daemon's start: for 10 s after a
# start soon after boot the comparison wraps around, and every cookie counts as expired (receiver.c, cookie_verify).
_COOKIES_EXPIRE_S = 11
_AGE_IF_COOKIES = 'if grep -q "cookie_threshold = [1-9]" "$2"; then echo $(($(date +%s) - $(stat -c %Y "$1"))); fi'

_TERMINATE_TIMEOUT_S = 3.0


class StrongSwanFamily:
    """strongSwan in a container whose first process is charon-systemd."""

    control = "vici"
    in_tester = False
    show_command = "swanctl --list-conns"

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """See DriverFamily."""
        return {CONFIGURATION: render_daemon(peer, settings)}

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        text = render_connection(peer.folder / "templates", connection)
        swanctl_syntax.parse(text)
        return {"swanctl.conf": text, **pem_files(connection)}

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """See DriverFamily."""
        daemon, files = render_daemon(peer, DaemonSettings(), _LOAD_AT_START), self.connection_files(peer, connection)
        return {CONFIGURATION: daemon, "/etc/swanctl/swanctl.conf": files["swanctl.conf"]}

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> StrongSwanDriver:
        """See DriverFamily."""
        del settings  # they are in its files
        return StrongSwanDriver(container, peer.folder / "templates", kernel_esp=peer.esp_implementation == "kernel")


FAMILY = StrongSwanFamily()


class StrongSwanDriver:
    """One strongSwan daemon, spoken to over vici through a relay that ``docker exec`` starts in its container.

    A relay needs no shared folder and no right to the daemon's socket on the host, and works with a remote engine.
    """

    def __init__(self, container: CommandHost, templates: Path, *, kernel_esp: bool = False) -> None:
        self._container = container
        self._kernel_esp = kernel_esp
        self._takes_cookies_at = None if kernel_esp else 0.0  # by the monotonic clock; None: not known yet
        self._templates = templates
        self._vici = ViciClient(container.name, lambda: container.open(shell(_RELAY, VICI_SOCKET)))
        self._loaded = LoadedConnections(container)
        self._inner = InnerAddresses(container)

    def version(self) -> str:
        """See PeerDriver."""
        if self._takes_cookies_at is not None and time.monotonic() < self._takes_cookies_at:
            raise PeerUnreachable(f"{self._container.name}: takes every cookie for expired until it has run 10 s")
        answer = self._vici.request("version")
        if self._takes_cookies_at is None:
            self._takes_cookies_at = time.monotonic() + self._until_it_takes_cookies()
            return self.version()
        return word_of(answer, "version")

    def _until_it_takes_cookies(self) -> float:
        """Seconds that a daemon in a guest, which has just booted, still needs; 0 where it demands no COOKIE."""
        age = output_of(self._container, "the daemon's age", shell(_AGE_IF_COOKIES, VICI_SOCKET, CONFIGURATION)).strip()
        if not age:
            return 0.0
        if (seconds := whole_number(age)) is None:
            raise PeerUnreachable(f"{self._container.name}: the daemon's age cannot be told: {age}")
        return max(_COOKIES_EXPIRE_S - seconds, 0)

    def key_exchange_methods(self) -> frozenset[str] | None:
        """See PeerDriver. 5.9 calls the group "dh"; methods that have no spelling of ours are left out."""
        answer = self._vici.request("get-algorithms")
        reported = [*words_of(answer, "ke"), *words_of(answer, "dh")]
        return frozenset(filter(None, (reported_name(TransformType.KE, name) for name in reported)))

    def load(self, connection: Connection) -> dict[str, str]:
        """See PeerDriver. The text is rendered first, and what is read from the text is what is loaded."""
        text = render_connection(self._templates, connection)
        sections = swanctl_syntax.parse(text)
        if connection.mode is Mode.TUNNEL:
            self._inner.add(connection.local_inner)
        self._loaded.add(connection)
        try:
            files = pem_files(connection)
            for command, message in vici_credentials(connection):
                self._vici.request(command, message)
            for message in swanctl_syntax.shared_keys(sections):
                self._vici.request("load-shared", message)
            for message in swanctl_syntax.connections(sections):
                self._vici.request("load-conn", with_certificates(message, files))
        except CommandRefused as refusal:
            raise ConfigurationRefused(f"{self._container.name}: connection {connection.name}: {refusal}") from refusal
        return {"swanctl.conf": text, **files}

    def unload(self, name: str) -> None:
        """See PeerDriver. SAs go without waiting for the other side's answer to the delete."""
        for command, message in (
            ("unload-conn", {"name": name}),
            ("terminate", {"ike": name, "force": "yes", "timeout": "-1"}),
            ("unload-shared", {"id": f"ike-{name}"}),
        ):
            self._ignoring_absence(command, message)

    def initiate(self, name: str, deadline_s: float) -> str:
        """See PeerDriver."""
        message = {"child": name, "ike": name, "timeout": str(round(deadline_s * 1000)), "loglevel": "1"}
        try:
            self._vici.stream("initiate", "control-log", message, deadline_s + _TERMINATE_TIMEOUT_S)
        except CommandRefused as refusal:
            text, events = refusal.args
            said = [word_of(event, "msg") for event in events[-3:]]
            return "; ".join([text, *said])
        return ""

    def rekey(self, name: str, *, ike: bool) -> None:
        """See PeerDriver."""
        self._vici.request("rekey", {"ike": name} if ike else {"child": name})

    def terminate(self, name: str) -> None:
        """See PeerDriver."""
        message = {"ike": name, "timeout": str(round(_TERMINATE_TIMEOUT_S * 1000))}
        self._ignoring_absence("terminate", message)

    def status(self, name: str) -> PeerReport:
        """See PeerDriver."""
        return peer_report(self.version(), self._vici.stream("list-sas", "list-sa", {"ike": name}))

    def residue(self, connection: Connection) -> Residue | None:
        """See PeerDriver: over vici, and from the kernel where that does ESP."""
        listed = self._vici.stream("list-sas", "list-sa", {"ike": connection.name})
        states = tuple(sa.state for sa in peer_report("", listed).sas)
        if not self._kernel_esp:
            return Residue(states, resident_octets=residue.resident_octets_of(self._container.process))
        output = output_of(self._container, f"residue of {connection.name}", shell(residue.COMMAND))
        return residue.parse(output, states, (connection.remote_address, connection.remote_inner), "charon-systemd")

    def alive(self) -> bool:
        """See PeerDriver."""
        return answers(self._container, self.version)

    def log(self, name: str) -> str:
        """See PeerDriver."""
        connection = self._loaded.get(name)
        return "" if connection is None else lines_of_case(self._loaded.log(name), name, connection.remote_address)

    def close(self) -> None:
        """See PeerDriver."""
        self._vici.close()

    def _ignoring_absence(self, command: str, message: Mapping[str, str]) -> None:
        """Run a command whose aim is that something be gone; that it is gone already is not a failure."""
        try:
            self._vici.request(command, message)
        except CommandRefused as refusal:
            if not re.search(r"not found|no matching|timed? ?out|timeout", str(refusal.args[0]), re.IGNORECASE):
                raise

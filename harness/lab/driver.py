"""What the lab asks of a product's control interface. A driver is per interface (vici, ...), not per version."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from harness.crypto.certificates import EndCertificate
from harness.evidence.peer_report import PeerReport, Residue
from harness.lab.errors import ConfigurationSyntax
from harness.lab.hosts.host import CommandHost
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.scenario.model import Mode
from harness.scenario.peer import Peer

VERB_S = 30.0
"""Seconds that a product's control interface may take for one command; none of them are a case's time on the wire.

A guest on a machine with five times more to do than it can has been seen to take more than ten.
"""


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """Settings that a product has once for all its connections; each set of them is a warm variant of its own."""

    fragment_size: int | None = None  # octets of the IP datagram; None leaves the product's default
    cookie_threshold: int | None = None  # half-open IKE SAs from which on a COOKIE is demanded (RFC 7296 section 2.6)


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """Both sides prove that they know the same octets (RFC 7296 section 2.15)."""

    octets: bytes = field(repr=False)


Authentication = PreSharedKey | EndCertificate
"""By what a connection authenticates both its sides: a key that they share, or a certificate of the product's own."""


_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Connection:
    """One connection as the product under test is to hold it: "local" is the product. IKE SAs are never rekeyed.

    Raises:
        ConfigurationSyntax: its name cannot be the name of a section in every product's configuration.
    """

    name: str  # letters, digits, hyphen and underscore; unique among the connections loaded at a time
    role: Role  # the PEER's role as IKE initiator or responder
    local_address: str  # outer addresses, IPv4 or IPv6
    remote_address: str
    local_identity: str
    remote_identity: str
    authentication: Authentication = field(repr=False)
    policy: PartyPolicy
    local_inner: str  # the host behind each side that exchanges echo packets; a /32 or /128 traffic selector. In
    # transport mode the outer address itself
    remote_inner: str
    mode: Mode = Mode.TUNNEL  # of the Child SA
    mobike: bool = False
    announce_intermediate: bool = (
        False  # whether or not it needs the exchange (RFC 9242 section 3.1); Libreswan's setting
    )
    own_defaults: bool = False  # the product is told no proposals: ``policy`` is only what its defaults should be
    fragment_size: int | None = None  # for products that have it per connection; strongSwan has DaemonSettings

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationSyntax(f"connection name {self.name!r}: only letters, digits, hyphen and underscore")

    @property
    def local_ts(self) -> str:
        """The traffic selector of its own inner host, with a prefix length of 32 or 128."""
        return str(ipaddress.ip_network(self.local_inner))

    @property
    def remote_ts(self) -> str:
        """The traffic selector of the other side's inner host, likewise."""
        return str(ipaddress.ip_network(self.remote_inner))

    @property
    def psk_hex(self) -> str:
        """The pre-shared key in hexadecimal; "" where a certificate stands in its place."""
        return self.authentication.octets.hex() if isinstance(self.authentication, PreSharedKey) else ""


class PeerDriver(Protocol):
    """The typed control interface of one running product. Any method may be called from several threads at once."""

    def version(self) -> str:
        """The version that the daemon reports: "6.1.0"."""

    def key_exchange_methods(self) -> frozenset[str] | None:
        """The key exchange methods that the running build has, in our spelling; None where the product cannot tell."""

    def load(self, connection: Connection) -> dict[str, str]:
        """Load one connection beside those there are; the configuration by file name, exactly as it was loaded."""

    def unload(self, name: str) -> None:
        """Remove the connection, its secret and whatever is left of its SAs. One that is not loaded is fine."""

    def initiate(self, name: str, deadline_s: float) -> str:
        """Have the product initiate the IKE SA with its Child SA; "" or why it did not come up, in its own words."""

    def rekey(self, name: str, *, ike: bool) -> None:
        """Have the product rekey the IKE SA, or else its Child SA (RFC 7296 section 1.3); it need not be done yet."""

    def terminate(self, name: str) -> None:
        """Have the product delete the IKE SA in the regular way (RFC 7296 section 1.4.1)."""

    def status(self, name: str) -> PeerReport:
        """What the product says of the SAs of one connection, now."""

    def residue(self, connection: Connection) -> Residue | None:
        """What product and kernel hold of the connection, now, whether it is loaded or not; None where none can tell.

        It is asked after every case: one command where the product runs, at most.
        """

    def alive(self) -> bool:
        """Whether the daemon runs and answers."""

    def log(self, name: str) -> str:
        """The lines of the product's log that belong to the connection ``name``, also after it was unloaded."""

    def close(self) -> None:
        """Give up all control channels."""


class DriverFamily(Protocol):
    """How products of one control interface are started and then spoken to."""

    @property
    def control(self) -> str:
        """The name of the control interface, as ``driver`` of peer.toml has it: "vici"."""

    @property
    def in_tester(self) -> bool:
        """Whether the product is part of the harness and runs in the tester's image, not in one of its own."""

    @property
    def show_command(self) -> str:
        """What a person types where the product runs to see its connections; "" where it has no such command."""

    def daemon_files(self, peer: Peer, settings: DaemonSettings) -> Mapping[str, str]:
        """The daemon-wide configuration by absolute path in the container."""

    def connection_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """One connection's configuration by file name, as ``load`` would load it; nothing is started for it."""

    def attach(self, peer: Peer, container: CommandHost, settings: DaemonSettings) -> PeerDriver:
        """The driver of a container that was just started, with the files of these settings; it need not be ready."""

    def sample_files(self, peer: Peer, connection: Connection) -> Mapping[str, str]:
        """Daemon and one connection that it loads as it starts, by absolute path: for a person, without the lab."""

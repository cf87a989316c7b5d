"""A peer: a real product in a container, or a vendor's published policy configured on one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.policy.proposals import PartyPolicy
from harness.policy.role import ENGINE_NAME, Role
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType


@dataclass(frozen=True, slots=True)
class Capabilities:
    """A capability sheet: what a build can do, whatever its configuration. ADDKE methods are the ones of KE."""

    ike: dict[TransformType, frozenset[Algorithm]]  # ENCR, PRF, INTEG, KE
    esp: dict[TransformType, frozenset[Algorithm]]  # ENCR, INTEG, KE, SN
    additional_key_exchange: bool  # RFC 9370 (and with it RFC 9242)
    fragmentation: bool = True  # RFC 7383
    rekeys: bool = True  # whether its control interface can start a rekey
    demands_cookies: bool = True  # whether it can be made to demand a COOKIE (RFC 7296 section 2.6)
    certificates: bool = True  # whether the lab can have it authenticate by certificate
    certificates_reason: str = ""  # why not
    transport_mode: bool = True  # ESP in transport mode (RFC 4303 section 3.1.1)
    esp_without_udp: bool = True  # ESP right above IP where there is no NAT (RFC 7296 section 2.23)
    status: bool = True  # whether it has an interface that tells of its SAs
    echo: bool = True  # whether what is behind it answers echo requests through the tunnel (RFC 792)
    identity: str = ""  # the FQDN that it claims, whatever it is told; "" where it is configured
    roles: tuple[Role, ...] = (Role.INITIATOR, Role.RESPONDER)  # the PEER's roles, as IKE initiator or responder
    role_reason: str = ""


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """A failure that is expected, with its reason and a link; an unexpected pass is a failure, too."""

    scenario: str
    role: Role | None  # of the other side, the engine or the peer of a pair; None means both
    requirement: str
    reason: str
    link: str
    where: str  # file:line
    other: str = ""  # glob: with which peers of a pair; "" means the engine


@dataclass(frozen=True, slots=True)
class Sourced:
    """One documented behaviour of a vendor or product: where it was read, or that it is an assumption."""

    key: str  # "ike.ke", "lifetime.ike"
    value: str  # as a reader of the report sees it
    source: str  # a URL or document title; empty when assumed
    note: str = ""

    @property
    def assumed(self) -> bool:
        """Whether no source says so: then it is a parameter of the emulation, not a claim about the vendor."""
        return not self.source


@dataclass(frozen=True, slots=True)
class Published:
    """What a product proposes and accepts when nobody configures any proposal, and where that was read."""

    policy: PartyPolicy  # without the key exchange of a Child SA: the first one has none (RFC 7296 section 1.2)
    behaviours: tuple[Sourced, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """A vendor's published policy. ``policy`` is both what it offers and what it accepts."""

    name: str  # the folder: "cisco-8000-26.1.1"
    vendor: str
    product: str
    release: str
    rendered_on: str  # the real peer that it is configured on: "strongswan-6.1"
    policy: PartyPolicy
    behaviours: tuple[Sourced, ...]
    fragment_size: int | None = None  # octets
    path: Path = Path()


@dataclass(frozen=True, slots=True)
class Peer:
    """One peer of the matrix: ``strongswan-6.1`` or ``emulated/cisco-8000-26.1.1``."""

    name: str
    title: str  # for a reader: "strongSwan 6.1"
    family: str  # folder under peers/: "strongswan"
    driver: str  # control interface: "vici"
    version: str  # what the daemon must report, as a prefix: "6.1"
    suite: str  # Debian release the image is built on: "forky"
    packages: tuple[str, ...]
    capabilities: Capabilities
    esp_implementation: str = "userspace"  # or "kernel"
    python_packages: tuple[str, ...] = ()  # for pip, each with its hashes: "acme-vpn==1.0 --hash=sha256:..."
    concurrent: bool = True  # whether one daemon takes several cases at a time
    profile: Profile | None = None  # set for an emulated peer
    published: Published | None = None  # a product's own defaults; None where they are not on record
    known_failures: tuple[KnownFailure, ...] = ()
    folder: Path = field(default=Path())
    image_folder: Path | None = None  # where its Dockerfile is, if not in ``folder``
    described_in: tuple[
        Path, ...
    ] = ()  # folders of the files that say what it is: its product's, its own, its profile's
    brought_in: Path | None = None  # the folder outside of this repository that a user gave with --peers

    @property
    def is_harness(self) -> bool:
        """Whether it is our own engine, as the party under test: no product, so it is in no pair of two."""
        return self.name == ENGINE_NAME

    @property
    def emulated(self) -> bool:
        """Whether the peer is only configured with a vendor's published policy; it then never counts as that vendor."""
        return self.profile is not None

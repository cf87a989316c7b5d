"""A scenario: what should happen between two parties, and which sentence of which document says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

from harness.policy.deviation import Deviation
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.registry.documents import section_links


class Parties(StrEnum):
    """Between whom a scenario takes place."""

    ENGINE = "engine"  # our engine and one peer
    PRODUCTS = "products"  # two real products: we watch the wire and ask both sides
    PUBLISHED = "published"  # any two peers, each with its own published policy


class Step(StrEnum):
    """What the two parties do after the IKE SA stands, in the order that the scenario gives."""

    TRAFFIC = "traffic"  # ICMP echo through the Child SA, both ways
    LIVENESS = "liveness"  # an empty INFORMATIONAL request (RFC 7296 section 2.4)
    REKEY_CHILD = "rekey-child"  # of two products: one of them rekeys the Child SA (RFC 7296 section 1.3.3)
    REKEY_IKE = "rekey-ike"  # of two products: one of them rekeys the IKE SA (RFC 7296 section 1.3.2)
    DELETE = "delete"  # the IKE SA is deleted by its initiator (RFC 7296 section 1.4.1)


class Mode(StrEnum):
    """How ESP carries what it protects (RFC 4303 section 3.1)."""

    TUNNEL = "tunnel"  # a whole IP packet, between hosts behind the two ends
    TRANSPORT = "transport"  # what follows the IP header, between the two ends themselves (RFC 7296 section 1.3.1)


class IpVersion(IntEnum):
    """Of the packets that two parties send each other, and of those that ESP carries for their hosts."""

    IPV4 = 4
    IPV6 = 6


class AuthenticationMethod(StrEnum):
    """By what two parties prove to each other who they are (RFC 7296 section 2.15)."""

    PSK = "pre-shared-key"
    CERTIFICATE = "certificate"  # a digital signature (RFC 7427, where both know it) and a CERT payload


class Subject(StrEnum):
    """What a scenario is about: it decides what an emulated vendor, whose policy is its own, can say to it."""

    METHODS = "methods"  # the key exchange methods: a vendor whose policy lacks them is UNSUPPORTED
    OFFER = "offer"  # the shape of this very offer: without common ground the case would end before what it is about
    EXCHANGE = "exchange"  # what happens whatever the suite: both sides take the vendor's published policy


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row of scenarios/requirements.toml: a testable sentence of a document, in our own words."""

    id: str
    source: str
    section: str
    level: str
    text: str

    @property
    def links(self) -> tuple[tuple[str, str], ...]:
        """Each of its sections with the public address; empty where the source is no document."""
        return section_links(self.source, self.section)


@dataclass(frozen=True, slots=True)
class Expect:
    """One assertion: a named check of the verifier, the requirement it speaks for, and its arguments."""

    check: str
    requirement: str
    arguments: dict[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a scenario asks of the parties beyond their policies. Daemon-wide ones give the peer a warm variant."""

    fragment_size: int | None = None  # octets of the whole IP datagram, both parties; None leaves each its default
    require_cookie: bool = False  # the responder demands a COOKIE before it keeps state (RFC 7296 section 2.6)
    wrong_psk: bool = False  # the two parties hold different pre-shared keys
    mode: Mode = Mode.TUNNEL  # of the Child SA
    ip_version: IpVersion = IpVersion.IPV4  # of two products, outside and inside; our engine has IPv4 alone
    authentication: AuthenticationMethod = AuthenticationMethod.PSK  # of two products; our engine has keys alone
    mobike: bool = False  # whether the product may use MOBIKE (RFC 4555), and with it port 4500 from IKE_AUTH on
    as_written: bool = False  # a product is configured with its half as it stands, be it beyond its capability sheet
    announce_intermediate: bool = False  # both parties announce IKE_INTERMEDIATE, needed or not (RFC 9242 section 3.1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file, validated. ``offer`` is the initiator's policy, ``accept`` the responder's."""

    id: str
    title: str
    requirements: tuple[Requirement, ...]
    offer: PartyPolicy
    accept: PartyPolicy
    expect: tuple[Expect, ...]
    roles: tuple[Role, ...] = (Role.INITIATOR, Role.RESPONDER)
    role_reason: str = ""  # why a role is missing from ``roles``
    settings: Settings = Settings()
    steps: tuple[Step, ...] = (Step.TRAFFIC, Step.DELETE)
    subject: Subject = Subject.METHODS
    parties: Parties = Parties.ENGINE
    expects_refusal: bool = False  # the scenario itself asks for a clean refusal: REFUSED is then a PASS
    deviation: Deviation | None = None  # how our engine misbehaves in it
    path: Path = Path()

    @property
    def topic(self) -> str:
        """The folder of the scenario: what stands before the slash of its id."""
        return self.id.partition("/")[0]

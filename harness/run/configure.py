"""Both sides of a case as the lab and the worker need them: a connection at each product, a job for our engine."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address

from harness.crypto.certificates import Authority
from harness.lab.driver import VERB_S, Authentication, Connection, DaemonSettings, PreSharedKey
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.run.case import Case
from harness.scenario.model import AuthenticationMethod, IpVersion, Mode, Parties
from harness.scenario.peer import Peer
from harness.transport.job import Job

PEER_INNER = "10.99.0.1"
_ENGINE_INNER_BASE = IPv4Address("10.100.0.0")
_INNER_BASES: dict[IpVersion, IPv4Address | IPv6Address] = {
    IpVersion.IPV4: IPv4Address("10.128.0.0"),
    IpVersion.IPV6: IPv6Address("2001:db8:128::"),  # for documentation (RFC 3849), so never the run's own network
}
"""Where the inner hosts of two products begin; two for each case."""

_ENGINE_FRAGMENT_OCTETS = 1280  # RFC 7383 section 2.5.1 recommends it for IPv6; strongSwan's default, too
_HALF_OPEN = 5  # at most; a daemon with a threshold of 1 demands a cookie of the second

_COOKIE_THRESHOLD = 1
"""One half-open IKE SA makes strongSwan demand cookies: the least that still lets it be set up (5.9, 6.0, 6.1)."""


@dataclass(frozen=True, slots=True)
class End:
    """One side of an attempt: where it is, who it says it is, and how it proves that."""

    role: Role
    address: str  # outer
    inner: str  # the host behind it; in transport mode the outer address itself
    identity: str  # FQDN
    proof: Authentication = field(repr=False)
    policy: PartyPolicy


@dataclass(frozen=True, slots=True)
class Ends:
    """Both sides of one attempt. ``number`` is unique in the run."""

    number: int
    initiator: End
    responder: End

    @property
    def name(self) -> str:
        """The connection's name at every product, and the case's in the worker."""
        return f"case-{self.number}"

    def of(self, role: Role) -> End:
        """The side in a role."""
        return self.initiator if role is Role.INITIATOR else self.responder


def daemon_settings(case: Case, peer: Peer) -> DaemonSettings:
    """What the case asks of the whole daemon of a peer; each set of settings is a warm variant of its own."""
    settings = case.scenario.settings
    documented = peer.profile.fragment_size if peer.profile else None
    cookie = settings.require_cookie and case.engine is Role.INITIATOR  # else it is ours to demand, or nobody's
    return DaemonSettings(
        fragment_size=settings.fragment_size or documented,  # what the scenario tests comes before what is documented
        cookie_threshold=_COOKIE_THRESHOLD if cookie else None,
    )


def make_ends(case: Case, number: int, initiator_address: str, responder_address: str) -> Ends:
    """Both sides of one attempt at a case, with keys and identities made for it."""
    addresses = initiator_address, responder_address
    names = ("initiator", "responder") if case.engine is None else _names(case.engine)
    identities = tuple(
        _fixed_identity(case, role) or f"{n}-{number}.interop.test" for role, n in zip(Role, names, strict=True)
    )
    proofs, inner = _proofs(case, identities), _inner_hosts(case, number, addresses)
    initiator, responder = (
        End(role, addresses[i], inner[i], identities[i], proofs[i], case.expectation.of(role))
        for i, role in enumerate((Role.INITIATOR, Role.RESPONDER))
    )
    return Ends(number, initiator, responder)


def connection(case: Case, ends: Ends, role: Role, peer: Peer) -> Connection:
    """The case's connection at the peer that plays this role."""
    here, there, settings = ends.of(role), ends.of(role.other), case.scenario.settings
    return Connection(
        name=ends.name,
        role=role,
        local_address=here.address,
        remote_address=there.address,
        local_identity=here.identity,
        remote_identity=there.identity,
        authentication=here.proof,
        policy=here.policy,
        local_inner=here.inner,
        remote_inner=there.inner,
        mode=settings.mode,
        mobike=settings.mobike,
        announce_intermediate=settings.announce_intermediate,
        own_defaults=case.scenario.parties is Parties.PUBLISHED and not peer.emulated,
        fragment_size=daemon_settings(case, peer).fragment_size,
    )


def job(case: Case, ends: Ends) -> Job:
    """Our engine's part of a case.

    Raises:
        ValueError: it takes no part.
    """
    if case.engine is None:
        raise ValueError(f"{case.id}: our engine takes no part")
    settings, initiator = case.scenario.settings, case.engine is Role.INITIATOR
    ours, theirs = ends.of(case.engine), ends.of(case.engine.other)
    assert isinstance(ours.proof, PreSharedKey), "our engine has keys alone"
    return Job(
        case=ends.name,
        role=case.engine,
        address=ours.address,
        peer_address=theirs.address,
        identity=ours.identity,
        peer_identity=theirs.identity,
        psk=ours.proof.octets,
        policy=ours.policy,
        inner_address=ours.inner,
        peer_inner_address=theirs.inner,
        mode=settings.mode,
        announce_intermediate=settings.announce_intermediate,
        steps=case.scenario.steps,
        fragment_octets=settings.fragment_size or _ENGINE_FRAGMENT_OCTETS,
        require_cookie=settings.require_cookie and not initiator,
        half_open=_HALF_OPEN if settings.require_cookie and initiator else 0,
        deviation=case.scenario.deviation,
        echo=case.expectation.echo,
        verb=VERB_S,
        listen_on=case.expectation.reaction is not None and not initiator and not case.expectation.establishes,
    )


def _fixed_identity(case: Case, role: Role) -> str:
    party = case.party(role)
    return party.capabilities.identity if isinstance(party, Peer) else ""


def _names(engine: Role) -> tuple[str, str]:
    return ("engine", "peer") if engine is Role.INITIATOR else ("peer", "engine")


def _proofs(case: Case, identities: tuple[str, ...]) -> tuple[Authentication, Authentication]:
    """By what the two authenticate: a key of the case's own, or a certificate each.

    A key is 32 hexadecimal digits, so that any product's configuration can hold it; both know it, unless the scenario
    wants them to differ.
    """
    if case.scenario.settings.authentication is AuthenticationMethod.CERTIFICATE:
        return _authority().issue(identities[0]), _authority().issue(identities[1])
    shared = _new_key()
    ours = _new_key() if case.scenario.settings.wrong_psk else shared
    return (ours, shared) if case.engine is Role.INITIATOR else (shared, ours)


def _new_key() -> PreSharedKey:
    return PreSharedKey(secrets.token_hex(16).encode())


@cache
def _authority() -> Authority:
    """One for a run: some products keep the authorities that they found for minutes."""
    return Authority(f"interop test authority {secrets.token_hex(4)}", datetime.now(UTC))


def _inner_hosts(case: Case, number: int, addresses: tuple[str, str]) -> tuple[str, str]:
    """Who talks through the Child SA, at initiator and responder: in transport mode the two ends themselves."""
    settings = case.scenario.settings
    if settings.mode is Mode.TRANSPORT:
        return addresses
    if case.engine is None:
        base = _INNER_BASES[settings.ip_version] + 2 * number
        return str(base), str(base + 1)
    ours = str(_ENGINE_INNER_BASE + number)
    return (ours, PEER_INNER) if case.engine is Role.INITIATOR else (PEER_INNER, ours)

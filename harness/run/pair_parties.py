"""The two halves of a case of two products as the lab needs them: a connection at each."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from ipaddress import IPv4Address, IPv6Address

from harness.crypto.certificates import Authority
from harness.emulation import profile_connection
from harness.lab.driver import Authentication, Connection, DaemonSettings, PreSharedKey
from harness.run.pair_plan import PairCase
from harness.scenario.model import AuthenticationMethod, IpVersion, Parties, Role

_INNER_BASES: dict[IpVersion, IPv4Address | IPv6Address] = {
    IpVersion.IPV4: IPv4Address("10.128.0.0"),
    IpVersion.IPV6: IPv6Address("2001:db8:128::"),  # for documentation (RFC 3849), so never the run's own network
}

Halves = tuple[Connection, Connection]


def pair_daemon_settings(case: PairCase) -> tuple[DaemonSettings, DaemonSettings]:
    """What the case asks of the two daemons; the initiator's first."""
    initiator, responder = (
        profile_connection.daemon_settings(peer, replace(case.scenario.settings, require_cookie=False))
        for peer in case.peers
    )
    return initiator, responder


def halves(case: PairCase, number: int, addresses: tuple[str, str]) -> Halves:
    """The connections at initiator and responder; ``number`` is unique in the run."""
    inner = _inner(number, case.scenario.settings.ip_version)
    identities = f"initiator-{number}.interop.test", f"responder-{number}.interop.test"
    proofs = _proofs(case, identities)
    policies = case.expectation.initiator, case.expectation.responder
    daemons = pair_daemon_settings(case)
    initiator, responder = (
        Connection(
            name=f"case-{number}",
            role=role,
            local_address=addresses[local],
            remote_address=addresses[1 - local],
            local_identity=identities[local],
            remote_identity=identities[1 - local],
            authentication=proofs[local],
            policy=policies[local],
            local_inner=inner[local],
            remote_inner=inner[1 - local],
            mobike=case.scenario.settings.mobike,
            fragment_size=daemons[local].fragment_size,
            own_defaults=case.scenario.parties is Parties.PUBLISHED and not case.peers[local].emulated,
        )
        for local, role in enumerate((Role.INITIATOR, Role.RESPONDER))
    )
    return initiator, responder


def _proofs(case: PairCase, identities: tuple[str, str]) -> tuple[Authentication, Authentication]:
    """By what the two authenticate: a key of the case's own that both know, or a certificate each."""
    if case.scenario.settings.authentication is AuthenticationMethod.CERTIFICATE:
        return _authority().issue(identities[0]), _authority().issue(identities[1])
    shared = PreSharedKey(secrets.token_hex(16).encode())
    return shared, shared


@cache
def _authority() -> Authority:
    """One for a run: some products keep the authorities that they found for minutes."""
    return Authority(f"interop test authority {secrets.token_hex(4)}", datetime.now(UTC))


def _inner(number: int, version: IpVersion) -> tuple[str, str]:
    """Inner hosts of the case's own, behind initiator and responder."""
    base = _INNER_BASES[version] + 2 * number
    return str(base), str(base + 1)

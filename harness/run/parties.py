"""The two halves of a case as the lab and the worker need them: a connection at the peer, a job for the engine."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address

from harness.emulation import profile_connection
from harness.lab.driver import Connection, DaemonSettings, PreSharedKey
from harness.run.plan import Case
from harness.scenario.model import Mode, Role
from harness.transport.job import Job

PEER_INNER = "10.99.0.1"
_ENGINE_INNER_BASE = int(IPv4Address("10.100.0.0"))
_ENGINE_FRAGMENT_OCTETS = 1280  # RFC 7383 section 2.5.1 recommends it for IPv6; strongSwan's default, too
_HALF_OPEN = 1


@dataclass(frozen=True, slots=True)
class CaseSecrets:
    """The pre-shared key of one attempt, made for it: printable, so that any product's configuration can hold it."""

    peer: bytes = field(repr=False)
    engine: bytes = field(repr=False)


def make_secrets(case: Case) -> CaseSecrets:
    """32 hexadecimal digits for each side: the same, unless the scenario wants them to differ."""
    shared = secrets.token_hex(16).encode()
    differing = secrets.token_hex(16).encode() if case.scenario.settings.wrong_psk else shared
    return CaseSecrets(shared, differing)


def daemon_settings(case: Case) -> DaemonSettings:
    """What the case asks of the whole daemon; each set of settings is a warm variant of its own."""
    settings = case.scenario.settings
    cookie = settings.require_cookie and case.role is Role.INITIATOR  # else it is ours to demand
    return profile_connection.daemon_settings(case.peer, replace(settings, require_cookie=cookie))


def connection(case: Case, number: int, address: str, peer_address: str, keys: CaseSecrets) -> Connection:
    """The case's connection at the peer; ``number`` is unique in the run, ``address`` is the engine's."""
    engine_inner, peer_inner = _inner_hosts(case, number, address, peer_address)
    return Connection(
        name=f"case-{number}",
        role=Role.RESPONDER if case.role is Role.INITIATOR else Role.INITIATOR,
        local_address=peer_address,
        remote_address=address,
        local_identity=f"peer-{number}.interop.test",
        remote_identity=f"engine-{number}.interop.test",
        authentication=PreSharedKey(keys.peer),
        policy=case.expectation.peer,
        local_inner=peer_inner,
        remote_inner=engine_inner,
        mode=case.scenario.settings.mode,
        mobike=case.scenario.settings.mobike,
        announce_intermediate=case.scenario.settings.announce_intermediate,
        fragment_size=daemon_settings(case).fragment_size,
    )


def job(case: Case, number: int, address: str, peer_address: str, keys: CaseSecrets) -> Job:
    """The engine's part of the case."""
    settings = case.scenario.settings
    initiator = case.role is Role.INITIATOR
    engine_inner, peer_inner = _inner_hosts(case, number, address, peer_address)
    return Job(
        case=f"case-{number}",
        role=case.role,
        address=address,
        peer_address=peer_address,
        identity=f"engine-{number}.interop.test",
        peer_identity=f"peer-{number}.interop.test",
        psk=keys.engine,
        policy=case.expectation.engine,
        inner_address=engine_inner,
        peer_inner_address=peer_inner,
        mode=settings.mode,
        announce_intermediate=settings.announce_intermediate,
        steps=case.scenario.steps,
        fragment_octets=settings.fragment_size or _ENGINE_FRAGMENT_OCTETS,
        require_cookie=settings.require_cookie and not initiator,
        half_open=_HALF_OPEN if settings.require_cookie and initiator else 0,
        deviation=case.scenario.deviation,
        listen_on=case.expectation.reaction is not None and not initiator and not case.expectation.establishes,
    )


def _inner_hosts(case: Case, number: int, address: str, peer_address: str) -> tuple[str, str]:
    """Who talks through the Child SA, at our end and at the peer's: in transport mode the two ends themselves."""
    if case.scenario.settings.mode is Mode.TRANSPORT:
        return address, peer_address
    return _inner(number), PEER_INNER


def _inner(number: int) -> str:
    """An inner host address of the case's own, from 10.100.0.1 on."""
    return str(IPv4Address(_ENGINE_INNER_BASE + number))

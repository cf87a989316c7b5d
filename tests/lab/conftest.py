"""A lab with real strongSwan daemons, one for all tests of a process, and pairs of them joined by a connection.

Images are built where they are missing.
"""

from __future__ import annotations

import itertools
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from command import interop

from harness.lab.docker.engine import connect
from harness.lab.driver import Connection, PreSharedKey
from harness.lab.errors import DockerUnavailable
from harness.lab.laboratory import Lab, project_root
from harness.lab.running_peer import RunningPeer
from harness.lab.waiting import settled
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.run.progress import up
from harness.scenario.peer_file import load_peers

_numbers = itertools.count(1)

SMALL = ("hybrid/*", "classical/x25519", "negotiation/unknown-transform-type-first", "fragmentation/*")


def proposal(**transforms: str) -> ProposalPolicy:
    """``proposal(encr="aes-256-gcm-16", ke="curve25519 ecp384")``."""
    kinds = {TransformType[kind.upper()]: names.split() for kind, names in transforms.items()}
    return ProposalPolicy({kind: tuple(algorithm(kind, name) for name in names) for kind, names in kinds.items()})


ESP = (proposal(encr="aes-256-gcm-16", sn="no-esn"),)
CLASSICAL = PartyPolicy((proposal(encr="aes-256-gcm-16", prf="hmac-sha2-256", ke="curve25519"),), ESP)
HYBRID = PartyPolicy((proposal(encr="aes-256-gcm-16", prf="hmac-sha2-256", ke="curve25519", addke1="ml-kem-768"),), ESP)


@dataclass
class Pair:
    name: str
    initiator: RunningPeer
    responder: RunningPeer
    initiator_inner: str
    responder_inner: str

    def connect(self, deadline_s: float = 10) -> str:
        """Until both have their Child SA: a responder may install it a moment after it has answered."""
        said = self.initiator.driver.initiate(self.name, deadline_s)
        if not said:
            settled(lambda: self.responder.driver.status(self.name), up, deadline_s=3, interval_s=0.05)
        return said

    def ping(self, count: int = 3) -> str:
        command = ["ping", "-q", "-c", str(count), "-i", "0.02", "-W", "2", "-I", self.initiator_inner]
        return self.initiator.container.run([*command, self.responder_inner])[1]


@contextmanager
def joined(initiator: RunningPeer, responder: RunningPeer, policy: PartyPolicy, other_psk: bool = False):
    """Both sides loaded with the two halves of one connection; unloaded at the end."""
    number = next(_numbers)
    name, psk = f"pair-{number}", secrets.token_bytes(32)
    inner = f"10.90.{number}.1", f"10.90.{number}.2"
    outer, identities = (initiator.address, responder.address), (f"i{number}.lab", f"r{number}.lab")
    sides = ((initiator, Role.INITIATOR, 0, psk), (responder, Role.RESPONDER, 1, secrets.token_bytes(32)))
    try:
        for running, role, local, own in sides:
            key = own if other_psk else psk
            running.driver.load(
                Connection(
                    name, role, outer[local], outer[1 - local], identities[local], identities[1 - local],
                    PreSharedKey(key), policy, inner[local], inner[1 - local],
                )
            )  # fmt: skip
        yield Pair(name, initiator, responder, *inner)
    finally:
        for running in (initiator, responder):
            running.driver.unload(name)


def connection_to(local: str, remote: str) -> Connection:
    """A connection of a product as initiator to an address, where perhaps nobody answers."""
    return Connection(
        "one", Role.INITIATOR, local, remote, "one.lab", "other.lab", PreSharedKey(secrets.token_bytes(32)), HYBRID,
        "10.99.0.1", "10.98.0.1",
    )  # fmt: skip


@pytest.fixture(scope="session")
def docker_client():
    """Without an engine there is no lab to test: the summary says so, and `.ci/run` in a line of its own."""
    try:
        client = connect()
    except DockerUnavailable as error:
        pytest.skip(f"Docker does not run here: {error}")
    yield client
    client.close()


@pytest.fixture(scope="session")
def peers():
    return load_peers(project_root() / "peers")


@pytest.fixture(scope="session")
def lab(docker_client, peers):
    run = f"test-{os.getpid()}-{secrets.token_hex(2)}"
    with Lab(run) as lab:
        lab.prepare([peers[name] for name in ("strongswan-5.9", "strongswan-6.0", "strongswan-6.1")])
        yield lab
    label = {"label": f"ipsec-interop.run={run}"}
    assert docker_client.containers.list(all=True, filters=label) == []
    assert docker_client.networks.list(filters=label) == []


@pytest.fixture(scope="session")
def small_run(docker_client, tmp_path_factory):
    """One run of a few scenarios against the three strongSwan through the command line: its folder."""
    folder = tmp_path_factory.mktemp("acceptance") / "run"
    scenarios = [option for name in SMALL for option in ("--scenario", name)]
    done = interop("run", "--out", folder, "--peer", "strongswan-?.?", *scenarios)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="session")
def pairs():
    """What tests of pairs use."""
    return SimpleNamespace(
        joined=joined, proposal=proposal, connection_to=connection_to, CLASSICAL=CLASSICAL, HYBRID=HYBRID
    )

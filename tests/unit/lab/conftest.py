"""Peers and connections that the lab's unit tests share."""

from pathlib import Path

import pytest

from harness.lab.driver import Connection, PreSharedKey
from harness.lab.laboratory import project_root
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.peer import Capabilities, Peer


def _algorithms(kind: TransformType, *names: str):
    return tuple(algorithm(kind, name) for name in names)


@pytest.fixture
def root() -> Path:
    return project_root()


@pytest.fixture
def peer(root) -> Peer:
    return Peer(
        name="strongswan-6.1", title="strongSwan 6.1", family="strongswan", driver="vici", version="6.1",
        suite="forky", packages=("charon-systemd",), capabilities=Capabilities({}, {}, True),
        folder=root / "peers" / "strongswan",
    )  # fmt: skip


@pytest.fixture
def connection() -> Connection:
    ike = ProposalPolicy(
        {
            TransformType.ENCR: _algorithms(TransformType.ENCR, "aes-256-gcm-16"),
            TransformType.PRF: _algorithms(TransformType.PRF, "hmac-sha2-256"),
            TransformType.KE: _algorithms(TransformType.KE, "curve25519"),
            TransformType.ADDKE1: _algorithms(TransformType.ADDKE1, "ml-kem-768"),
        }
    )
    esp = ProposalPolicy(
        {
            TransformType.ENCR: _algorithms(TransformType.ENCR, "aes-256-gcm-16"),
            TransformType.SN: _algorithms(TransformType.SN, "no-esn"),
        }
    )
    return Connection(
        name="case-7", role=Role.RESPONDER, local_address="172.18.0.3", remote_address="172.18.128.7",
        local_identity="peer.lab", remote_identity="engine-7.lab",
        authentication=PreSharedKey(b"\x00key"), policy=PartyPolicy((ike,), (esp,)),
        local_inner="10.99.0.1", remote_inner="10.98.0.7",
    )  # fmt: skip

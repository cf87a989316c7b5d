"""Evidence of a case made in one process: two engines talk, every datagram becomes a frame, nothing is mocked."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path as FilePath
from types import SimpleNamespace

import pytest
from scapy.layers.inet import IP, UDP, fragment
from scapy.layers.l2 import Ether

from harness.evidence.model import CaseFacts, Conversation, Frame
from harness.evidence.model import Side as FactsSide
from harness.evidence.store import EvidenceFolder
from harness.evidence.wireshark import tables_of
from harness.ike.configuration import Address, Configuration, Identity, Path
from harness.ike.selectors import network_selector
from harness.ike.session import Session
from harness.policy.proposals import ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.identities import IdentificationType
from harness.registry.transforms import TransformType
from harness.transport.recorder import Recorder
from harness.transport.tunnel import Tunnel

ENGINE, PEER = ("198.51.100.1", 500), ("198.51.100.2", 500)
FACTS = CaseFacts(
    "hybrid/x@strongswan-6.1@initiator", "hybrid/x", FactsSide("engine", address=ENGINE[0]),
    FactsSide("strongswan-6.1", "6.1.0", "id", address=PEER[0]), engine=Role.INITIATOR,
)  # fmt: skip
AEAD = {"ENCR": "aes-256-gcm-16"}
CBC = {"ENCR": "aes-128-cbc", "INTEG": "hmac-sha2-256-128"}


def policy(transforms: dict[str, str]) -> tuple[ProposalPolicy]:
    kinds = {TransformType[kind]: name for kind, name in transforms.items()}
    return (ProposalPolicy({kind: (algorithm(kind, name),) for kind, name in kinds.items()}),)


def frames_of(source: Address, destination: Address, payload: bytes, at: float, mtu: int = 1500) -> list[Frame]:
    packet = Ether() / IP(src=source[0], dst=destination[0], id=int(at * 10_000) & 0xFFFF)
    packet = packet / UDP(sport=source[1], dport=destination[1]) / payload
    return [Frame(at, bytes(piece)) for piece in fragment(packet, fragsize=mtu - 20)]


class Side:
    """One engine and all that it leaves behind."""

    def __init__(self, initiator: bool, ike: dict[str, str], esp: dict[str, str]) -> None:
        ours, theirs = (ENGINE, PEER) if initiator else (PEER, ENGINE)
        names = ("engine", "peer") if initiator else ("peer", "engine")
        own, other = [Identity(IdentificationType.ID_FQDN, name.encode()) for name in names]
        inner = ("10.9.0.1", "10.9.0.2") if initiator else ("10.9.0.2", "10.9.0.1")
        local, remote = [(network_selector(f"{address}/32"),) for address in inner]
        made = Configuration(
            initiator, Path(ours, theirs), policy(ike), policy(esp), own, other, b"a pre-shared key", local, remote
        )
        self.session, self.recorder, self.inner = Session(made, os.urandom), Recorder(), inner

    def take_events(self, at: float) -> None:
        while (event := self.session.next_event()) is not None:
            self.recorder.take(event, at)

    def tunnel(self) -> Tunnel:
        assert self.recorder.child is not None, self.recorder.trace
        return Tunnel(self.recorder.child, *self.inner, os.urandom)


def converse(ike: dict[str, str], esp: dict[str, str]) -> Conversation:
    """An IKE SA, three echo requests and replies in UDP, as the initiator saw it."""
    engine, peer = Side(True, ike, esp), Side(False, ike, esp)
    frames: list[Frame] = []
    at = 1_790_000_000.0
    engine.session.start(at)
    moved = True
    while moved:
        moved = False
        for sender, receiver in ((engine, peer), (peer, engine)):
            for datagram in sender.session.datagrams_to_send(at):
                moved, at = True, at + 0.001
                path = datagram.path
                frames += frames_of(path.local, path.remote, datagram.payload, at)
                receiver.session.receive_datagram(datagram.payload, Path(path.remote, path.local), at)
            sender.take_events(at - 1_790_000_000.0)
            receiver.take_events(at - 1_790_000_000.0)
    there, back = engine.tunnel(), peer.tunnel()
    for _ in range(3):
        at += 0.01
        request = there.request(7)
        reply = back.receive(request)
        assert reply is not None
        there.receive(reply)
        frames += frames_of((ENGINE[0], 4500), (PEER[0], 4500), request, at)
        frames += frames_of((PEER[0], 4500), (ENGINE[0], 4500), reply, at + 0.001)
    recorder = engine.recorder
    secrets = recorder.secrets(engine.session.keylog, engine.session.spis, b"a pre-shared key")
    report = recorder.report(type(engine.session.state).__name__, there.count(), "")
    return Conversation(tuple(recorder.trace), secrets, report, tuple(frames))


@pytest.fixture
def lab(tmp_path: FilePath) -> SimpleNamespace:
    """What these tests share: ``record(ike, esp)`` leaves an evidence folder, ``frames_of`` makes frames."""

    def record(ike: dict[str, str], esp: dict[str, str]) -> EvidenceFolder:
        folder = EvidenceFolder(tmp_path / "evidence")
        folder.write_facts(FACTS)
        conversation = converse(ike, esp)
        folder.write_conversation(conversation, tables_of(conversation, FACTS))
        return folder

    hybrid = {"PRF": "hmac-sha2-256", "KE": "curve25519", "ADDKE1": "ml-kem-768"}
    made: Callable[..., EvidenceFolder] = record
    return SimpleNamespace(record=made, converse=converse, frames_of=frames_of, facts=FACTS, hybrid=hybrid)

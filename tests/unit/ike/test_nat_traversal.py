"""NAT detection, the move to port 4500, and answers to wherever requests come from (RFC 7296 sections 2.11, 2.23)."""

from __future__ import annotations

import pytest
from engine_arrows import assert_established, from_initiator, message_of
from engine_pair import EnginePair, pair, policy, run

from harness.ike.configuration import Datagram, Path
from harness.ike.events import LivenessAnswered
from harness.ike.nat import detection_hash, detection_payloads, nat_seen
from harness.registry.messages import ExchangeType
from harness.wire.message import Header, Message

POLICY = policy(ke="curve25519", addke1="ecp256")
OUTSIDE = ("198.51.100.7", 40000)


class Nat:
    """Between the two: the initiator's packets leave from another address, a new port for each of its own."""

    def __init__(self, engines: EnginePair) -> None:
        self.engines = engines
        self.ports: dict[int, int] = {}

    def outside(self, port: int) -> tuple[str, int]:
        return OUTSIDE[0], self.ports.setdefault(port, OUTSIDE[1] + len(self.ports))

    def deliver(self) -> None:
        for _ in range(50):
            out = self.engines.initiator.datagrams_to_send(0.0)
            back = self.engines.responder.datagrams_to_send(0.0)
            if not out and not back:
                break
            for datagram in out:
                path = Path(datagram.path.remote, self.outside(datagram.path.local[1]))
                self.engines.wire.append(datagram)
                self.engines.responder.receive_datagram(datagram.payload, path, 0.0)
            for datagram in back:
                own = {outer: inner for inner, outer in self.ports.items()}.get(datagram.path.remote[1])
                if datagram.path.remote[0] != OUTSIDE[0] or own is None:
                    continue  # nobody is there
                self.engines.wire.append(datagram)
                self.engines.initiator.receive_datagram(
                    datagram.payload, Path(("192.0.2.1", own), datagram.path.local), 0.0
                )
        self.engines.deliver()  # collects the events


def test_without_a_nat_everything_stays_on_port_500() -> None:
    engines = run(pair(POLICY))
    assert {datagram.path.local[1] for datagram in engines.wire} == {500}


def test_behind_a_nat_the_initiator_moves_to_port_4500_with_the_first_ike_intermediate() -> None:
    engines = pair(POLICY)
    engines.initiator.start(0.0)
    Nat(engines).deliver()
    assert_established(engines)
    for datagram in engines.wire:
        first = message_of(datagram).header.exchange_type == ExchangeType.IKE_SA_INIT
        assert datagram.path.local[1] == (500 if first else 4500)
        assert (datagram.payload[:4] == bytes(4)) == (not first)


def test_the_responder_s_own_requests_follow_the_initiator() -> None:
    engines = pair(POLICY)
    engines.initiator.start(0.0)
    nat = Nat(engines)
    nat.deliver()
    engines.responder.send_liveness(0.0)
    (request,) = engines.responder._machine.outbox
    assert request.path == Path(("192.0.2.2", 4500), (OUTSIDE[0], OUTSIDE[1] + 1))
    nat.deliver()
    assert engines.of("responder", LivenessAnswered)


def test_a_new_mapping_of_the_nat_is_followed_and_answered() -> None:
    engines = pair(POLICY)
    engines.initiator.start(0.0)
    nat = Nat(engines)
    nat.deliver()
    nat.ports[4500] = 50000
    engines.initiator.send_liveness(0.0)
    nat.deliver()
    assert engines.of("initiator", LivenessAnswered)
    assert engines.responder.state.agreement.path.remote == (OUTSIDE[0], 50000)  # type: ignore[union-attr]


def test_an_unauthentic_request_moves_nothing() -> None:
    engines = run(pair(POLICY))
    before = engines.responder.state.agreement.path  # type: ignore[union-attr]
    engines.initiator.send_liveness(0.0)
    (request,) = engines.initiator.datagrams_to_send(0.0)
    forged = request.payload[:-1] + bytes((request.payload[-1] ^ 1,))
    engines.responder.receive_datagram(forged, Path(("192.0.2.2", 500), ("203.0.113.9", 500)), 0.0)
    assert engines.responder.state.agreement.path == before  # type: ignore[union-attr]


def test_everything_may_begin_on_port_4500() -> None:
    paths = {"initiator": ("192.0.2.1", "192.0.2.2"), "responder": ("192.0.2.2", "192.0.2.1")}
    changes = {f"{name}_path": Path((own, 4500), (other, 4500)) for name, (own, other) in paths.items()}
    engines = run(pair(POLICY, **changes))
    assert_established(engines)
    assert all(datagram.payload[:4] == bytes(4) for datagram in engines.wire)


def test_answers_go_to_the_source_port_of_the_request() -> None:
    engines = pair(POLICY)
    engines.initiator.start(0.0)
    (request,) = engines.initiator.datagrams_to_send(0.0)
    engines.responder.receive_datagram(request.payload, Path(("192.0.2.2", 500), ("192.0.2.1", 41000)), 0.0)
    (response,) = engines.responder.datagrams_to_send(0.0)
    assert response.path == Path(("192.0.2.2", 500), ("192.0.2.1", 41000))


def test_a_peer_without_nat_traversal_is_never_behind_one() -> None:
    header = Header(bytes(8), bytes(8), ExchangeType.IKE_SA_INIT, 0, 0)
    assert not nat_seen(Message(header, ()), bytes(8), bytes(8), ("192.0.2.1", 500), ("192.0.2.2", 500))


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_either_hash_that_differs_tells_of_a_nat(address: str) -> None:
    here, there, other = (address, 500), (address, 501), (address, 502)
    header = Header(b"initiate", bytes(8), ExchangeType.IKE_SA_INIT, 8, 0)
    message = Message(header, detection_payloads(b"initiate", bytes(8), here, there))
    assert not nat_seen(message, b"initiate", bytes(8), here, there)
    assert nat_seen(message, b"initiate", bytes(8), other, there)
    assert nat_seen(message, b"initiate", bytes(8), here, other)


def test_the_hash_is_sha_1_over_spis_address_and_port() -> None:
    import hashlib

    octets = b"initiate" + b"responds" + bytes((192, 0, 2, 1)) + b"\x01\xf4"
    assert detection_hash(b"initiate", b"responds", ("192.0.2.1", 500)) == hashlib.sha1(octets).digest()


def test_from_initiator_is_told_by_the_address() -> None:
    assert from_initiator(Datagram(Path(("192.0.2.1", 500), ("192.0.2.2", 500)), b""))

"""The capture of each case by itself. The filter is run by the kernel, at sockets that need no right."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from harness.border import limits
from harness.evidence.interruption import Resource
from harness.transport import capture as module
from harness.transport.budget import Budget
from harness.transport.capture import Capture

OURS, INNER, PEER, PEER_INNER = "198.51.100.10", "10.100.0.1", "198.51.100.20", "10.99.0.1"
OTHER, OTHER_INNER = "198.51.100.11", "10.100.0.2"
REAL = socket.socket


class PacketSocket:
    """Stands for a packet socket: what the filter lets pass, and the kernel's counter, which begins anew."""

    def __init__(self, network: Network) -> None:
        self._sender, self._receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.setblocking(False)
        self._interfaces: dict[bytes, str] = {}
        self.drops, self.closed = 0, False
        network.append(self)

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        if option == module._SO_RCVBUFFORCE:
            raise PermissionError
        self._receiver.setsockopt(level, option, value)

    def setblocking(self, _blocking: bool) -> None: ...

    def recv(self, octets: int) -> bytes:
        return self._receiver.recv(octets)

    def recvfrom(self, octets: int) -> tuple[bytes, tuple[str]]:
        frame = self._receiver.recv(octets)
        return frame, (self._interfaces[frame],)

    def getsockopt(self, level: int, option: int, octets: int) -> bytes:
        assert (level, option, octets) == (263, 6, 8)
        drops, self.drops = self.drops, 0
        return struct.pack("=II", 100 + drops, drops)

    def close(self) -> None:
        self.closed = True

    def arrive(self, octets: bytes, interface: str) -> None:
        self._interfaces[octets] = interface
        self._sender.send(octets)


class Network(list[PacketSocket]):
    """Every frame comes to every socket."""

    def arrive(self, source: str, destination: str, interface: str = "eth0", data: bytes = b"") -> bytes:
        header = bytes(12) + socket.inet_aton(source) + socket.inet_aton(destination)
        octets = bytes(12) + b"\x08\x00" + header + data
        for each in self:
            each.arrive(octets, interface)
        return octets


class Loop(asyncio.AbstractEventLoop):
    def __init__(self) -> None:
        self.reading: list[object] = []

    def add_reader(self, what: object, *_arguments: object) -> None:
        self.reading.append(what)

    def remove_reader(self, what: object) -> bool:
        self.reading.remove(what)
        return True


@pytest.fixture
def network(monkeypatch):
    made = Network()

    def new(family=socket.AF_INET, *rest):
        return PacketSocket(made) if family == socket.AF_PACKET else REAL(family, *rest)

    monkeypatch.setattr(socket, "socket", new)
    return made


@pytest.fixture
def loop():
    return Loop()


@pytest.fixture
def watching(network, loop):
    return Capture(loop)


def watch(watching, ours=(OURS, INNER), theirs=(PEER, PEER_INNER)):
    return watching.watch(ours, theirs, Budget())


def test_frames_of_the_outer_and_the_inner_addresses_are_kept_in_order(watching, network, loop):
    watched = watch(watching)
    ends = ((OURS, PEER), (PEER_INNER, INNER), (PEER, OURS), (INNER, PEER_INNER), (PEER, INNER))
    wanted = [network.arrive(*each) for each in ends]
    network.arrive(PEER, OTHER)
    network.arrive(PEER_INNER, PEER)
    network.arrive(OTHER, OURS)
    network.arrive(OTHER, INNER)
    network.arrive(OURS, PEER, interface="lo", data=b"lo")
    frames, drops = watching.collect(watched)
    assert [frame.octets for frame in frames] == wanted
    assert drops == 0
    assert (loop.reading, [each.closed for each in network]) == ([], [True])


def test_each_case_has_its_own_frames(watching, network):
    """Two may have one of their addresses in common: the initiator's, of two pairs."""
    cases = [watch(watching), watch(watching, (OTHER, OTHER_INNER)), watch(watching, (OURS,), (OTHER,))]
    wanted = [network.arrive(PEER, OURS), network.arrive(PEER, OTHER), network.arrive(OTHER, OURS)]
    for case, octets in zip(cases, wanted, strict=True):
        assert [frame.octets for frame in watching.collect(case)[0]] == [octets]


def test_each_case_is_told_of_its_own_drops_alone(watching, network):
    one, other = watch(watching), watch(watching, (OTHER, OTHER_INNER))
    network[0].drops = 3
    assert watching.collect(one)[1] == 3
    assert watching.collect(other)[1] == 0


def test_an_address_that_is_outer_and_inner_at_once_is_watched_once(watching, network):
    watched = watch(watching, (OURS, OURS), (PEER, PEER))
    first = network.arrive(OURS, PEER)
    assert [frame.octets for frame in watching.collect(watched)[0]] == [first]


def test_a_flood_ends_its_own_capture_and_no_other(watching, network, loop):
    flooded = watch(watching)
    calm = watch(watching, (OTHER, OTHER_INNER))
    wanted = network.arrive(PEER, OTHER)
    for _ in range(limits.CASE_FRAMES // 50 + 1):
        for _ in range(50):
            network.arrive(PEER, OURS)
        watching._read(flooded)
    assert flooded.budget.overrun.resource is Resource.FRAMES
    assert flooded.budget.overrun.flooder == PEER
    assert network[0].closed
    assert loop.reading == [network[1]]
    assert len(watching.collect(flooded)[0]) == limits.CASE_FRAMES
    assert calm.budget.overrun is None
    assert [frame.octets for frame in watching.collect(calm)[0]] == [wanted]


def test_after_some_frames_it_is_somebody_elses_turn(watching, network):
    watched = watch(watching)
    for _ in range(module._FRAMES_AT_A_TIME + 6):
        network.arrive(PEER, OURS)
    assert watching._read(watched)
    assert len(watched.frames) == module._FRAMES_AT_A_TIME
    assert not watching._read(watched)
    assert len(watching.collect(watched)[0]) == module._FRAMES_AT_A_TIME + 6

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from unittest.mock import patch

import pytest

from harness.transport.capture import Capture

OURS, INNER, PEER, PEER_INNER = "198.51.100.10", "10.100.0.1", "198.51.100.20", "10.99.0.1"


class PacketSocket:
    """Stands for a packet socket: frames to read, and the kernel's counter, which begins anew at each reading."""

    def __init__(self) -> None:
        self.frames: deque[tuple[bytes, tuple[str]]] = deque()
        self.drops = 0

    def setsockopt(self, *_arguments: object) -> None: ...

    def setblocking(self, _blocking: bool) -> None: ...

    def fileno(self) -> int:
        return -1

    def recvfrom(self, _octets: int) -> tuple[bytes, tuple[str]]:
        if not self.frames:
            raise BlockingIOError
        return self.frames.popleft()

    def getsockopt(self, level: int, option: int, octets: int) -> bytes:
        assert (level, option, octets) == (263, 6, 8)
        drops, self.drops = self.drops, 0
        return struct.pack("=II", 100 + drops, drops)

    def arrive(self, source: str, destination: str, interface: str = "eth0") -> bytes:
        header = bytes(12) + socket.inet_aton(source) + socket.inet_aton(destination)
        octets = bytes(12) + b"\x08\x00" + header
        self.frames.append((octets, (interface,)))
        return octets


class Loop(asyncio.AbstractEventLoop):
    def add_reader(self, *_arguments: object) -> None: ...


@pytest.fixture
def kernel():
    stand_in = PacketSocket()
    with patch.object(socket, "socket", lambda *_arguments: stand_in):
        yield stand_in


def test_frames_of_the_outer_and_the_inner_address_are_kept_in_order(kernel):
    watching = Capture(Loop())
    watching.watch(OURS, INNER)
    wanted = [kernel.arrive(*ends) for ends in ((OURS, PEER), (PEER_INNER, INNER), (PEER, OURS), (INNER, PEER_INNER))]
    kernel.arrive(PEER, "198.51.100.11")
    kernel.arrive(PEER_INNER, PEER)
    kernel.arrive(OURS, OURS, interface="lo")
    frames, drops = watching.collect(OURS, INNER)
    assert [frame.octets for frame in frames] == wanted
    assert drops == 0


def test_each_case_has_its_own_frames(kernel):
    watching = Capture(Loop())
    watching.watch(OURS, INNER)
    watching.watch("198.51.100.11", "10.100.0.2")
    first, second = kernel.arrive(PEER, OURS), kernel.arrive(PEER, "198.51.100.11")
    assert [frame.octets for frame in watching.collect(OURS, INNER)[0]] == [first]
    assert [frame.octets for frame in watching.collect("198.51.100.11", "10.100.0.2")[0]] == [second]


def test_each_case_is_told_of_what_was_dropped_while_it_ran(kernel):
    watching = Capture(Loop())
    kernel.drops = 5  # before any case
    watching.watch(OURS, INNER)
    kernel.drops = 2
    watching.watch("198.51.100.11", "10.100.0.2")  # this reading sets the counter back
    kernel.drops = 1
    assert watching.collect(OURS, INNER)[1] == 3
    assert watching.collect("198.51.100.11", "10.100.0.2")[1] == 1


def test_an_address_that_is_outer_and_inner_at_once_is_watched_once(kernel):
    watching = Capture(Loop())
    watching.watch(OURS, OURS)
    first = kernel.arrive(OURS, PEER)
    assert [frame.octets for frame in watching.collect(OURS, OURS)[0]] == [first]

"""The capture: the frames of each case, from a packet socket of its own that the kernel filters by its addresses."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

from harness.evidence.model import Frame
from harness.transport.budget import Budget
from harness.transport.packet_filter import attach, frames_between

_ETH_P_ALL = 0x0003
_SOURCES = {b"\x08\x00": slice(26, 30), b"\x86\xdd": slice(22, 38)}
"""Where a frame's source address stands, by its EtherType: IPv4, IPv6."""
_FRAME_OCTETS = 65536
_FRAMES_AT_A_TIME = 64  # then it is somebody else's turn
_BUFFER_OCTETS = 4 << 20
_SO_RCVBUFFORCE = 33  # Linux: as SO_RCVBUF, beyond what others may have; needs CAP_NET_ADMIN
_SOL_PACKET, _PACKET_STATISTICS = 263, 6  # Linux: if_packet.h
_STATISTICS = struct.Struct("=II")  # tp_packets, tp_drops


W = TypeVar("W")


class Keeper(Protocol[W]):
    """Keeps the frames of each case."""

    def watch(self, ours: Sequence[str], theirs: Sequence[str], budget: Budget) -> W:
        """Begin to keep what goes between our addresses and the other side's; the outer one of each is the first."""

    def collect(self, watched: W) -> tuple[tuple[Frame, ...], int]:
        """The frames since ``watch``, and how many were lost meanwhile; nothing more is kept."""


class Capture:
    """A packet socket for each case: what floods one fills no other's buffer, and loses no other's frames.

    Seen is what the interface carries between the addresses of the two sides: the outer ones, and the inner ones, in
    case that inner packets go there outside ESP. What the kernel drops because nobody read in time it only counts. A
    case whose budget is spent keeps no more.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def watch(self, ours: Sequence[str], theirs: Sequence[str], budget: Budget) -> Watched:
        """See Keeper. Raises OSError without CAP_NET_RAW."""
        watched = Watched(_packet_socket(frames_between(ours, theirs)), budget)
        self._loop.add_reader(watched.socket, self._read, watched)
        return watched

    def collect(self, watched: Watched) -> tuple[tuple[Frame, ...], int]:
        """See Keeper."""
        while not watched.over and self._read(watched):
            pass
        if not watched.over:
            self._end(watched)
        return tuple(watched.frames), watched.drops

    def _read(self, watched: Watched) -> bool:
        """Keep what has come, up to a number of frames; whether there may be more."""
        for _ in range(_FRAMES_AT_A_TIME):
            try:
                octets, origin = watched.socket.recvfrom(_FRAME_OCTETS)
            except BlockingIOError:
                return False
            if origin[0] == "lo":
                continue
            if not watched.budget.frame(len(octets), octets[_SOURCES[octets[12:14]]]):
                self._end(watched)
                return False
            watched.frames.append(Frame(time.time(), octets))
        return True

    def _end(self, watched: Watched) -> None:
        self._loop.remove_reader(watched.socket)
        watched.drops = _drops(watched.socket)
        watched.over = True
        watched.socket.close()


class Watched:
    """One case that is being captured."""

    def __init__(self, packets: socket.socket, budget: Budget) -> None:
        self.socket, self.budget = packets, budget
        self.frames: list[Frame] = []
        self.drops = 0
        self.over = False


def _packet_socket(program: bytes) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    try:
        attach(packets, program)
        packets.setblocking(False)
        try:
            packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER_OCTETS)
        except PermissionError:
            packets.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_OCTETS)
        with suppress(BlockingIOError):
            while True:  # what came before the filter
                packets.recv(_FRAME_OCTETS)
        _drops(packets)
    except OSError:
        packets.close()
        raise
    return packets


def _drops(packets: socket.socket) -> int:
    """Frames that the kernel dropped; its counter begins anew at each reading."""
    octets = packets.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
    return int(_STATISTICS.unpack(octets)[1])

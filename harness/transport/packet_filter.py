"""Filters that the kernel runs on what arrives at a socket: classic BPF, as packet sockets and UDP sockets take it.

A case hears its own peer alone. What somebody else sends to its address, or what is sent to another case, costs this
process nothing, and takes no room in its buffers.
"""

from __future__ import annotations

import ctypes
import ipaddress
import socket
import struct
from collections.abc import Iterable, Sequence

_SO_ATTACH_FILTER = 26  # Linux: asm-generic/socket.h
_INSTRUCTION = struct.Struct("=HBBI")  # code, jump if true, jump if false, operand
_PROGRAM = struct.Struct("@HP")  # number of instructions, where they are

_LOAD_WORD, _LOAD_HALF, _JUMP_EQUAL, _RETURN = 0x20, 0x28, 0x15, 0x06
_WHOLE, _NOTHING = 0xFFFFFFFF, 0
_NETWORK_HEADER = -0x100000 & 0xFFFFFFFF  # an operand from here on counts from the IP header, whatever the socket

_ETHER_TYPE, _ETHERNET_OCTETS = 12, 14
_IPV4, _IPV6 = 0x0800, 0x86DD
_SOURCE = {4: 12, 6: 8}  # where the source address begins in an IP header, by version; the destination follows it
_OCTETS = {4: 4, 6: 16}

Line = tuple[int, int, str, str]
"""An instruction: code, operand, and the labels to go to; "" is the next line."""


class _Program:
    """Lines with labels, put together to instructions."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._labels: dict[str, int] = {}
        self._count = 0

    def add(self, code: int, operand: int, true: str = "", false: str = "") -> None:
        self._lines.append((code, operand, true, false))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._lines)

    def new_label(self) -> str:
        self._count += 1
        return f"local {self._count}"

    def one_of(self, addresses: Iterable[bytes], at: int, hit: str, miss: str) -> None:
        """Go to ``hit`` if one of the addresses stands at this place, else to ``miss``."""
        for address in addresses:
            other = self.new_label()
            words = struct.unpack(f">{len(address) // 4}I", address)
            for number, word in enumerate(words):
                self.add(_LOAD_WORD, (at + 4 * number) & 0xFFFFFFFF)
                last = number + 1 == len(words)
                self.add(_JUMP_EQUAL, word, hit if last else "", other)
            self.label(other)
        self.go(miss)

    def go(self, to: str) -> None:
        """Whatever was loaded."""
        self.add(_JUMP_EQUAL, 0, to, to)

    def end(self) -> bytes:
        """The octets of the program: it ends in the labels ``accept`` and ``drop``."""
        for name, operand in (("accept", _WHOLE), ("drop", _NOTHING)):
            self.label(name)
            self.add(_RETURN, operand)
        octets = b""
        for here, (code, operand, *names) in enumerate(self._lines, start=1):
            true, false = (self._labels[name] - here if name else 0 for name in names)
            octets += _INSTRUCTION.pack(code, true, false, operand)
        return octets


def frames_between(ours: Sequence[str], theirs: Sequence[str]) -> bytes:
    """Ethernet frames from one of our addresses to one of both sides', or from one of theirs to one of ours."""
    program = _Program()
    program.add(_LOAD_HALF, _ETHER_TYPE)
    program.add(_JUMP_EQUAL, _IPV4, "ip 4", "")
    program.add(_JUMP_EQUAL, _IPV6, "ip 6", "drop")
    for version in (4, 6):
        here, there = (_packed(addresses, version) for addresses in (ours, theirs))
        source = _ETHERNET_OCTETS + _SOURCE[version]
        destination = source + _OCTETS[version]
        program.label(f"ip {version}")
        program.one_of(here, source, f"from us {version}", f"perhaps from them {version}")
        program.label(f"perhaps from them {version}")
        program.one_of(there, source, f"from them {version}", "drop")
        program.label(f"from us {version}")
        program.one_of((*here, *there), destination, "accept", "drop")
        program.label(f"from them {version}")
        program.one_of(here, destination, "accept", "drop")
    return program.end()


def packets_from(address: str) -> bytes:
    """What comes from one address, at a socket of UDP or a raw one, of that address's IP version."""
    program = _Program()
    version = ipaddress.ip_address(address).version
    program.one_of(_packed([address], version), _NETWORK_HEADER + _SOURCE[version], "accept", "drop")
    return program.end()


def attach(to: socket.socket, program: bytes) -> None:
    """Have the kernel run a program on all that arrives at a socket from now on. Raises OSError if it is no program."""
    octets = ctypes.create_string_buffer(program, len(program))
    header = _PROGRAM.pack(len(program) // _INSTRUCTION.size, ctypes.addressof(octets))
    to.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, header)


def _packed(addresses: Iterable[str], version: int) -> tuple[bytes, ...]:
    parsed = (ipaddress.ip_address(address) for address in dict.fromkeys(addresses))
    return tuple(address.packed for address in parsed if address.version == version)

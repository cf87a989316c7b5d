"""ESP packets to a tunnel of ours: made up, or sealed with the right keys around whatever inside."""

from __future__ import annotations

import functools
import os

import mutation
from engine_pair import pair, policy, proposal, run
from target import Prepared, Target

from harness.crypto.errors import IntegrityError
from harness.esp.encapsulation import classify
from harness.esp.errors import EspError
from harness.esp.packet import EspPacket
from harness.ike.events import ChildEstablished
from harness.transport.tunnel import Tunnel

ENDS = ("10.1.0.1", "10.2.0.1")
_RAW, _SEALED, _AHEAD = range(3)


@functools.cache
def children() -> tuple[tuple[ChildEstablished, ChildEstablished], ...]:
    """Both ends of Child SAs of every kind: tunnel and transport, combined mode and not, with and without ESN."""
    found = []
    for transport in (False, True):
        for esp in (
            proposal(encr="aes-256-gcm-16", sn="no-esn"),
            proposal(encr="chacha20-poly1305", sn="esn"),
            proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", sn="esn"),
        ):
            engines = run(pair(policy(ke="curve25519"), esp=(esp,), transport_mode=transport))
            found.append(tuple(engines.of(side, ChildEstablished)[0] for side in ("initiator", "responder")))
    return tuple(found)  # type: ignore[arg-type]


def tunnels(number: int) -> tuple[Tunnel, Tunnel]:
    ours, theirs = children()[number % len(children())]
    return Tunnel(ours, *ENDS, os.urandom), Tunnel(theirs, *ENDS[::-1], os.urandom)


def prepare(data: bytes) -> Prepared:
    parts = mutation.unpack(data)
    ours, theirs = tunnels(int.from_bytes(parts[0][:1]) if parts else 0)
    theirs._outbound.sequence = 1000  # above what the seeds were sealed with
    for _ in range(3):
        ours.request(7)
    packets = [packet for part in parts[1:] if (packet := _packet(theirs, part)) is not None]

    def read() -> None:
        for packet in packets:
            classify(packet)
            try:
                ours.receive(packet)
            except (EspError, IntegrityError) as error:
                assert str(error)
        ours.repeated_requests()
        assert ours.count().replies_received <= 3

    return sum(map(len, packets)), read


def _packet(sender: Tunnel, part: bytes) -> bytes | None:
    """A packet as the part says: as it is, or with the rest of it as the plaintext, trailer and all."""
    kind, rest = part[0] % 3 if part else _RAW, part[1:]
    if kind == _RAW:
        return rest
    outbound = sender._outbound
    if kind == _AHEAD:
        outbound.sequence += int.from_bytes(rest[:4]) >> 8
        rest = rest[4:]
    outbound.sequence += 1
    outbound.sequence &= 0xFFFFFFFF  # without ESN there are no more
    sa, iv = outbound.sa, bytes(outbound.sa.protection.iv_octets)
    block = sa.protection.block_octets
    plain = rest + bytes(-len(rest) % block)
    if not plain:
        return None
    associated, trailer = sa._authenticated(outbound.sequence)
    sealed = sa.protection.seal(sa.encryption_key, sa.integrity_key, iv, associated, plain, trailer)
    return EspPacket(sa.spi, outbound.sequence & 0xFFFFFFFF, iv, sealed).to_bytes()


def seeds() -> list[bytes]:
    found = []
    for number in range(len(children())):
        ours, theirs = tunnels(number)
        request = theirs.request(7)
        reply = theirs.receive(ours.request(7))
        assert reply is not None
        inside = theirs._inbound.sa.protection.block_octets
        echo = bytes.fromhex("4500001c00010000400100000a0200010a010001") if not number >= len(children()) // 2 else b""
        echo += bytes.fromhex("0800f7f600070001")
        pad = -(len(echo) + 2) % max(4, inside)
        plain = echo + bytes(range(1, pad + 1)) + bytes((pad, 4 if number < len(children()) // 2 else 1))
        packets = [bytes((_RAW,)) + request, bytes((_RAW,)) + reply]
        packets += [bytes((_SEALED,)) + plain, bytes((_AHEAD,)) + (1000).to_bytes(4) + plain]
        found.append(mutation.pack([bytes((number,)), *packets]))
    return found


TARGET = Target("esp", "ESP packets, sealed and not, to a tunnel", seeds, prepare, mutation.of_parts)

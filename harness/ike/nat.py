"""NAT detection (RFC 7296 section 2.23)."""

from __future__ import annotations

import hashlib
import ipaddress
from functools import lru_cache

from harness.ike.configuration import Address
from harness.registry.notifications import NotifyType
from harness.wire.message import Message
from harness.wire.payloads import Notify


def detection_hash(spi_i: bytes, spi_r: bytes, address: Address) -> bytes:
    """SHA-1(SPIi | SPIr | IP address | port), 20 octets; the address in network order, 4 or 16 octets."""
    return hashlib.sha1(spi_i + spi_r + _packed(address[0]) + address[1].to_bytes(2), usedforsecurity=False).digest()


@lru_cache
def _packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def detection_payloads(spi_i: bytes, spi_r: bytes, source: Address, destination: Address) -> tuple[Notify, Notify]:
    """The two notifications of an IKE_SA_INIT message."""
    return (
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, detection_hash(spi_i, spi_r, source)),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, detection_hash(spi_i, spi_r, destination)),
    )


def nat_seen(message: Message, spi_i: bytes, spi_r: bytes, source: Address, destination: Address) -> bool:
    """Whether a received message tells of a NAT: no source hash is the sender's, or the destination's is not ours."""
    notifies = message.all(Notify)
    sources = [n.data for n in notifies if n.notify_type == NotifyType.NAT_DETECTION_SOURCE_IP]
    destinations = [n.data for n in notifies if n.notify_type == NotifyType.NAT_DETECTION_DESTINATION_IP]
    if not sources or not destinations:
        return False  # the peer does not support NAT traversal
    behind_peer = detection_hash(spi_i, spi_r, source) not in sources
    return behind_peer or detection_hash(spi_i, spi_r, destination) not in destinations

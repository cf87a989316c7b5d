"""What a peer's own status interface says of its security associations, in our words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ChildReport:
    """One Child SA as the peer reports it. Algorithms are spelt as in ``registry.algorithms``.

    None stands where the product's interface never shows such a thing.
    """

    name: str
    state: str  # "INSTALLED"
    mode: str | None  # "TUNNEL"
    udp_encapsulated: bool | None
    spi_in: str  # hexadecimal, without 0x, as seen by the peer
    spi_out: str
    encr: str | None
    integ: str | None  # also None where the suite has none
    esn: bool | None
    packets_in: int | None
    packets_out: int | None
    bytes_in: int | None
    bytes_out: int | None


@dataclass(frozen=True, slots=True)
class SaReport:
    """One IKE SA as the peer reports it. None stands where the product's interface never shows such a thing."""

    name: str
    state: str  # "ESTABLISHED", "CONNECTING"
    initiator: bool | None  # whether the peer is its initiator
    initiator_spi: str | None  # hexadecimal, 16 digits
    responder_spi: str | None
    encr: str | None
    integ: str | None  # also None where the suite has none
    prf: str | None
    ke: str | None
    additional_ke: tuple[str, ...] | None  # in order of ADDKE1 to ADDKE7, those that took place
    children: tuple[ChildReport, ...] = ()


@dataclass(frozen=True, slots=True)
class PeerReport:
    """The answer of a peer's status interface at one moment, for one connection; ``raw`` is kept as it came (JSON)."""

    version: str
    sas: tuple[SaReport, ...]
    raw: str

"""What the products say of themselves: their SAs while these stand, each step of a pair, what is left afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from harness.evidence.interruption import Overrun

STANDING, IN_USE = "ESTABLISHED", "INSTALLED"
"""The state of an IKE SA that stands, and of a Child SA that is in use, whatever a product calls the others."""


@dataclass(frozen=True, slots=True)
class ChildReport:
    """One Child SA as the peer reports it. Algorithms are spelt as in ``registry.algorithms``.

    None stands where the product's interface never shows such a thing.
    """

    name: str
    state: str  # IN_USE, or the product's own word for one that is not
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

    @property
    def installed(self) -> bool:
        """Whether it is in use."""
        return self.state == IN_USE


@dataclass(frozen=True, slots=True)
class SaReport:
    """One IKE SA as the peer reports it. None stands where the product's interface never shows such a thing."""

    name: str
    state: str  # STANDING, or the product's own word for one that does not: "CONNECTING"
    initiator: bool | None  # whether the peer is its initiator
    initiator_spi: str | None  # hexadecimal, 16 digits
    responder_spi: str | None
    encr: str | None
    integ: str | None  # also None where the suite has none
    prf: str | None
    ke: str | None
    additional_ke: tuple[str, ...] | None  # in order of ADDKE1 to ADDKE7, those that took place
    children: tuple[ChildReport, ...] = ()

    @property
    def spis(self) -> tuple[str | None, str | None]:
        """Those of initiator and responder, which no other IKE SA has both."""
        return self.initiator_spi, self.responder_spi

    @property
    def stands(self) -> bool:
        """Whether everything has been agreed on, and it is not being deleted."""
        return self.state == STANDING

    @property
    def installed(self) -> list[ChildReport]:
        """Its Child SAs in use: some products keep one for a while that is deleted already."""
        return [child for child in self.children if child.installed]


@dataclass(frozen=True, slots=True)
class PeerReport:
    """The answer of a peer's status interface at one moment, for one connection; ``raw`` is kept as it came (JSON)."""

    version: str
    sas: tuple[SaReport, ...]
    raw: str
    silent: bool = False  # the product has no status interface: that ``sas`` is empty tells nothing


HYGIENE_FILE = "hygiene.json"


@dataclass(frozen=True, slots=True)
class Residue:
    """What a product and its kernel hold of one case. None stands where nobody can tell, or where there is no such."""

    ike_sas: tuple[str, ...]  # by state: "ESTABLISHED"
    esp_sas: tuple[str, ...] | None = None  # of the kernel: "spi c1d2e3f4, 192.0.2.1 to 192.0.2.2"
    policies: tuple[str, ...] | None = None  # of the kernel: "out, 10.99.0.1/32 to 10.100.0.7/32"
    resident_octets: int | None = None  # memory of the daemon's processes, VmRSS of proc(5), whoever they serve

    unknown: str = ""  # why the kernel's part is not known although it was asked for; "" where it is

    @property
    def clean(self) -> bool:
        """Whether nothing of the case is known to be left, and all that was asked for was answered."""
        return not (self.ike_sas or self.esp_sas or self.policies or self.unknown)


@dataclass(frozen=True, slots=True)
class Hygiene:
    """``hygiene.json``: the residue some time after the unloading, and what the log tells of faults meanwhile."""

    residue: Residue
    faults: tuple[str, ...] = ()  # lines of the log: crashes, failed assertions, reports of sanitizers, leaks

    @property
    def clean(self) -> bool:
        """Whether nothing is left, as far as anybody was asked, and the log tells of no fault."""
        return self.residue.clean and not self.faults


ESTABLISHED = "established"
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step came to: echo messages as ``ping`` counted them, and both status interfaces after it."""

    step: str  # "established", then the scenario's steps by name, "deleted" once the case is over
    at: float  # seconds since the epoch, at its end
    initiator: PeerReport
    responder: PeerReport
    said: str = ""  # why it did not come off, in a product's own words; "" where it did
    echo_sent: int = 0
    echo_received: int = 0


@dataclass(frozen=True, slots=True)
class PairReport:
    """``steps.json``: every step in order, and what the capture lost meanwhile."""

    steps: tuple[StepReport, ...]
    capture_drops: int = 0  # frames that the kernel dropped from the capture while the case ran
    overrun: Overrun | None = None  # where the capture ended as the two sent more than any case may
    ended: tuple[float, ...] = ()  # when the captures beside initiator and responder did, in seconds since the epoch

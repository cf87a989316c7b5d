"""What is left of a case at a product once its connection was unloaded, and how the product came through the case."""

from __future__ import annotations

from dataclasses import dataclass

FILE = "hygiene.json"


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

"""What was seen of a case of two products: the wire between them, and what each said of itself after every step."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.evidence.capture import read_capture
from harness.evidence.hygiene import Hygiene
from harness.evidence.model import WirePicture
from harness.evidence.peer_report import PeerReport
from harness.evidence.store import EvidenceFolder, UnreadableEvidence

ESTABLISHED = "established"
DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class PairSide:
    """One of the two products."""

    peer: str
    version: str
    image: str
    kernel: str  # whose kernel did its ESP; "" where its daemon did
    address: str  # outer
    inner: str  # the host behind it
    certificate_octets: int = 0  # of the certificate that it authenticates with, in DER; 0 where it has a key instead


@dataclass(frozen=True, slots=True)
class PairFacts:
    """``pair.json``: what was to happen, and where."""

    case: str
    scenario: str
    initiator: PairSide
    responder: PairSide
    expectation: dict[str, Any] = field(default_factory=dict)


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


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Everything that the verifier looks at. None means that the file is missing: then nothing is concluded from it."""

    facts: PairFacts
    wire: WirePicture | None
    report: PairReport | None
    hygiene: tuple[Hygiene | None, Hygiene | None] = (None, None)  # initiator, responder, once all was unloaded


class PairFolder(EvidenceFolder):
    """Reads the files of one attempt at a case of two products."""

    def holds_a_pair(self) -> bool:
        """Whether this is the evidence of two products, and not of our engine and one."""
        return (self.path / "pair.json").exists()

    def pair_facts(self) -> PairFacts:
        """``pair.json``.

        Raises:
            UnreadableEvidence: it is missing or malformed; without it nothing can be judged.
        """
        facts = self.read("pair.json", PairFacts)
        if facts is None:
            raise UnreadableEvidence(f"{self.path / 'pair.json'}: missing")
        return facts

    def pair_evidence(self) -> PairEvidence:
        """Everything that the verifier looks at; a missing file is None.

        Raises:
            UnreadableEvidence: a file is there but malformed.
            UnreadableCapture: the capture is no pcapng.
        """
        capture = self.path / "wire.pcapng"
        wire = read_capture(capture) if capture.exists() else None
        hygiene = self.hygiene("initiator"), self.hygiene("responder")
        return PairEvidence(self.pair_facts(), wire, self.read("steps.json", PairReport), hygiene)

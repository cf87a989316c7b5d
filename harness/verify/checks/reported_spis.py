"""A status report is of this case where it tells an SPI that is on the wire; else it is another's, and says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from harness.evidence.peer_report import PeerReport, SaReport
from harness.results.model import PEER_STATUS, PEER_STATUS_AFTER
from harness.verify.view import CaseView, View

_IKE, _ESP = 8, 4  # octets of an SPI


def reported_of_another(view: View) -> str:
    """Which report of the peer knows none of the SPIs on the wire, in words; "" for none."""
    evidence = view.evidence
    for name, report in ((PEER_STATUS, evidence.peer_report), (PEER_STATUS_AFTER, evidence.peer_report_after)):
        if report is not None and is_of_another(view, report):
            return f"{name} tells of SAs of {view.peer} whose SPIs are not in wire.pcapng"
    return ""


def is_of_another(view: CaseView, report: PeerReport) -> bool:
    """Whether a side reports IKE SAs that stand, tells their SPIs, and none of these is on the wire.

    Without an ESP packet the SPIs of a Child SA are not to be seen: then those of the IKE SA alone tell.
    """
    standing = [sa for sa in report.sas if sa.stands]
    told = {spi for sa in standing for spi in _of_ike(sa)}
    if view.esp:
        told |= {spi for sa in standing for spi in _of_esp(sa)}
    return bool(told) and not told & _on_the_wire(view)


def _of_ike(sa: SaReport) -> Iterator[str]:
    yield from (spi.lower() for spi in (sa.initiator_spi, sa.responder_spi) if spi)


def _of_esp(sa: SaReport) -> Iterator[str]:
    yield from (spi.lower() for child in sa.children for spi in (child.spi_in, child.spi_out) if spi)


def _on_the_wire(view: CaseView) -> set[str]:
    pieces = [*(piece for message in view.messages for piece in message.pieces), *view.strangers]
    seen = {piece.octets[at : at + _IKE].hex() for piece in pieces for at in (0, _IKE)}
    seen |= {datagram.payload[:_ESP].hex() for datagram in view.esp}
    if isinstance(view, View) and view.child is not None:
        seen |= {view.child.initiator_spi.hex(), view.child.responder_spi.hex()}
    return seen

"""What the status interface of a product would say of a case that was played in one process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.ike.states import Standing
from harness.registry.transforms import SequenceNumbers, TransformType

if TYPE_CHECKING:
    from case_builder import Side


def peer_report(peer: Side, *, in_udp: bool = True) -> PeerReport:
    """What a status interface would say: SPIs in hexadecimal, algorithms in the harness' spelling, counters."""
    if not isinstance(peer.session.state, Standing) or peer.recorder.established is None:
        return PeerReport("6.1.0", (), "[]")
    suite = peer.recorder.established.suite
    named = {kind: one.name(kind) for kind, one in suite.transforms.items() if one.identifier}
    initiator_spi, responder_spi = peer.session.spis
    sa = SaReport(
        name="case-1",
        state="ESTABLISHED",
        initiator=peer.initiator,
        initiator_spi=initiator_spi.hex(),
        responder_spi=responder_spi.hex(),
        encr=named[TransformType.ENCR],
        integ=named.get(TransformType.INTEG),
        prf=named[TransformType.PRF],
        ke=named[TransformType.KE],
        additional_ke=tuple(name for kind, name in named.items() if kind.is_additional_key_exchange),
        children=children_of(peer, in_udp),
    )
    return PeerReport("6.1.0", (sa,), "[]")


def children_of(peer: Side, in_udp: bool) -> tuple[ChildReport, ...]:
    child, tunnel = peer.recorder.child, peer.tunnel
    if child is None or tunnel is None:
        return ()
    named = {kind: one.name(kind) for kind, one in child.suite.transforms.items() if one.identifier}
    esn = child.suite.get(TransformType.SN)
    count = tunnel.count()
    return (
        ChildReport(
            name="net",
            state="INSTALLED",
            mode="TRANSPORT" if child.transport_mode else "TUNNEL",
            udp_encapsulated=in_udp,
            spi_in=child.local_spi.hex(),
            spi_out=child.remote_spi.hex(),
            encr=named[TransformType.ENCR],
            integ=named.get(TransformType.INTEG),
            esn=esn is not None and esn.identifier == SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS,
            packets_in=count.requests_received,
            packets_out=count.replies_sent,
            bytes_in=count.requests_received * 84,
            bytes_out=count.replies_sent * 84,
        ),
    )

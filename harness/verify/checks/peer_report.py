"""What the peer says of itself, against the wire."""

from __future__ import annotations

from harness.evidence.peer_report import IN_USE, STANDING, ChildReport, PeerReport, SaReport
from harness.policy.proposals import Suite
from harness.registry.transforms import TransformType
from harness.results.model import PEER_STATUS
from harness.verify.check import Arguments, Checked, Due, engine_check, missing, told_otherwise
from harness.verify.checks.told import inside_udp
from harness.verify.esp import uses_extended_sequence_numbers
from harness.verify.view import SeenChild, View


@engine_check("peer-agrees", due=Due.UP)
def peer_agrees(view: View, _arguments: Arguments) -> Checked:
    """The peer's status interface shows the same SPIs and algorithms as the wire, and sends ESP as it says."""
    report = view.evidence.peer_report
    if report is None:
        return missing("what the peer's status says", PEER_STATUS)
    if report.silent:
        return Checked("the peer has no status interface: what it holds is known from the wire alone")
    spis = (view.secrets.initiator_spi.hex(), view.secrets.responder_spi.hex())
    # A status that shows no IKE SPIs is taken by its connection, which the report is of; the Child SA's SPIs are shown.
    mine = [sa for sa in report.sas if (sa.initiator_spi, sa.responder_spi) in (spis, (None, None))]
    if not mine:
        sentence = f"the peer reports no IKE SA with SPIs {spis[0]} and {spis[1]}"
        return Checked("", (told_otherwise(sentence, PEER_STATUS),))
    sentences = [*_ike_differences(view, mine[0]), *_child_differences(view, mine[0].children)]
    objections = tuple(told_otherwise(sentence, PEER_STATUS) for sentence in sentences)
    return Checked("the peer reports the SPIs and algorithms of the wire", objections)


def _ike_differences(view: View, sa: SaReport) -> list[str]:
    if view.suite is None:
        return ["no suite is on the wire"]
    chosen = {kind: algorithm.name(TransformType(kind)) for kind, algorithm in view.suite.transforms.items()}
    additional = tuple(
        method for method in (chosen.get(TransformType(6 + n)) for n in range(7)) if method not in (None, "none")
    )
    initiator = view.party(initiator=True) != "engine"
    pairs = (
        ("state", sa.state, STANDING),
        ("being the initiator", sa.initiator, initiator),
        ("INTEG", sa.integ, _named(view.suite, TransformType.INTEG)),
        ("ENCR", sa.encr, chosen.get(TransformType.ENCR)),
        ("PRF", sa.prf, chosen.get(TransformType.PRF)),
        ("KE", sa.ke, chosen.get(TransformType.KE)),
        ("ADDKE", None if sa.additional_ke is None else tuple(sa.additional_ke), additional),
    )
    return [
        f"{name}: the peer reports {theirs}, the wire says {ours}"
        for name, theirs, ours in pairs
        if theirs not in (None, ours)  # None: the product does not show it
    ]


def _child_differences(view: View, children: tuple[ChildReport, ...]) -> list[str]:
    child = view.child
    if child is None:
        return []
    found = child_of(view, children)
    if found is None:
        here, there = _spis(view, child)
        return [f"the peer reports no Child SA with SPI {here} in and {there} out"]
    pairs = (
        ("state", found.state, IN_USE),
        ("ENCR", found.encr, _named(child.suite, TransformType.ENCR)),
        ("INTEG", found.integ, _named(child.suite, TransformType.INTEG)),
        ("mode", None if found.mode is None else found.mode.lower(), child.mode.value),
        ("ESN", found.esn, uses_extended_sequence_numbers(child)),
    )
    differences = [
        f"ESP {name}: the peer reports {theirs}, the wire says {ours}"
        for name, theirs, ours in pairs
        if theirs not in (None, ours)  # None: the product does not show it
    ]
    return [*differences, *(f"the peer {words}" for words in inside_udp(view, view.evidence.peer_address, found))]


def child_of(view: View, children: tuple[ChildReport, ...]) -> ChildReport | None:
    """What the peer reports of the Child SA on the wire, found by its two SPIs; None if it reports no such one."""
    spis = None if view.child is None else _spis(view, view.child)
    return next((each for each in children if (each.spi_in, each.spi_out) == spis), None)


def left_of(view: View, after: PeerReport) -> list[SaReport]:
    """What a peer reports of this case's IKE SA once it is to be gone.

    It may have begun another one, or go on trying: that has other SPIs, or does not stand (RFC 7296 2.4, 2.21.1).
    """
    spis = (view.secrets.initiator_spi.hex(), view.secrets.responder_spi.hex())
    mine = [sa for sa in after.sas if (sa.initiator_spi, sa.responder_spi) in (spis, (None, None))]
    return [sa for sa in mine if sa.stands or (view.established and sa.initiator_spi is not None)]


def _spis(view: View, child: SeenChild) -> tuple[str, str]:
    """The SPIs of a Child SA as the peer sees them: in, out."""
    engine, peer = child.initiator_spi.hex(), child.responder_spi.hex()
    return (peer, engine) if view.party(initiator=True) == "engine" else (engine, peer)


def _named(suite: Suite, kind: TransformType) -> str | None:
    """A chosen algorithm's name; None where the type is absent or NONE."""
    chosen = suite.get(kind)
    return chosen.name(kind) if chosen is not None and chosen.identifier else None

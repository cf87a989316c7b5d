"""What the peer says of itself, against the wire."""

from __future__ import annotations

from harness.evidence.peer_report import ChildReport, SaReport
from harness.registry.transforms import TransformType
from harness.verify.result import Arguments, Checked, Objection, missing
from harness.verify.view import View

_FILE = "peer/sas.json"


def peer_agrees(view: View, _arguments: Arguments) -> Checked:
    """The peer's status interface shows the same SPIs and algorithms as the wire."""
    report = view.evidence.peer_report
    if report is None:
        return missing("what the peer's status says", _FILE)
    spis = (view.secrets.initiator_spi.hex(), view.secrets.responder_spi.hex())
    mine = [sa for sa in report.sas if (sa.initiator_spi, sa.responder_spi) == spis]
    if not mine:
        return Checked(
            "", (Objection(view.peer, f"the peer reports no IKE SA with SPIs {spis[0]} and {spis[1]}", _FILE),)
        )
    sentences = [*_ike_differences(view, mine[0]), *_child_differences(view, mine[0].children)]
    objections = tuple(Objection(view.peer, sentence, _FILE) for sentence in sentences)
    return Checked("the peer reports the SPIs and algorithms of the wire", objections)


def _ike_differences(view: View, sa: SaReport) -> list[str]:
    if view.suite is None:
        return ["no suite is on the wire"]
    chosen = {kind: algorithm.name(TransformType(kind)) for kind, algorithm in view.suite.transforms.items()}
    additional = tuple(
        method for method in (chosen.get(TransformType(6 + n)) for n in range(7)) if method not in (None, "none")
    )
    pairs = (
        ("ENCR", sa.encr, chosen.get(TransformType.ENCR)),
        ("PRF", sa.prf, chosen.get(TransformType.PRF)),
        ("KE", sa.ke, chosen.get(TransformType.KE)),
        ("ADDKE", tuple(sa.additional_ke), additional),
    )
    return [
        f"{name}: the peer reports {theirs}, the wire says {ours}" for name, theirs, ours in pairs if theirs != ours
    ]


def _child_differences(view: View, children: tuple[ChildReport, ...]) -> list[str]:
    if not view.secrets.children:
        return []
    child = view.secrets.children[0]
    engine, peer = child.initiator_spi.hex(), child.responder_spi.hex()
    if view.party(initiator=True) != "engine":
        engine, peer = peer, engine
    found = next((each for each in children if (each.spi_in, each.spi_out) == (peer, engine)), None)
    if found is None:
        return [f"the peer reports no Child SA with SPI {peer} in and {engine} out"]
    encr = child.suite.get(TransformType.ENCR)
    name = encr.name(TransformType.ENCR) if encr else None
    return [] if found.encr == name else [f"ESP ENCR: the peer reports {found.encr}, the wire says {name}"]

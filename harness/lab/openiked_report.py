"""``ikectl show sa`` and the kernel's SAs, in the words of PeerReport."""

from __future__ import annotations

import json
import re

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab import xfrm_report

_IKE = re.compile(
    r"^\s*iked_sas: (?P<id>\S+) rspi 0x(?P<rspi>[0-9a-f]+) ispi 0x(?P<ispi>[0-9a-f]+) .* (?P<state>[A-Z_]+) "
    r"(?P<role>[ir])\b",
    re.MULTILINE,
)
_CHILD = re.compile(
    r"^\s*sa_childsas: \S+ ESP 0x(?P<spi>[0-9a-f]+) (?P<direction>in|out) .* @(?P<id>\S+)$", re.MULTILINE
)
_GONE = ("CLOSED", "CLOSING")  # dead, and only kept for a late retransmission


def peer_report(version: str, name: str, sas: str, xfrm: str) -> PeerReport:
    """The report of the one connection: ``sas`` is what ikectl shows, ``xfrm`` its kernel's answer."""
    raw = json.dumps({"ikectl show sa": sas, xfrm_report.COMMAND: xfrm_report.without_keys(xfrm)}, indent=2)
    kernel = xfrm_report.parse(xfrm)
    found = tuple(
        SaReport(
            name=name, state=sa["state"], initiator=sa["role"] == "i",
            initiator_spi=sa["ispi"].zfill(16), responder_spi=sa["rspi"].zfill(16),
            encr=None, integ=None, prf=None, ke=None, additional_ke=None,
            children=_children(name, sas, sa["id"], kernel),
        )
        for sa in _IKE.finditer(sas)
        if sa["state"] not in _GONE
    )  # fmt: skip
    return PeerReport(version, found, raw)


def _children(name: str, sas: str, ike: str, kernel: tuple[xfrm_report.KernelSa, ...]) -> tuple[ChildReport, ...]:
    """The Child SAs of one IKE SA: ikectl lists their two directions one after the other."""
    spis: dict[str, list[str]] = {"in": [], "out": []}
    for child in _CHILD.finditer(sas):
        if child["id"] == ike:
            spis[child["direction"]].append(child["spi"].zfill(8))
    pairs = zip(spis["in"], spis["out"], strict=False)
    reports = (xfrm_report.child_report(name, kernel, *pair) for pair in pairs)
    return tuple(report for report in reports if report is not None)

"""``ikectl show sa`` and the kernel's SAs, in the words of PeerReport."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab.errors import UnreadableStatus
from harness.lab.products.shared import xfrm_report

_COMMAND = "ikectl show sa"

# Each line has its kind before a colon. Of SAs tell iked_sas and sa_childsas; these list them again, or their policies.
_LINE = re.compile(r"^\s*(?P<kind>[a-z_]+): ")
_OTHER_KINDS = ("sa_flows", "iked_activesas", "iked_flows", "iked_dstid_sas")
_IKE = re.compile(
    r"^\s*iked_sas: (?P<id>\S+) rspi 0x(?P<rspi>[0-9a-f]+) ispi 0x(?P<ispi>[0-9a-f]+) .* (?P<state>[A-Z_]+) "
    r"(?P<role>[ir])\b"
)
_CHILD = re.compile(
    r"^\s*sa_childsas: \S+ (?P<protocol>[A-Z]+) 0x(?P<spi>[0-9a-f]+) (?P<direction>in|out) .* @(?P<id>\S+)$"
)
_STATES = (
    "INIT", "COOKIE", "SA_INIT", "EAP", "EAP_SUCCESS", "AUTH_REQUEST", "AUTH_SUCCESS", "VALID", "EAP_VALID",
    "ESTABLISHED",
)  # fmt: skip
_GONE = ("CLOSED", "CLOSING")  # dead, and only kept for a late retransmission


def peer_report(version: str, name: str, sas: str, xfrm: str) -> PeerReport:
    """The report of the one connection: ``sas`` is what ikectl shows, ``xfrm`` its kernel's answer.

    Raises:
        UnreadableStatus: a line of either is of no kind or form that we know.
    """
    raw = json.dumps({_COMMAND: sas, xfrm_report.COMMAND: xfrm_report.without_keys(xfrm)}, indent=2)
    kernel = xfrm_report.by_spi(xfrm)
    ike, lines = _lines(sas)
    children: dict[str, list[re.Match[str]]] = {}
    for child in lines:
        children.setdefault(child["id"], []).append(child)
    found = tuple(
        SaReport(
            name=name, state=sa["state"], initiator=sa["role"] == "i",
            initiator_spi=sa["ispi"].zfill(16), responder_spi=sa["rspi"].zfill(16),
            encr=None, integ=None, prf=None, ke=None, additional_ke=None,
            children=_children(name, children.get(sa["id"], []), kernel),
        )
        for sa in ike
        if sa["state"] not in _GONE
    )  # fmt: skip
    return PeerReport(version, found, raw)


def _lines(sas: str) -> tuple[list[re.Match[str]], list[re.Match[str]]]:
    """The lines of IKE SAs and of Child SAs."""
    ike, children = [], []
    for line in filter(str.strip, sas.splitlines()):
        kind = _LINE.match(line)
        if kind and kind["kind"] in _OTHER_KINDS:
            continue
        of_ike, of_child = _IKE.match(line), _CHILD.match(line)
        if of_ike and of_ike["state"] in (*_STATES, *_GONE):
            ike.append(of_ike)
        elif of_child:
            children.append(of_child)
        else:
            raise UnreadableStatus(_COMMAND, line)
    return ike, children


def _children(
    name: str, lines: list[re.Match[str]], kernel: Mapping[str, xfrm_report.KernelSa]
) -> tuple[ChildReport, ...]:
    """The Child SAs of one IKE SA: ikectl lists their two directions one after the other."""
    inbound, outbound = (
        [line["spi"].zfill(8) for line in lines if line["protocol"] == "ESP" and line["direction"] == direction]
        for direction in ("in", "out")
    )
    if len(inbound) != len(outbound):
        raise UnreadableStatus(_COMMAND, lines[-1][0], "a Child SA has one direction alone")
    reports = (xfrm_report.child_report(name, kernel, *pair) for pair in zip(inbound, outbound, strict=True))
    return tuple(report for report in reports if report is not None)

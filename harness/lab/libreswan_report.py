"""Libreswan's status and its kernel's SAs, in the words of PeerReport."""

from __future__ import annotations

import json
import re

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab import xfrm_report
from harness.lab.libreswan_keywords import KEYWORDS
from harness.registry.transforms import TransformType

# Lines of `whack --status` about one connection; 4.x begins each with a number, and a state's name with STATE_.
_STATE = re.compile(r'#(?P<number>\d+): "(?P<name>[^"]+)"\S* (?:STATE_)?(?P<state>[A-Z]\w+) \(')
# An SA is esp.SPI@ADDRESS with IPv4, esp:SPI@ADDRESS with IPv6.
_SPIS = re.compile(r'#(?P<number>\d+): "(?P<name>[^"]+)".*? esp[.:](?P<out>[0-9a-f]+)@\S+ esp[.:](?P<in>[0-9a-f]+)@')
_NEWEST = re.compile(r'"(?P<name>[^"]+)":\s+IKE(?:v2)? algorithm newest: (?P<suite>\S+)')
_IKE_STATES = {"V2_ESTABLISHED_IKE_SA": "ESTABLISHED", "ESTABLISHED_IKE_SA": "ESTABLISHED"}
_CHILD_STATES = ("V2_ESTABLISHED_CHILD_SA", "ESTABLISHED_CHILD_SA")


def peer_report(version: str, name: str, status: str, xfrm: str) -> PeerReport:
    """The report of one connection: ``status`` are the daemon's lines about it, ``xfrm`` is its kernel's answer."""
    raw = json.dumps({"whack --status": status, xfrm_report.COMMAND: xfrm_report.without_keys(xfrm)}, indent=2)
    states = {found["number"]: found["state"] for found in _STATE.finditer(status) if found["name"] == name}
    parents = {number: state for number, state in states.items() if state not in _CHILD_STATES}
    if not parents:
        return PeerReport(version, (), raw)
    children = _children(name, status, xfrm, states)
    newest = next((found["suite"] for found in _NEWEST.finditer(status) if found["name"] == name), "")
    encr, integ, prf, ke = _suite(newest)
    sas = []
    for number, state in sorted(parents.items(), key=lambda item: int(item[0])):
        established = state in _IKE_STATES
        sas.append(
            SaReport(
                name=name, state=_IKE_STATES.get(state, state), initiator=None, initiator_spi=None, responder_spi=None,
                encr=encr, integ=integ, prf=prf, ke=ke, additional_ke=None,
                children=children if established and number == max(parents, key=int) else (),
            )
        )  # fmt: skip
    return PeerReport(version, tuple(sas), raw)


def _children(name: str, status: str, xfrm: str, states: dict[str, str]) -> tuple[ChildReport, ...]:
    kernel = xfrm_report.parse(xfrm)
    found = []
    for spis in _SPIS.finditer(status):
        if spis["name"] == name and states.get(spis["number"]) in _CHILD_STATES:
            found.append(xfrm_report.child_report(name, kernel, spis["in"].zfill(8), spis["out"].zfill(8)))
    return tuple(child for child in found if child is not None)


def _suite(newest: str) -> tuple[str | None, str | None, str | None, str | None]:
    """ENCR, INTEG, PRF, KE of ``AES_CBC_256-HMAC_SHA2_512-MODP3072``: integrity is left out where it is the PRF's."""
    words = newest.split("-")
    if len(words) < 3:
        return None, None, None, None
    # CHACHA20_POLY1305 has one key length; the status shows it all the same.
    encr = KEYWORDS.our_name(TransformType.ENCR, words[0])
    if encr == words[0]:
        encr = KEYWORDS.our_name(TransformType.ENCR, words[0].rpartition("_")[0])
    prf = KEYWORDS.our_name(TransformType.PRF, words[1])
    integ = KEYWORDS.our_name(TransformType.INTEG, words[2]) if len(words) > 3 else None
    if integ is None and not any(mark in encr for mark in ("gcm", "ccm", "poly1305")):
        integ = next((ours for ours in KEYWORDS.tables[TransformType.INTEG] if ours.startswith(f"{prf}-")), None)
    return encr, integ, prf, KEYWORDS.our_name(TransformType.KE, words[-1])

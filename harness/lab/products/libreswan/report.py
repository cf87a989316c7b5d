"""Libreswan's status and its kernel's SAs, in the words of PeerReport."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab.errors import UnreadableStatus
from harness.lab.products.libreswan.keywords import KEYWORDS
from harness.lab.products.shared import xfrm_report
from harness.registry.transforms import TransformType

_COMMAND = "whack --status"

# Lines of `whack --status` about one connection; 4.x begins each with 000. A line of a state has a number, and tells
#   the state:  #1: "case-7":500 ESTABLISHED_IKE_SA (established IKE SA); EXPIRE in 28799s; newest; idle;
#               with STATE_V2_ before the name in 4.x, and without the name from 5.4 on:
#               #1: "case-7":500 established IKE SA; EXPIRE in 28799s; newest; idle;
#   its SPIs:   #2: "case-7" esp.c0ffee01@192.0.2.2 esp.89fa0416@192.0.2.1 tun.0@192.0.2.2 tun.0@192.0.2.1 ...
#               which are esp:SPI@ADDRESS with IPv6.
#   what waits: #3: pending Child SA for "case-7"
#               under the number of the IKE SA that is to carry it: no SA yet.
_ANY_NUMBERED = re.compile(r"^(?:000 )?#[0-9]+: ")
_NUMBERED = re.compile(r'^(?:000 )?#(?P<number>[0-9]{1,9}): "(?P<name>[^"\n]+)"(?P<rest>.*)$', re.MULTILINE)
_PENDING = re.compile(r'^(?:000 )?#\d+: pending \w+ SA for "[^"]+"')
_STATE = re.compile(r"^\S* (?:(?:STATE_)?(?P<state>[A-Z]\w+) \((?P<told>[^)]*)\)|(?P<story>[^;()]+));")
_SPIS = re.compile(r"^\S* esp[.:](?P<out>[0-9a-f]+)@\S+ esp[.:](?P<in>[0-9a-f]+)@")
_NEWEST = re.compile(r'"(?P<name>[^"\n]+)":[ \t]+IKE(?:v2)? algorithm newest: (?P<suite>\S+)')

_IKE, _CHILD = "established IKE SA", "established Child SA"
"""What every release says of an SA that stands."""

# What is under way, or over: by the state's name, or by its words where there is no name.
_OTHER_STATE = re.compile(
    r"(?:V2_)?(?:PARENT|IKE_SA_INIT|IKE_INTERMEDIATE|IKE_AUTH|IKE_AUTH_EAP|IKE_AUTH_CHILD|IKE_SESSION_RESUME|UNSECURED"
    r"|NEW_CHILD|REKEY_CHILD|REKEY_IKE)_(?:[IR]\d?|IR)|(?:V2_)?(?:IKE_SA_DELETE|CHILD_SA_DELETE|ZOMBIE)"
)
_OTHER_STORY = re.compile(r"(?:sent|processed|waiting for|larval|unsecured|deleted) .*")


@dataclass(frozen=True, slots=True)
class _State:
    state: str
    child: bool
    line: str


def peer_report(version: str, name: str, status: str, xfrm: str) -> PeerReport:
    """The report of one connection: ``status`` are the daemon's lines about it, ``xfrm`` is its kernel's answer.

    Raises:
        UnreadableStatus: a line about an SA of the connection, or the kernel's answer, says what we do not know.
    """
    raw = json.dumps({_COMMAND: status, xfrm_report.COMMAND: xfrm_report.without_keys(xfrm)}, indent=2)
    states, spis = _numbered(name, status)
    parents = {number: state for number, state in states.items() if not state.child}
    if not parents:
        return PeerReport(version, (), raw)
    children = _children(name, xfrm, states, spis)
    newest = next((found for found in _NEWEST.finditer(status) if found["name"] == name), None)
    standing = [each.line for each in parents.values() if each.state == "ESTABLISHED"]
    if standing and newest is None:
        raise UnreadableStatus(_COMMAND, standing[0], "no line tells the algorithms of this SA")
    encr, integ, prf, ke = _suite(newest) if newest else (None, None, None, None)
    sas = tuple(
        SaReport(
            name=name, state=parents[number].state, initiator=None, initiator_spi=None, responder_spi=None,
            encr=encr, integ=integ, prf=prf, ke=ke, additional_ke=None,
            children=children if parents[number].state == "ESTABLISHED" and number == max(parents) else (),
        )
        for number in sorted(parents)
    )  # fmt: skip
    return PeerReport(version, sas, raw)


def lines_about(name: str, status: str) -> str:
    """The lines of a whole status that are about one connection.

    Raises:
        UnreadableStatus: a line of an SA does not tell of which connection it is.
    """
    lines = status.splitlines(keepends=True)
    for line in lines:
        if _ANY_NUMBERED.match(line) and not (_NUMBERED.match(line) or _PENDING.match(line)):
            raise UnreadableStatus(_COMMAND, line)
    return "".join(line for line in lines if f'"{name}"' in line)


def _numbered(name: str, status: str) -> tuple[dict[int, _State], dict[int, re.Match[str]]]:
    """The states of a connection, and the SPIs of its Child SAs, by the number of the SA."""
    states: dict[int, _State] = {}
    spis: dict[int, re.Match[str]] = {}
    for line in _NUMBERED.finditer(status):
        if line["name"] != name:
            continue
        if found := _SPIS.match(line["rest"]):
            spis[int(line["number"])] = found
        else:
            states[int(line["number"])] = _state(line)
    return states, spis


def _state(line: re.Match[str]) -> _State:
    found = _STATE.match(line["rest"])
    told = (found["told"] or found["story"]) if found else ""
    if told in (_IKE, _CHILD):
        return _State("ESTABLISHED", told == _CHILD, line[0])
    if found and found["state"] and _OTHER_STATE.fullmatch(found["state"]):
        return _State(found["state"], False, line[0])
    if found and found["story"] and _OTHER_STORY.fullmatch(found["story"]):
        return _State(found["story"], False, line[0])
    raise UnreadableStatus(_COMMAND, line[0])


def _children(
    name: str, xfrm: str, states: dict[int, _State], spis: dict[int, re.Match[str]]
) -> tuple[ChildReport, ...]:
    """The Child SAs that stand, as far as the kernel has them."""
    kernel = xfrm_report.by_spi(xfrm)
    found = []
    for number, state in states.items():
        if state.child and number not in spis:
            raise UnreadableStatus(_COMMAND, state.line, "no line tells the SPIs of this SA")
        if state.child:
            pair = spis[number]
            found.append(xfrm_report.child_report(name, kernel, pair["in"].zfill(8), pair["out"].zfill(8)))
    return tuple(child for child in found if child is not None)


def _suite(newest: re.Match[str]) -> tuple[str, str | None, str, str]:
    """ENCR, INTEG, PRF, KE of ``AES_CBC_256-HMAC_SHA2_512-MODP3072``: integrity is left out where it is the PRF's."""
    words = newest["suite"].split("-")
    if len(words) not in (3, 4):
        raise UnreadableStatus(_COMMAND, newest[0])

    def ours(kind: TransformType, *spellings: str) -> str:
        known = filter(None, (KEYWORDS.our_name(kind, word) for word in spellings))
        for name in known:
            return name
        raise UnreadableStatus(_COMMAND, newest[0], f"{kind.name} {spellings[0]}")

    # CHACHA20_POLY1305 has one key length; the status shows it all the same.
    encr = ours(TransformType.ENCR, words[0], words[0].rpartition("_")[0])
    prf = ours(TransformType.PRF, words[1])
    integ = ours(TransformType.INTEG, words[2]) if len(words) == 4 else None
    if integ is None and not any(mark in encr for mark in ("gcm", "ccm", "poly1305")):
        integ = next((each for each in KEYWORDS.tables[TransformType.INTEG] if each.startswith(f"{prf}-")), None)
    return encr, integ, prf, ours(TransformType.KE, words[-1])

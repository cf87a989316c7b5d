"""What ``list-sas`` answers over vici, in the words of PeerReport."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab.strongswan_keywords import reported_name
from harness.registry.transforms import TransformType

Raw = Mapping[str, Any]


def peer_report(version: str, messages: Iterable[Raw]) -> PeerReport:
    """The report of the SAs in the events that ``list-sas`` streamed, one IKE SA each."""
    plain = [_plain(message) for message in messages]
    sas = tuple(_ike_sa(name, sa) for message in plain for name, sa in message.items())
    return PeerReport(version, sas, json.dumps(plain, indent=2))


def _plain(value: Any) -> Any:
    """vici values are octets, lists and sections: text, list and dict."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def _ike_sa(name: str, sa: Raw) -> SaReport:
    additional = (sa.get(f"ake{slot}", "") for slot in range(1, 8))
    return SaReport(
        name=name,
        state=sa["state"],
        initiator=sa.get("initiator") == "yes",
        initiator_spi=sa["initiator-spi"],
        responder_spi=sa["responder-spi"],
        encr=_encryption(sa),
        integ=_integrity(sa),
        prf=_name(TransformType.PRF, sa.get("prf-alg", "")),
        ke=_name(TransformType.KE, sa.get("dh-group", "")),
        additional_ke=tuple(_name(TransformType.KE, method) for method in additional if method),
        children=tuple(_child_sa(child) for child in sa.get("child-sas", {}).values()),
    )


def _child_sa(child: Raw) -> ChildReport:
    return ChildReport(
        name=child["name"],
        state=child["state"],
        mode=child["mode"],
        udp_encapsulated=child.get("encap") == "yes",
        spi_in=child.get("spi-in", ""),
        spi_out=child.get("spi-out", ""),
        encr=_encryption(child),
        integ=_integrity(child),
        esn=child.get("esn", "") not in ("", "0", "no"),
        packets_in=int(child.get("packets-in", 0)),
        packets_out=int(child.get("packets-out", 0)),
        bytes_in=int(child.get("bytes-in", 0)),
        bytes_out=int(child.get("bytes-out", 0)),
    )


def _encryption(sa: Raw) -> str:
    bits = sa.get("encr-keysize")
    return reported_name(TransformType.ENCR, sa.get("encr-alg", ""), int(bits) if bits else None)


def _integrity(sa: Raw) -> str | None:
    reported = sa.get("integ-alg", "")
    return _name(TransformType.INTEG, reported) if reported else None


def _name(kind: TransformType, reported: str) -> str:
    return reported_name(kind, reported)

"""What ``list-sas`` answers over vici, in the words of PeerReport."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from harness.border.values import whole_number
from harness.evidence.peer_report import ChildReport, PeerReport, SaReport
from harness.lab.errors import UnreadableStatus
from harness.lab.products.strongswan.keywords import reported_name
from harness.registry.transforms import TransformType

Raw = Mapping[str, Any]

_COMMAND = "vici list-sas"
_STATES = (
    "CREATED", "CONNECTING", "ESTABLISHED", "PASSIVE", "REKEYING", "REKEYED", "DELETING", "DESTROYING",
)  # fmt: skip
_CHILD_STATES = (
    "CREATED", "ROUTED", "INSTALLING", "INSTALLED", "UPDATING", "REKEYING", "REKEYED", "RETRYING", "DELETING",
    "DELETED", "DESTROYING",
)  # fmt: skip
_IKE_SPI, _ESP_SPI, _COUNT = (re.compile(pattern) for pattern in (r"[0-9a-f]{16}", r"[0-9a-f]{8}", r"[0-9]{1,20}"))
_AGREED = ("ESTABLISHED", "INSTALLED")  # states in which everything has been agreed on, and is shown


def peer_report(version: str, messages: Iterable[Raw]) -> PeerReport:
    """The report of the SAs in the events that ``list-sas`` streamed, as text, one IKE SA each.

    Raises:
        UnreadableStatus: a field that strongSwan always shows is missing, or says what we do not know.
    """
    events = list(messages)
    sas = tuple(_ike_sa(name, sa) for event in events for name, sa in event.items())
    return PeerReport(version, sas, json.dumps(events, indent=2))


def _ike_sa(name: str, sa: Raw) -> SaReport:
    if not isinstance(sa, Mapping):
        raise UnreadableStatus(_COMMAND, f"{name}: {sa}")
    state = _word(sa, "state", _STATES)
    agreed = state in _AGREED
    additional = (_algorithm(sa, TransformType.KE, f"ake{slot}", due=False) for slot in range(1, 8))
    return SaReport(
        name=name,
        state=state,
        initiator=sa.get("initiator") == "yes",
        initiator_spi=_field(sa, "initiator-spi", _IKE_SPI),
        responder_spi=_field(sa, "responder-spi", _IKE_SPI),
        encr=_algorithm(sa, TransformType.ENCR, "encr-alg", due=agreed),
        integ=_algorithm(sa, TransformType.INTEG, "integ-alg", due=False) or None,
        prf=_algorithm(sa, TransformType.PRF, "prf-alg", due=agreed),
        ke=_algorithm(sa, TransformType.KE, "dh-group", due=agreed),
        additional_ke=tuple(filter(None, additional)),
        children=tuple(_child_sa(child) for child in _section(sa.get("child-sas", {})).values()),
    )


def _section(value: Any) -> Raw:
    """A section of the answer."""
    if not isinstance(value, Mapping):
        raise UnreadableStatus(_COMMAND, json.dumps(value))
    return value


def _child_sa(value: Any) -> ChildReport:
    child = _section(value)
    state = _word(child, "state", _CHILD_STATES)
    agreed = state in _AGREED
    return ChildReport(
        name=_field(child, "name"),
        state=state,
        mode=_field(child, "mode"),
        udp_encapsulated=child.get("encap") == "yes",
        spi_in=_field(child, "spi-in", _ESP_SPI, due=agreed),
        spi_out=_field(child, "spi-out", _ESP_SPI, due=agreed),
        encr=_algorithm(child, TransformType.ENCR, "encr-alg", due=agreed),
        integ=_algorithm(child, TransformType.INTEG, "integ-alg", due=False) or None,
        esn=child.get("esn", "") not in ("", "0", "no"),
        packets_in=_count(child, "packets-in", due=agreed),
        packets_out=_count(child, "packets-out", due=agreed),
        bytes_in=_count(child, "bytes-in", due=agreed),
        bytes_out=_count(child, "bytes-out", due=agreed),
    )


def _field(sa: Raw, key: str, form: re.Pattern[str] | None = None, *, due: bool = True) -> str:
    """A field of the answer; "" where it is not there and not due."""
    value = sa.get(key, "" if not due else None)
    if not isinstance(value, str) or (value and form is not None and not form.fullmatch(value)):
        raise UnreadableStatus(_COMMAND, json.dumps(sa), f"{key} is {value!r}")
    return value


def _word(sa: Raw, key: str, known: tuple[str, ...]) -> str:
    value = _field(sa, key)
    if value not in known:
        raise UnreadableStatus(_COMMAND, json.dumps(sa), f"{key} is {value!r}")
    return value


def _count(child: Raw, key: str, *, due: bool) -> int:
    return int(_field(child, key, _COUNT, due=due) or 0)


def _algorithm(sa: Raw, kind: TransformType, key: str, *, due: bool) -> str:
    """An algorithm in our spelling; "" where none is shown and none is due."""
    reported = _field(sa, key, due=due)
    if not reported:
        return ""
    bits = _field(sa, "encr-keysize", due=False) if kind is TransformType.ENCR else ""
    name = reported_name(kind, reported, whole_number(bits))
    if name is None:
        raise UnreadableStatus(_COMMAND, json.dumps(sa), f"{key} is {reported!r}{f' with {bits} bits' if bits else ''}")
    return name

"""An IKE message as lines: as our parser has it, and as tshark's JSON has it.

A header is a line; then one for each payload, proposal, transform and traffic selector. Octets are in hexadecimal.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.registry.identities import IdentificationType
from harness.registry.messages import PayloadType
from harness.verify.wire import Piece
from harness.wire.payload import Payload
from harness.wire.payloads import (
    Authentication,
    Delete,
    IdentificationInitiator,
    IdentificationResponder,
    KeyExchange,
    Nonce,
    Notify,
    SecurityAssociation,
    TrafficSelectorsInitiator,
    TrafficSelectorsResponder,
)
from harness.wire.payloads.security_association import Proposal
from harness.wire.payloads.traffic_selector import TrafficSelector

Tree = list[tuple[str, Any]]
"""An object of tshark's JSON: the same key may stand in it again."""

_SEALED = {"46", "53"}  # SK and SKF
_GENERIC = 4  # octets of a generic payload header


class _Known(dict[str, Any]):
    """The fields of an object by name; what tshark did not find is "none", as under keys that do not fit."""

    def __missing__(self, name: str) -> str:
        return "none"


def header_of(piece: Piece) -> Iterator[str]:
    """The IKE header and the payloads in clear, as our parser has them."""
    header = piece.message.header
    numbers = (int(header.exchange_type), header.version, header.flags, header.message_id, len(piece.octets))
    yield " ".join((header.initiator_spi.hex(), header.responder_spi.hex(), *map(str, numbers)))
    yield from lines(piece.message.payloads)
    if piece.fragment is not None:
        yield f"fragment {piece.fragment.fragment_number} of {piece.fragment.total_fragments}"


def their_header(isakmp: Tree) -> Iterator[str]:
    """The same, as tshark has them."""
    top = _Known(isakmp)
    if not top:
        yield "no IKE message"
        return
    spis = (_octets(top[f"isakmp.{side}spi"]) for side in "ir")
    numbers = (int(top[f"isakmp.{name}"], 0) for name in ("exchangetype", "version", "flags", "messageid", "length"))
    yield " ".join((*spis, *map(str, numbers)))
    yield from their_lines(isakmp)
    for kind, tree in _chain(isakmp):
        if kind == "53":
            yield f"fragment {_Known(tree)['isakmp.frag.number']} of {_Known(tree)['isakmp.frag.total']}"


def their_inside(isakmp: Tree) -> Tree:
    """What tshark has decrypted, put together if it came in fragments."""
    for kind, tree in _chain(isakmp):
        if kind in _SEALED:
            if any(name == "isakmp.fragments" for name, _ in tree):
                return tree
            contained = dict(_Known(tree).get("isakmp.enc.decrypted") or []).get("isakmp.enc.contained")
            return contained if isinstance(contained, list) else []
    return []


def _chain(tree: Tree) -> Iterator[tuple[str, Tree]]:
    """The payloads, proposals or transforms right below an object, in order."""
    kind = ""
    for name, value in tree:
        if name == "isakmp.typepayload":
            kind = value
        elif name == "isakmp.typepayload_tree":
            yield kind, value


def lines(payloads: Iterable[Payload]) -> Iterator[str]:
    """Payloads as our parser has them."""
    for payload in payloads:
        kind = int(payload.type)
        sealed = kind in (PayloadType.SK, PayloadType.SKF)
        yield f"payload {kind} critical {int(payload.critical)} octets {_GENERIC + len(payload.body())}"
        if not sealed:
            yield from _fields(payload)


def _fields(payload: Payload) -> Iterator[str]:
    match payload:
        case SecurityAssociation():
            for proposal in payload.proposals:
                yield from _proposal(proposal)
        case KeyExchange():
            yield f"ke {int(payload.method)} {payload.data.hex()}"
        case Nonce():
            yield f"nonce {payload.nonce.hex()}"
        case Notify():
            numbers = f"{int(payload.protocol)} {int(payload.notify_type)}"
            yield f"notify {numbers} spi {payload.spi.hex()} {payload.data.hex()}".rstrip()
        case IdentificationInitiator() | IdentificationResponder():
            yield f"id {int(payload.id_type)} {_identity(payload)}"
        case Authentication():
            yield f"auth {int(payload.method)} {payload.data.hex()}"
        case Delete():
            spis = " ".join(spi.hex() for spi in payload.spis)
            yield f"delete {int(payload.protocol)} {payload.spi_size} {spis}".rstrip()
        case TrafficSelectorsInitiator() | TrafficSelectorsResponder():
            yield from (_selector(each) for each in payload.selectors if isinstance(each, TrafficSelector))


def _proposal(proposal: Proposal) -> Iterator[str]:
    count = len(proposal.transforms)
    yield f"proposal {proposal.number} of {int(proposal.protocol)} spi {proposal.spi.hex()} with {count}"
    for each in proposal.transforms:
        attributes = " ".join(f"{int(a.type)}={a.value}" for a in each.attributes)
        yield f"transform {int(each.type)} {each.identifier} {attributes}".rstrip()


def _selector(each: TrafficSelector) -> str:
    ends = f"{ipaddress.ip_address(each.start)} {ipaddress.ip_address(each.end)}"
    return f"selector {int(each.ts_type)} {each.protocol} {each.start_port} {each.end_port} {ends}"


def _identity(payload: IdentificationInitiator | IdentificationResponder) -> str:
    if payload.id_type in (IdentificationType.ID_IPV4_ADDR, IdentificationType.ID_IPV6_ADDR):
        return str(ipaddress.ip_address(payload.data))
    if payload.id_type in (IdentificationType.ID_FQDN, IdentificationType.ID_RFC822_ADDR):
        return payload.data.decode("latin-1")
    return ""  # tshark takes it apart


def their_lines(tree: Tree) -> Iterator[str]:
    """Payloads as tshark has them."""
    for kind, inner in _chain(tree):
        known = _Known(inner)
        yield f"payload {kind} critical {known['isakmp.criticalpayload']} octets {known['isakmp.payloadlength']}"
        if kind not in _SEALED:
            yield from _their_fields(kind, inner, known)


def _their_fields(kind: str, tree: Tree, known: dict[str, Any]) -> Iterator[str]:
    match kind:
        case "33":
            for _, proposal in _chain(tree):
                yield from _their_proposal(proposal)
        case "34":
            yield f"ke {known['isakmp.key_exchange.dh_group']} {_octets(known['isakmp.key_exchange.data'])}"
        case "40":
            yield f"nonce {_octets(known['isakmp.nonce'])}"
        case "41":
            numbers = f"{known['isakmp.notify.protoid']} {known['isakmp.notify.msgtype']}"
            spi, data = (_octets(known.get(name, "")) for name in ("isakmp.notify.spi", "isakmp.notify.data"))
            yield f"notify {numbers} spi {spi} {data}".rstrip()
        case "35" | "36":
            yield f"id {known['isakmp.id.type']} {_their_identity(known)}"
        case "39":
            yield f"auth {known['isakmp.auth.method']} {_octets(known['isakmp.auth.data'])}"
        case "42":
            spis = [_octets(value) for name, value in tree if name == "isakmp.delete.spi"]
            yield f"delete {known['isakmp.delete.protoid']} {known['isakmp.spisize']} {' '.join(spis)}".rstrip()
        case "44" | "45":
            for name, selector in tree:
                if name == "isakmp.ts.data" and isinstance(selector, list):
                    yield _their_selector(_Known(selector))


def _their_proposal(tree: Tree) -> Iterator[str]:
    known = _Known(tree)
    number, protocol, count = (known[f"isakmp.prop.{name}"] for name in ("number", "protoid", "transforms"))
    yield f"proposal {number} of {protocol} spi {_octets(known.get('isakmp.spi', ''))} with {count}"
    for _, transform in _chain(tree):
        inner = _Known(transform)
        identifier = next((value for name, value in transform if name.startswith("isakmp.tf.id")), "none")
        attributes = [_Known(value) for name, value in transform if name == "isakmp.ike2.attr"]
        each = " ".join(f"{a['isakmp.ike2.attr.type']}={_attribute(a)}" for a in attributes)
        yield f"transform {inner['isakmp.tf.type']} {identifier} {each}".rstrip()


def _attribute(known: dict[str, Any]) -> str:
    octets = bytes.fromhex(_octets(known.get("isakmp.ike2.attr.value", "")))
    return str(int.from_bytes(octets)) if known.get("isakmp.ike2.attr.format") == "1" else str(octets)


def _their_identity(known: dict[str, Any]) -> str:
    inside_of = known.get("isakmp.id.data")
    named = {"1", "2", "3", "5"}
    if known["isakmp.id.type"] not in named or not isinstance(inside_of, list):
        return ""
    return str(inside_of[0][1])


def _their_selector(known: dict[str, Any]) -> str:
    numbers = (known[f"isakmp.ts.{name}"] for name in ("type", "protoid", "start_port", "end_port"))
    ends = [value for name, value in known.items() if name.startswith(("isakmp.ts.start_ip", "isakmp.ts.end_ip"))]
    return f"selector {' '.join((*numbers, *ends))}"


def _octets(text: str) -> str:
    return text.replace(":", "")

"""``ipsec-interop list``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from harness.cli.common import ROOT, peers_option
from harness.cli.output import out
from harness.crypto.key_exchange import unavailable_reason
from harness.ike.deviations.table import DEVIATIONS, Entry
from harness.lab.docker.engine import connect
from harness.lab.docker.images import ImageBuilder, peer_context
from harness.lab.drivers import driver_family
from harness.lab.errors import DockerUnavailable
from harness.policy.role import Role
from harness.registry.algorithms import names
from harness.registry.transforms import KeyExchangeMethod, TransformType
from harness.run.inputs import load_inputs
from harness.scenario.peer import Peer
from harness.verify.checks.catalogue import CHECKS

Row = dict[str, str]
_IN_TESTER = "none of its own: it runs in the tester's"
_NOT_BUILT = "not built yet: the first run builds it, or `ipsec-interop lab up`"


def _peers(folders: tuple[Path, ...]) -> list[Row]:
    peers = load_inputs(ROOT, folders).peers.values()
    images = _images(peers)
    return [
        {
            "name": peer.name,
            "title": peer.title,
            "kind": "emulated" if peer.emulated else "the harness" if peer.is_harness else "real",
            "esp": peer.esp_implementation,
            "image": images[peer.name],
            "from": str(peer.brought_in or ""),
        }
        for peer in peers
    ]


def _images(peers: Iterable[Peer]) -> dict[str, str]:
    """How each peer's image stands, by the peer's name: there, to be built first, or why nobody can tell."""
    try:
        client = connect()
    except DockerUnavailable as error:
        return {peer.name: f"unavailable: {error}" for peer in peers}
    try:
        contexts = {peer.name: peer_context(peer) for peer in peers if not driver_family(peer.driver).in_tester}
        missing = {context.tag for context in ImageBuilder(client).missing(contexts.values())}
        built = {name: _NOT_BUILT if context.tag in missing else "built" for name, context in contexts.items()}
        return {peer.name: built.get(peer.name, _IN_TESTER) for peer in peers}
    finally:
        client.close()


def _scenarios(_folders: tuple[Path, ...]) -> list[Row]:
    scenarios = load_inputs(ROOT).scenarios.values()
    return [{"name": s.id, "title": s.title, "requirements": " ".join(r.id for r in s.requirements)} for s in scenarios]


def _checks(_folders: tuple[Path, ...]) -> list[Row]:
    return [{"name": check.name, "title": check.title} for check in CHECKS.values()]


def _deviations(_folders: tuple[Path, ...]) -> list[Row]:
    return [{"name": n.value, "title": e.sentence, "role": _role(e), "source": e.source} for n, e in DEVIATIONS.items()]


def _role(entry: Entry) -> str:
    """The role that our engine has to play for it."""
    if entry.as_initiator and entry.as_responder:
        return "either"
    return Role.INITIATOR.value if entry.as_initiator else Role.RESPONDER.value


def _algorithms(_folders: tuple[Path, ...]) -> list[Row]:
    kinds = (TransformType.ENCR, TransformType.PRF, TransformType.INTEG, TransformType.KE, TransformType.SN)
    rows = []
    for kind in kinds:
        for name, algorithm in names(kind).items():
            reason = unavailable_reason(KeyExchangeMethod(algorithm.identifier)) if kind.is_key_exchange else None
            rows.append({"name": name, "type": kind.name, "number": str(algorithm.identifier), "engine": reason or ""})
    return rows


_TABLES: dict[str, Callable[[tuple[Path, ...]], list[Row]]] = {
    "peers": _peers,
    "scenarios": _scenarios,
    "checks": _checks,
    "deviations": _deviations,
    "algorithms": _algorithms,
}


@click.command("list")
@click.argument("what", type=click.Choice(list(_TABLES)))
@peers_option
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def listing(what: str, folders: tuple[Path, ...], as_json: bool) -> None:
    """Tell what there is."""
    rows = _TABLES[what](folders)
    if as_json:
        out(json.dumps(rows, indent=2))
        return
    if not rows:
        out(f"no {what}")
        return
    widths = {key: max(len(row[key]) for row in rows) for key in rows[0]}
    for row in rows:
        out("  ".join(row[key].ljust(widths[key]) for key in row).rstrip())

"""One peer.toml: a peer for each ``[[version]]``, of a family of its own or of a product that is known already."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType
from harness.scenario.peer import Capabilities, KnownFailure, Peer
from harness.scenario.policy_file import read_algorithms
from harness.scenario.profile_file import read_roles
from harness.scenario.published_file import check_published, published_of, read_published
from harness.scenario.table import Table
from harness.scenario.toml_source import read_toml

_PINNED = re.compile(r"[\w.-]+==[\w.!+-]+(?: --hash=sha256:[0-9a-f]{64})+")

ESP_IMPLEMENTATIONS = ("userspace", "kernel")

_FAMILY_KEYS = frozenset(
    {
        "family", "driver", "esp-implementation", "concurrent", "certificates", "packages", "python-packages",
        "ike", "esp", "published", "version",
    }
)  # fmt: skip
_EXTENSION_KEYS = frozenset({"extends", "version"})
_VERSION_KEYS = frozenset(
    {
        "version", "release", "title", "suite", "additional-key-exchange", "fragmentation", "demands-cookies", "rekeys",
        "transport-mode", "esp-without-udp", "status", "echo", "identity", "certificates", "certificates-reason",
        "roles", "role-reason",
        "ike", "esp", "published", "known-failure", "variant", "esp-implementation", "concurrent", "packages",
        "python-packages",
    }
)  # fmt: skip
_KNOWN_FAILURE_KEYS = frozenset({"scenario", "role", "requirement", "reason", "link", "with"})
_SHEET_KEYS: dict[str, dict[str, TransformType]] = {
    "ike": {
        "encr": TransformType.ENCR,
        "prf": TransformType.PRF,
        "integ": TransformType.INTEG,
        "ke": TransformType.KE,
    },
    "esp": {
        "encr": TransformType.ENCR,
        "integ": TransformType.INTEG,
        "ke": TransformType.KE,
        "sn": TransformType.SN,
    },
}


def load_family(path: Path, known: Mapping[str, Peer] = MappingProxyType({})) -> tuple[Peer, ...]:
    """The peers of one peer.toml, also of one outside of this repository.

    One that says ``extends = "strongswan-6.1"`` holds releases of that product: what a version does not say itself,
    driver, templates, sheet and known failures among it, is as for that peer, which is one of ``known``.

    Raises:
        InvalidData: the file breaks its format.
    """
    table = Table.root(read_toml(path))
    extended = _extended(table, known)
    prototype = extended or _family(table, path.parent)
    prototype = replace(prototype, described_in=(*prototype.described_in, path.parent))
    versions = table.tables("version")
    if not versions:
        table.complain(None, "a peer needs at least one [[version]]")
    peers = tuple(_release(entry, prototype, new=extended is None) for entry in versions)
    if extended and (path.parent / "Dockerfile").is_file():
        peers = tuple(replace(peer, image_folder=path.parent) for peer in peers)
    for entry, peer in zip(versions, peers, strict=True):
        check_published(entry, peer.published, peer.capabilities)
    table.raise_problems()
    return peers


def _extended(table: Table, known: Mapping[str, Peer]) -> Peer | None:
    """The peer whose releases the file holds; None where it is a family of its own.

    Raises:
        InvalidData: nobody has that name.
    """
    if "extends" not in table.data:
        return None
    table.finish(_EXTENSION_KEYS)
    name = table.string("extends")
    real = {name: peer for name, peer in known.items() if not peer.emulated and not peer.is_harness}
    if name not in real:
        table.complain("extends", f"unknown peer {name!r}; known: {', '.join(real)}")
        table.raise_problems()
    return real[name]


def _family(table: Table, folder: Path) -> Peer:
    """What the versions of a family share, as a peer without name, title and version."""
    table.finish(_FAMILY_KEYS)
    family, driver = table.word("family"), table.string("driver")
    sheets = {protocol: _sheet(table, protocol) for protocol in _SHEET_KEYS}
    certificates = table.boolean("certificates", False)
    return Peer(
        name="",
        title="",
        family=family,
        driver=driver,
        version="",
        suite="",
        packages=table.strings("packages"),
        capabilities=Capabilities(
            sheets["ike"],
            sheets["esp"],
            False,
            certificates=certificates,
            certificates_reason="" if certificates else _UNTOLD,
        ),
        esp_implementation=table.choice("esp-implementation", ESP_IMPLEMENTATIONS),
        python_packages=_python_packages(table),
        concurrent=table.boolean("concurrent", True),
        published=read_published(table),
        folder=folder,
    )


def _release(entry: Table, prototype: Peer, *, new: bool) -> Peer:
    """One version. ``new`` tells that its product is not known, so that it has to say what no family says."""
    family = prototype.family
    return replace(
        prototype,
        name="-".join(filter(None, (family, entry.word("version", ""), entry.word("variant", "")))),
        title=entry.string("title"),
        version=entry.string("version", ""),
        suite=entry.string("suite", None if new else prototype.suite),
        packages=entry.strings("packages", prototype.packages),
        capabilities=_capabilities(entry, prototype.capabilities, new=new),
        esp_implementation=entry.choice("esp-implementation", ESP_IMPLEMENTATIONS, prototype.esp_implementation),
        python_packages=_python_packages(entry) or prototype.python_packages,
        concurrent=entry.boolean("concurrent", prototype.concurrent),
        # What was read in the source of a release is not known of the next one.
        published=published_of(entry, prototype.published if new else None),
        known_failures=(*map(_known_failure, entry.tables("known-failure")), *prototype.known_failures),
    )


_UNTOLD = "nothing says that its driver can have it authenticate by certificate"
"""Why a peer does not authenticate by certificate, unless its sheet says that it does, or why not."""

Sheet = dict[TransformType, frozenset[Algorithm]]


def _sheet(owner: Table, protocol: str) -> Sheet:
    table = owner.table(protocol)
    if table is None:
        return {}
    kinds = _SHEET_KEYS[protocol]
    table.finish(kinds)
    return {kind: frozenset(read_algorithms(table, key, kind)) for key, kind in kinds.items() if key in table.data}


def _capabilities(entry: Table, had: Capabilities, *, new: bool) -> Capabilities:
    """A version's sheet: as ``had``, with the lists that the version gives itself in place of those."""
    entry.finish(_VERSION_KEYS)
    sheets = {"ike": {**had.ike, **_sheet(entry, "ike")}, "esp": {**had.esp, **_sheet(entry, "esp")}}
    for protocol, kinds in _SHEET_KEYS.items():
        for key, kind in kinds.items():
            if kind not in sheets[protocol]:
                entry.complain(None, f"the capability sheet lacks {protocol}.{key}")
    roles, reason = read_roles(entry) if "roles" in entry.data else (had.roles, had.role_reason)
    certificates = entry.boolean("certificates", had.certificates)
    why_none = entry.string("certificates-reason", had.certificates_reason)
    if not certificates and not why_none:
        entry.complain("certificates", "a peer without certificates says why in 'certificates-reason'")
    return Capabilities(
        ike=sheets["ike"],
        esp=sheets["esp"],
        additional_key_exchange=entry.boolean("additional-key-exchange", None if new else had.additional_key_exchange),
        fragmentation=entry.boolean("fragmentation", had.fragmentation),
        rekeys=entry.boolean("rekeys", had.rekeys),
        demands_cookies=entry.boolean("demands-cookies", had.demands_cookies),
        certificates=certificates,
        certificates_reason=why_none,
        transport_mode=entry.boolean("transport-mode", had.transport_mode),
        esp_without_udp=entry.boolean("esp-without-udp", had.esp_without_udp),
        status=entry.boolean("status", had.status),
        echo=entry.boolean("echo", had.echo),
        identity=entry.word("identity", had.identity),
        roles=roles,
        role_reason=reason,
    )


def _python_packages(table: Table) -> tuple[str, ...]:
    """Requirements for pip. Each is one release, and names the files that may be taken for it by their hashes."""
    found = table.strings("python-packages", ())
    for each in found:
        if not _PINNED.fullmatch(each):
            table.complain("python-packages", f"{each!r} is not of the form 'name==version --hash=sha256:...'")
    return found


def _known_failure(table: Table) -> KnownFailure:
    table.finish(_KNOWN_FAILURE_KEYS)
    role = table.choice("role", tuple(Role), "")
    return KnownFailure(
        scenario=table.string("scenario"),
        role=Role(role) if role in tuple(Role) else None,
        requirement=table.string("requirement"),
        reason=table.string("reason"),
        link=table.string("link"),
        where=f"{table.source.path}:{table.source.line(table.where)}",
        other=table.string("with", ""),
    )

"""Peers from their data files: one for each ``[[version]]`` of peers/<family>/peer.toml, and the profiles they wear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import Role
from harness.scenario.peer import Capabilities, KnownFailure, Peer
from harness.scenario.policy_file import read_algorithms
from harness.scenario.profile_file import PROFILES_FOLDER, load_profile, read_roles
from harness.scenario.published_file import check_published, published_of, read_published
from harness.scenario.table import Table
from harness.scenario.toml_source import InvalidData, Problem, read_toml

PEER_FILE = "peer.toml"
PROFILE_FILE = "profile.toml"

ESP_IMPLEMENTATIONS = ("userspace", "kernel")

_FAMILY_KEYS = frozenset(
    {"family", "driver", "esp-implementation", "concurrent", "packages", "ike", "esp", "published", "version"}
)
_VERSION_KEYS = frozenset(
    {
        "version", "release", "title", "suite", "additional-key-exchange", "fragmentation", "demands-cookies", "rekeys",
        "transport-mode", "esp-without-udp", "certificates", "certificates-reason",
        "roles", "role-reason",
        "ike", "esp", "published", "known-failure", "variant", "esp-implementation", "concurrent", "packages",
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


def load_peers(folder: Path, *brought: Path) -> dict[str, Peer]:
    """Every peer below a folder by its name: ``strongswan-6.1``, ``emulated/cisco-8000-26.1.1``.

    ``brought`` are folders of a user's own, outside of this repository: their peers know where they come from.

    Raises:
        InvalidData: a file breaks its format, or two peers have the same name; the problems of all files together.
    """
    peers: dict[str, Peer] = {}
    problems: list[Problem] = []
    for each in brought:
        problems.extend(_unfit(each))
    for path, source in _files((folder, *brought), PEER_FILE):
        try:
            for peer in load_family(path):
                if peer.name in peers:
                    problems.append(Problem(str(path), 1, f"peer {peer.name!r} is also in {peers[peer.name].folder}"))
                peers[peer.name] = replace(peer, brought_in=source if source in brought else None)
        except InvalidData as error:
            problems.extend(error.problems)
    if problems:
        raise InvalidData(*problems)  # what profiles stand on is not known: what could be said of them misleads
    for path, source in _files(tuple(each / PROFILES_FOLDER for each in (folder, *brought)), PROFILE_FILE):
        try:
            peer = load_profile(path, peers)
            if peer.name in peers:
                problems.append(Problem(str(path), 1, f"there is another profile {peer.name!r}"))
            peers[peer.name] = replace(peer, brought_in=source.parent if source.parent in brought else None)
        except InvalidData as error:
            problems.extend(error.problems)
    if not peers and not problems:
        problems.append(Problem(str(folder), 1, "holds no peers"))
    if problems:
        raise InvalidData(*problems)
    return peers


def _files(folders: tuple[Path, ...], name: str) -> Iterator[tuple[Path, Path]]:
    """Each file of this name one folder deeper, with the folder it was looked for in."""
    return ((path, folder) for folder in folders for path in sorted(folder.glob(f"*/{name}")))


def _unfit(brought: Path) -> list[Problem]:
    """What is wrong with a folder that a user brings, as a whole."""
    if (brought / PEER_FILE).is_file():
        return [Problem(str(brought), 1, f"is one peer's folder; name the one that holds it: {brought.parent}")]
    if not any(_files((brought,), PEER_FILE)) and not any(_files((brought / PROFILES_FOLDER,), PROFILE_FILE)):
        return [Problem(str(brought), 1, f"holds no peers: no file */{PEER_FILE}")]
    return []


def load_family(path: Path) -> tuple[Peer, ...]:
    """The peers of one peer.toml, also of one outside of this repository.

    Raises:
        InvalidData: the file breaks its format.
    """
    table = Table.root(read_toml(path))
    table.finish(_FAMILY_KEYS)
    family, driver = table.string("family"), table.string("driver")
    esp = table.choice("esp-implementation", ESP_IMPLEMENTATIONS)
    concurrent = table.boolean("concurrent", True)
    packages = table.strings("packages")
    common = {protocol: _sheet(table, protocol) for protocol in _SHEET_KEYS}
    published = read_published(table)
    versions = table.tables("version")
    if not versions:
        table.complain(None, "a peer needs at least one [[version]]")
    peers = tuple(
        Peer(
            name="-".join(filter(None, (family, entry.string("version"), entry.string("variant", "")))),
            title=entry.string("title"),
            family=family,
            driver=driver,
            version=entry.string("version"),
            suite=entry.string("suite"),
            packages=entry.strings("packages", packages),
            capabilities=_capabilities(entry, common, _UNTOLD.get(driver, "")),
            esp_implementation=entry.choice("esp-implementation", ESP_IMPLEMENTATIONS, esp),
            concurrent=entry.boolean("concurrent", concurrent),
            published=published_of(entry, published),
            known_failures=tuple(_known_failure(failure) for failure in entry.tables("known-failure")),
            folder=path.parent,
        )
        for entry in versions
    )
    for entry, peer in zip(versions, peers, strict=True):
        check_published(entry, peer.published, peer.capabilities)
    table.raise_problems()
    return peers


_UNTOLD = {"program": "its control program is told pre-shared keys alone"}
"""By driver: why a peer does not authenticate by certificate, unless its sheet says that it does."""

Sheet = dict[TransformType, frozenset[Algorithm]]


def _sheet(owner: Table, protocol: str) -> Sheet:
    table = owner.table(protocol)
    if table is None:
        return {}
    kinds = _SHEET_KEYS[protocol]
    table.finish(kinds)
    return {kind: frozenset(read_algorithms(table, key, kind)) for key, kind in kinds.items() if key in table.data}


def _capabilities(entry: Table, common: dict[str, Sheet], untold: str) -> Capabilities:
    """A version's sheet: the family's, with the lists that the version gives itself in place of the family's."""
    entry.finish(_VERSION_KEYS)
    sheets = {protocol: {**common[protocol], **_sheet(entry, protocol)} for protocol in _SHEET_KEYS}
    for protocol, kinds in _SHEET_KEYS.items():
        for key, kind in kinds.items():
            if kind not in sheets[protocol]:
                entry.complain(None, f"the capability sheet lacks {protocol}.{key}")
    roles, reason = read_roles(entry)
    certificates = entry.boolean("certificates", not untold)
    why_none = entry.string("certificates-reason", untold)
    if not certificates and not why_none:
        entry.complain("certificates", "a peer without certificates says why in 'certificates-reason'")
    return Capabilities(
        ike=sheets["ike"],
        esp=sheets["esp"],
        additional_key_exchange=entry.boolean("additional-key-exchange"),
        fragmentation=entry.boolean("fragmentation", True),
        rekeys=entry.boolean("rekeys", True),
        demands_cookies=entry.boolean("demands-cookies", True),
        certificates=certificates,
        certificates_reason=why_none,
        transport_mode=entry.boolean("transport-mode", True),
        esp_without_udp=entry.boolean("esp-without-udp", True),
        roles=roles,
        role_reason=reason,
    )


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

"""All peers below a folder, and below those that a user brings: products by family, and profiles on top of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.border.names import leads_out
from harness.scenario.family_file import load_family
from harness.scenario.peer import Peer
from harness.scenario.profile_file import PROFILES_FOLDER, load_profile
from harness.scenario.toml_source import InvalidData, Problem

PEER_FILE = "peer.toml"
PROFILE_FILE = "profile.toml"


def load_peers(folder: Path, *brought: Path) -> dict[str, Peer]:
    """Every peer below a folder by its name: ``strongswan-6.1``, ``emulated/cisco-8000-26.1.1``.

    ``brought`` are folders of a user's own, outside of this repository: their peers know where they come from.

    Raises:
        InvalidData: a file breaks its format, or two peers have the same name; the problems of all files together.
    """
    peers: dict[str, Peer] = {}
    problems: list[Problem] = []
    for each in brought:
        problems.extend(_unfit(each) or _links_that_lead_out(each))
    for path, source in _files((folder, *brought), PEER_FILE):
        try:
            for peer in load_family(path, peers):
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


def _links_that_lead_out(brought: Path) -> list[Problem]:
    """What a folder of somebody else's holds goes into images and configurations; no other file of this machine does.

    It is looked for where peers and profiles are, as nothing else of the folder is read.
    """
    folders = {path.parent for path, _ in _files((brought,), PEER_FILE)}
    folders |= {path.parent for path, _ in _files((brought / PROFILES_FOLDER,), PROFILE_FILE)}
    found = (each for folder in sorted(folders) for each in (folder, *sorted(folder.rglob("*"))))
    return [
        Problem(str(path), 1, f"is a link that leads out of {brought}") for path in found if leads_out(path, brought)
    ]

"""Names of files that come from outside: each is a plain relative path inside its folder, or it is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from harness.border import limits

_SPECIAL = frozenset('\\:*?"<>|')
"""Characters that mean something to another system, on which evidence is unpacked or published."""

_SHOWN = 100


class UnsafeName(ValueError):
    """A name that may lead elsewhere, or that some system cannot have; the message says why."""

    def __init__(self, name: str, reason: str) -> None:
        shown = ascii(name if len(name) <= _SHOWN else f"{name[:_SHOWN]}...")
        super().__init__(f"file name {shown}: {reason}")


def plain_name(name: str) -> str:
    """``name``, which is a plain relative path: ``/`` between its parts, no part hidden.

    Raises:
        UnsafeName: it is not.
    """
    parts = name.split("/")
    if len(parts) > limits.NAME_PARTS or len(_octets(name)) > limits.NAME_OCTETS:
        raise UnsafeName(name, f"more than {limits.NAME_PARTS} parts or {limits.NAME_OCTETS} octets")
    if not name.isprintable() or _SPECIAL & set(name):
        raise UnsafeName(name, "only printable characters, and none of " + " ".join(sorted(_SPECIAL)))
    for part in parts:
        if not part:
            raise UnsafeName(name, "a name relative to its folder, without empty parts")
        if part.startswith("."):
            raise UnsafeName(name, "no part may begin with a dot")
        if part.endswith((" ", ".")) or part.startswith(" "):
            raise UnsafeName(name, "no part may begin or end with a blank, or end with a dot")
        if len(_octets(part)) > limits.NAME_PART_OCTETS:
            raise UnsafeName(name, f"a part of more than {limits.NAME_PART_OCTETS} octets")
    return name


def plain_part(name: str) -> str:
    """``name``, which is the plain name of one file or folder.

    Raises:
        UnsafeName: it is not.
    """
    if "/" in name:
        raise UnsafeName(name, "one part, without /")
    return plain_name(name)


def inside(folder: Path, name: str) -> Path:
    """The path of ``name`` in ``folder``. No link on the way leads out of the folder.

    Raises:
        UnsafeName: the name is not plain, or a link leads out.
    """
    path = folder / plain_name(name)
    if leads_out(path, folder):
        raise UnsafeName(name, f"a link leads out of {folder}")
    return path


def leads_out(path: Path, folder: Path) -> bool:
    """Whether ``path``, all links followed, is not in ``folder``, or nowhere."""
    try:
        if not any(_links_below(folder, path)):  # to follow links from the root on is slow
            return False
        return not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links in a circle
        return True


def _links_below(folder: Path, path: Path) -> Iterator[bool]:
    """Whether each step from ``folder`` to ``path`` is a link; True where ``path`` is not below by its name."""
    steps = path.parts[len(folder.parts) :]
    if path.parts[: len(folder.parts)] != folder.parts or ".." in steps:
        yield True
    step = str(folder)
    for part in steps:
        step = f"{step}/{part}"
        yield os.path.islink(step)  # noqa: PTH114  # a tenth of the time of Path's


_SHOWN_AS_TEXT = frozenset({".conf", ".json", ".log", ".pem", ".secrets", ".toml", ".txt"})
"""Suffixes that no browser takes for a page with scripts."""


def shown_as_text(name: str) -> str:
    """A plain name under which no browser runs what is in the file: ``index.html`` becomes ``index.html.txt``."""
    suffix = Path(name).suffix
    return name if suffix in _SHOWN_AS_TEXT else f"{name}.txt"


def _octets(name: str) -> bytes:
    return name.encode("utf-8", errors="surrogatepass")

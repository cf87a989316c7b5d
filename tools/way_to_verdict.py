"""Print the files on the way from a folder of evidence to its verdict, as the imports have it, for each kind of case.

``python tools/way_to_verdict.py``: what ``harness/verify/judge.py`` reaches in evidence and judgement. The checks stand
apart, as a reader passes the one that a verdict names; so do the libraries below (octets, ciphers, names), and what
only cases of the other kind pass.
"""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
START = "harness.verify.judge"
WAY = ("harness.run.", "harness.evidence.", "harness.verify.")
CHECKS = "harness.verify.checks."
KINDS = {
    "our engine": ("harness.verify.with_reports", "harness.verify.pair_view"),
    "two products": ("harness.verify.with_keys", "harness.verify.esp"),
}
"""The kinds of a case, each with the modules at which the way of the other kind begins."""


def file_of(module: str) -> Path | None:
    """Where a module of ours is; None for a package, and for what is not ours."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if path.is_file() else None


def imports(path: Path) -> Iterator[str]:
    """The modules of ours that a file imports, at the top or within a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def reached(start: str, without: Container[str]) -> dict[str, Path]:
    """Every module of ours that ``start`` imports, directly or not, with its file; but for those named, and theirs."""
    found: dict[str, Path] = {}
    waiting = [start]
    while waiting:
        module = waiting.pop()
        path = None if module in found or module in without else file_of(module)
        if path is not None:
            found[module] = path
            waiting.extend(imports(path))
    return found


def main() -> None:
    """Print the ways, each with what stands apart, in numbers."""
    for kind, others in KINDS.items():
        modules = reached(START, others)
        way = sorted(name for name in modules if name.startswith(WAY) and not name.startswith(CHECKS))
        checks = [name for name in modules if name.startswith(CHECKS)]
        for name in way:
            print(f"{len(modules[name].read_text().splitlines()):5} {modules[name].relative_to(ROOT)}")
        below = len(modules) - len(way) - len(checks)
        print(f"{kind}: {len(way)} files; {len(checks)} of checks, {below} of libraries below")


if __name__ == "__main__":
    main()

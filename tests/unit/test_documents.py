"""What the documents name is there, and what is there they name: files, targets of make, files of the evidence."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    *(ROOT / each / "README.md" for each in ("peers", "reports")),
]
_PATH = re.compile(r"`((?:harness|tests|tools|scenarios|peers|docs)/[\w./-]+\.\w+)`")
_MODULE = re.compile(r"`([a-z]+(?:/\w+)+\.py)`")  # of ARCHITECTURE.md, below harness/
_EVIDENCE = re.compile(r"(?:\w+/)?[\w-]+\.(?:json|jsonl|txt|toml|pcapng)")

TO_BE_MADE = ("add-a-peer.md", "add-a-scenario.md")  # their readers make the files that they name
OF_OLDER_RUNS = {"pair.json"}  # still read, and not written any more


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name not in TO_BE_MADE], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_file_that_a_page_names_is_there(page):
    text = page.read_text()
    named = {ROOT / name for name in _PATH.findall(text)}
    if page.name == "ARCHITECTURE.md":
        named |= {ROOT / "harness" / name for name in _MODULE.findall(text) if not _PATH.fullmatch(f"`{name}`")}
        assert len(named) > 20
    assert [str(path.relative_to(ROOT)) for path in sorted(named) if not path.exists()] == []


def test_every_target_of_make_that_says_what_it_does_is_in_the_readme():
    targets = re.findall(r"^([\w-]+):.*## ", (ROOT / "Makefile").read_text(), re.M)
    readme = (ROOT / "README.md").read_text()
    assert len(targets) >= 8
    assert [target for target in targets if f"make {target}" not in readme] == ["help"]


def evidence_files() -> set[str]:
    """Names of files that stand in the code which writes and reads the evidence."""
    modules = [path for folder in ("run", "evidence") for path in (ROOT / "harness" / folder).glob("*.py")]
    nodes = [node for path in modules for node in ast.walk(ast.parse(path.read_text()))]
    literals = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in literals if _EVIDENCE.fullmatch(text)}


def test_every_file_of_the_evidence_has_its_row():
    rows = [line for line in (ROOT / "reports" / "README.md").read_text().splitlines() if line.startswith("| ")]
    first_cells = " ".join(row.split(" | ")[0] for row in rows)
    found = evidence_files() - OF_OLDER_RUNS
    assert {"peer/initiate.json", "wire.pcapng", "trace.jsonl"} <= found
    assert {name for name in found if f"{name}`" not in first_cells} == set()

"""The layers of ARCHITECTURE.md, as a failing test: contracts of import-linter, and what no import contract can see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from harness.lab.drivers import DRIVERS

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "harness"

PURE = ("border", "registry", "wire", "crypto", "ike", "esp", "scenario", "evidence", "results", "oracle")
FILES_ALLOWED = ("border", "scenario", "evidence", "results")  # their business is data files

BANNED_MODULES = {
    "asyncio", "http", "multiprocessing", "random", "requests", "secrets", "select", "selectors", "signal", "socket",
    "socketserver", "ssl", "subprocess", "time", "urllib",
}  # fmt: skip
BANNED_ATTRIBUTES = {
    ("os", "urandom"), ("os", "getrandom"), ("uuid", "uuid1"), ("uuid", "uuid4"),
    ("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today"),
}  # fmt: skip
BANNED_CALLS = {"open", "print", "input", "breakpoint", "exec", "eval"}

LARGEST_FILE = 500  # lines


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((HARNESS / folder).rglob("*.py"))]


def violations(source: str, files_allowed: bool) -> Iterator[str]:
    """What a module below ``transport`` may not do, one ``line: what`` each."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
            for alias in node.names:
                if ((node.module or "").rpartition(".")[2], alias.name) in BANNED_ATTRIBUTES:
                    yield f"{node.lineno}: {node.module}.{alias.name}"
        else:
            names = []
        for name in names:
            if name.partition(".")[0] in BANNED_MODULES:
                yield f"{getattr(node, 'lineno', 0)}: import {name}"
        if isinstance(node, ast.Attribute):
            owner = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
            if (owner, node.attr) in BANNED_ATTRIBUTES:
                yield f"{node.lineno}: {owner}.{node.attr}"
        banned_calls = BANNED_CALLS - {"open"} if files_allowed else BANNED_CALLS
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in banned_calls:
            yield f"{node.lineno}: {node.func.id}()"


def test_every_import_goes_up_the_list_of_layers():
    tool = Path(sys.executable).with_name("lint-imports")
    result = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_folder_of_the_harness_is_a_layer():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {part.strip(" ()").removeprefix("harness.") for layer in layers for part in layer.split("|")}
    folders = {path.parent.name for path in HARNESS.glob("*/__init__.py")}
    assert folders <= named
    assert set(PURE) <= folders


@pytest.mark.parametrize("folder", PURE)
def test_no_clock_socket_or_randomness_below_transport(folder):
    found = [
        f"{path.relative_to(ROOT)}:{violation}"
        for path in python_files(folder)
        for violation in violations(path.read_text(), folder in FILES_ALLOWED)
    ]
    assert not found


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import time as t",
        "from time import monotonic",
        "from asyncio import sleep",
        "import urllib.request",
        "import secrets",
        "import random",
        "import os\nos.urandom(8)",
        "from os import urandom",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.datetime.utcnow()",
        "def f():\n    import subprocess",
        "print('x')",
        "open('x')",
    ],
)
def test_the_scan_sees_each_kind_of_violation(source):
    assert list(violations(source, files_allowed=False))


@pytest.mark.parametrize("source", ["import datetime\ndatetime.datetime(2026, 1, 1)", "import os.path", "rng(8)"])
def test_the_scan_leaves_the_rest_alone(source):
    assert not list(violations(source, files_allowed=False))


def test_files_stay_small_enough_to_read():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in HARNESS.rglob("*.py")
        if (lines := len(path.read_text().splitlines())) > LARGEST_FILE
    }
    assert not long


def test_data_folders_hold_no_python():
    assert not [path for folder in ("peers", "scenarios") for path in (ROOT / folder).rglob("*.py")]


def test_octets_from_outside_become_text_in_one_place():
    """Whoever decodes with replacement has octets of somebody else, and ``border.text.decoded`` is for these."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in HARNESS.rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if re.search(r"""errors=["'](replace|ignore|surrogateescape|backslashreplace)""", line)
    ]
    allowed = ("harness/border/text.py", "harness/cli/output.py")  # the latter writes
    assert [place for place in found if not place.startswith(allowed)] == []
    assert any(place.startswith("harness/border/text.py") for place in found)


def test_the_command_says_things_in_one_place():
    """ruff forbids print elsewhere; nor does anybody write to a stream, or show what Rich takes for markup."""
    for path in (HARNESS / "cli").glob("*.py"):
        text = path.read_text()
        if path.name != "output.py":
            assert "click.echo" not in text and ".write(" not in text, path
        assert text.count("_console.print(") == text.count("_console.print(Text("), path
        assert text.count("TextColumn(") == text.count(", markup=False)"), path


PRODUCTS = HARNESS / "lab" / "products"
FOLDERS = {path.name for path in PRODUCTS.iterdir() if (path / "driver.py").is_file()}
OURS = "engine"  # our own engine is a product under test among others, and a party that every layer knows
WORDS = {"program"}  # the name of a folder, and a word of everyday language: it counts where it is all of a text

NAMED = {("harness/run/header.py", "vici"): "a package of Python, whose version a run records"}
"""What may stay in spite of the rule, by file and name, with the reason."""


def names_of_products() -> set[str]:
    """Of their folders and of their control interfaces."""
    return FOLDERS | {family.control for family in DRIVERS.values()} - {OURS}


def texts(source: str) -> Iterator[str]:
    """The string literals of a module, parts of f-strings among them, but no docstrings."""
    nodes = list(ast.walk(ast.parse(source)))
    bodies = [getattr(node, "body", None) for node in nodes]
    statements = [statement for body in bodies if isinstance(body, list) for statement in body]
    told = {id(each.value) for each in statements if isinstance(each, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def named_in(texts: Iterable[str]) -> set[str]:
    """The products that any of the texts names."""
    names = names_of_products()
    anywhere = re.compile(rf"(?<![a-z])({'|'.join(sorted(names - WORDS - {OURS}))})(?![a-z])")
    return {found for text in texts for found in (*anywhere.findall(text.lower()), *({text} & names & WORDS))}


def test_nothing_outside_of_a_products_folder_imports_it():
    assert len(FOLDERS) >= 4
    for path in HARNESS.rglob("*.py"):
        imported = set(re.findall(r"harness\.lab\.products\.(\w+)", path.read_text())) & FOLDERS
        assert all(path.is_relative_to(PRODUCTS / name) for name in imported), path


def test_nothing_outside_of_a_products_folder_knows_its_name():
    found = {
        (str(path.relative_to(ROOT)), name) for path in HARNESS.rglob("*.j2") for name in named_in([path.read_text()])
    }
    for path in HARNESS.rglob("*.py"):
        if path.is_relative_to(PRODUCTS) and path.relative_to(PRODUCTS).parts[0] in FOLDERS:
            continue
        found |= {(str(path.relative_to(ROOT)), name) for name in named_in(texts(path.read_text()))}
    assert found == set(NAMED)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('x = {"program": 1}', {"program"}),
        ('x = "its control program"', set()),
        ('x = f"up {y} as strongSwan-6.1"', {"strongswan"}),
        ('def f():\n    """As libreswan does."""\n    return "vici"', {"vici"}),
        ('"""libreswan"""\n# openiked\nx = "an engine"', set()),
    ],
)
def test_the_scan_for_names_sees_literals_alone(source, names):
    assert named_in(texts(source)) == names


def test_the_way_from_evidence_to_verdict_is_short():
    printed = subprocess.run(
        [sys.executable, ROOT / "tools" / "way_to_verdict.py"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    ways = re.findall(r"((?:^ .*\n)+)^(.*): (\d+) files;", printed, re.MULTILINE)
    assert [kind for _, kind, _ in ways] == ["our engine", "two products"]
    for files, _, number in ways:
        assert files.count("\n") == int(number)
        assert "harness/verify/judge.py" in files and "harness/evidence/store.py" in files
        assert 8 < int(number) < 16, printed

"""The layers of ARCHITECTURE.md, as a failing test: contracts of import-linter, and what no import contract can see."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HARNESS = ROOT / "harness"

PURE = ("registry", "wire", "crypto", "ike", "esp", "scenario", "evidence", "results", "oracle")
FILES_ALLOWED = ("scenario", "evidence", "results")  # their business is data files

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

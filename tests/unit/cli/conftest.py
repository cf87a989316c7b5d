"""The command in this process: what it prints and its exit status, against a checkout that a test may break."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from command import ROOT

from harness.cli import common, lint, listing, main, planning, repeating, running, verifying


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that an error is."""
        [line] = self.err.splitlines()
        assert line.startswith("ipsec-interop: ")
        return line.removeprefix("ipsec-interop: ")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("scenarios", "peers"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


@pytest.fixture
def checkout(pristine, tmp_path, monkeypatch):
    """The data of a checkout of one's own, which the command takes for its own, too."""
    root = tmp_path / "checkout"
    shutil.copytree(pristine, root)
    for module in (common, lint, listing, planning, repeating, running, verifying):
        monkeypatch.setattr(module, "ROOT", root)
    for module in (common, running):
        monkeypatch.setattr(module, "RUNS", root / "reports" / "runs")
    return root


@pytest.fixture
def interop(monkeypatch, capsys):
    def call(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["ipsec-interop", *map(str, arguments)])
        status = 0
        try:
            main.main()
        except SystemExit as end:
            status = int(end.code or 0)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return Said(status, said.out, said.err)

    return call


@pytest.fixture
def edit(checkout):
    """Replace one text of one file; the number of the line that the new text begins on."""

    def change(name: str, old: str, new: str) -> int:
        path = checkout / name
        text = path.read_text()
        assert text.count(old) >= 1, (name, old)
        at = text.index(old)
        path.write_text(text[:at] + new + text[at + len(old) :])
        return text[:at].count("\n") + 1

    return change

"""Tests of the lab stay together on one worker of pytest-xdist, whatever their files say; all others are spread."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"

TESTS = """
import os, pathlib, pytest

@pytest.mark.parametrize("n", range(4))
def test_where(n, request):
    marked = bool(request.node.get_closest_marker("lab"))
    pathlib.Path(f"{__name__}-{n}.out").write_text(f"{os.environ['PYTEST_XDIST_WORKER']} {marked}")
"""


@pytest.mark.parametrize(("folder", "workers", "marked"), [("lab", 1, "True"), ("unit", 2, "False")])
def test_the_lab_has_one_worker(folder, workers, marked, tmp_path):
    (tmp_path / "tests" / folder).mkdir(parents=True)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --import-mode=importlib\nmarkers = lab: needs Docker\n")
    shutil.copy(CONFTEST, tmp_path / "tests")
    for name in ("one", "two", "three"):
        (tmp_path / "tests" / folder / f"test_{name}.py").write_text(TESTS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider"]
    done = subprocess.run(command, check=False, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [path.read_text().split() for path in tmp_path.glob("*.out")]
    assert len(told) == 12
    assert len({worker for worker, _ in told}) == workers
    assert {mark for _, mark in told} == {marked}

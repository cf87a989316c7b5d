"""What a run stands on breaks in its midst: its folder is taken away, the disk is full. One line, and status 3."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RUN = ("run", "--runtime", "local", "--peer", "engine", "--jobs", "2")


def started(*arguments: object, preexec_fn: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.cli.entry", *map(str, arguments)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "DOCKER_HOST": "unix:///nonexistent"},
        preexec_fn=preexec_fn,  # noqa: PLW1509  # it sets limits, and takes no lock
    )  # fmt: skip


def files_limited_to(octets: int):
    """No file may be larger: what a full disk is to whoever writes, but for the number of the error."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (octets, octets))

    return limit


def test_a_folder_that_is_taken_away_ends_the_run(tmp_path):
    folder = tmp_path / "run"
    process = started(*RUN, "--out", folder)
    pause = threading.Event()
    while not (folder / "run.jsonl").exists() or (folder / "run.jsonl").read_text().count('"case"') < 2:
        assert process.poll() is None
        pause.wait(0.05)
    shutil.rmtree(folder)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 3
    assert out == ""
    last = err.splitlines()[-1]
    assert last == f"ipsec-interop: {folder / 'run.jsonl'}: No such file or directory"
    assert "Traceback" not in err


@pytest.mark.parametrize("octets", [4_000, 40_000, 90_000])  # not even a header, a few cases, no whole page
def test_a_disk_that_is_full_is_named_with_the_file_and_no_file_is_half_written(tmp_path, octets):
    folder = tmp_path / "run"
    process = started(*RUN, "--scenario", "classical/*", "--out", folder, preexec_fn=files_limited_to(octets))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 3, err
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith(f"ipsec-interop: {folder}/") and last.endswith(f": {os.strerror(errno.EFBIG)}")
    written = [path for path in folder.rglob("*") if path.is_file() and path.name != "log.txt"]  # that may be empty
    assert not [path for path in written if path.name.startswith(".") or path.stat().st_size == 0]
    assert (folder / "run.jsonl").exists() == (octets > 30_000)
    for line in (folder / "run.jsonl").read_text().splitlines() if octets > 30_000 else ():
        json.loads(line)
    if (folder / "matrix.html").exists():
        assert (folder / "matrix.html").read_text().rstrip().endswith("</html>")


def test_a_run_is_for_its_owner_alone(tmp_path):
    folder = tmp_path / "run"
    process = started(*RUN, "--scenario", "classical/x25519", "--out", folder)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.rglob("*"))}
    reports = {path for path in modes if path.parent == folder and path.is_file()}
    assert {"matrix.html", "run.jsonl"} <= {path.name for path in reports}
    assert {modes[path] for path in reports} == {0o644}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file() and path not in reports} == {0o600}

"""The command as a user runs it: a process of its own, watched from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LABEL = "ipsec-interop.run"


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "harness.cli.entry", *map(str, arguments)]


def environment(root: Path = ROOT, **more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root), "COLUMNS": "200", **more}


def interop(
    *arguments: str | Path, root: Path = ROOT, timeout: float = 90, **more: str
) -> subprocess.CompletedProcess[str]:
    """Run the command of the checkout ``root`` to its end."""
    return subprocess.run(
        command(*arguments), cwd=root, env=environment(root, **more), capture_output=True, text=True, timeout=timeout,
        check=False,
    )  # fmt: skip


class Started:
    """The command while it runs, in a session of its own, so that a signal to its group is what Ctrl-C is."""

    def __init__(self, *arguments: str | Path) -> None:
        self.process = subprocess.Popen(
            command(*arguments), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
            preexec_fn=_default_interrupt,  # noqa: PLW1509  # it only resets a signal, and takes no lock
        )  # fmt: skip

    def signal(self, number: int) -> None:
        os.killpg(self.process.pid, number)

    def end(self, timeout: float = 60) -> tuple[int, str, str]:
        """Exit status, stdout and stderr, once it has ended."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err

    def __enter__(self) -> Started:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def _default_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def until(condition: Callable[[], object], what: str, deadline: float = 30) -> None:
    pause, end = threading.Event(), time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"not within {deadline} s: {what}"
        pause.wait(0.02)


def lines(folder: Path, kind: str) -> list[dict]:
    """The lines of one kind in a run.jsonl that may still be growing."""
    path = folder / "run.jsonl"
    text = path.read_text() if path.exists() else ""
    whole = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [line["value"] for line in whole if line["kind"] == kind]


def played(folder: Path) -> list[dict]:
    """The cases that were sent and have ended."""
    return [case for case in lines(folder, "case") if case["attempts"][0]["evidence"]]


def left_behind(client, run: str | int, key: str = LABEL) -> int:
    """How many containers and networks of a run there are."""
    label = {"label": f"{key}={run}"}
    return len(client.containers.list(all=True, filters=label, ignore_removed=True)) + len(
        client.networks.list(filters=label)
    )

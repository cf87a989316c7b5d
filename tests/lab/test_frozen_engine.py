"""Docker's socket freezes in the midst of a run: it ends in a bounded time, with the engine's name and status 3."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from command import ROOT, environment, left_behind, lines, played, until

pytestmark = pytest.mark.lab

REAL = "/var/run/docker.sock"
QUICKER = """
from harness.lab.docker import engine
engine.CALL_S, engine.LIFE_S = 8.0, 4.0
engine.connect.__defaults__ = (engine.CALL_S,)
from harness.cli.entry import main
main()
"""


class Gate:
    """A socket that hands on to Docker's, until it is closed: then nothing passes, and nobody is told."""

    def __init__(self, path: Path) -> None:
        self.open = threading.Event()
        self.open.set()
        self._ended = False
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(100)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while not self._ended:
            try:
                client = self._server.accept()[0]
            except OSError:
                return
            self.open.wait()
            engine = socket.socket(socket.AF_UNIX)
            engine.connect(REAL)
            for ends in ((client, engine), (engine, client)):
                threading.Thread(target=self._hand_on, args=ends, daemon=True).start()

    def _hand_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65_536):
                self.open.wait()
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            target.close()

    def end(self) -> None:
        self._ended = True
        self.open.set()
        self._server.close()


@pytest.fixture
def gate(tmp_path, docker_client) -> Iterator[Gate]:
    if os.environ.get("DOCKER_HOST") or not Path(REAL).is_socket():
        pytest.skip("the engine is not behind the usual socket")
    gate = Gate(tmp_path / "docker.sock")
    yield gate
    gate.end()


def test_a_run_whose_engine_freezes_ends(gate, tmp_path, docker_client):
    folder, where = tmp_path / "run", f"unix://{tmp_path}/docker.sock"
    process = subprocess.Popen(
        [sys.executable, "-c", QUICKER, "run", "--peer", "strongswan-6.1", "--scenario", "*/*", "--jobs", "4",
         "--out", str(folder)],
        cwd=ROOT, env=environment(DOCKER_HOST=where), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        until(lambda: len(played(folder)) >= 5 or process.poll() is not None, "five cases", 120)
        assert process.poll() is None, process.communicate()[1]
        gate.open.clear()
        began = time.monotonic()
        _, err = process.communicate(timeout=200)
        took = time.monotonic() - began
    finally:
        process.kill()
    assert process.returncode == 3, err
    assert took < 120
    assert err.splitlines()[-1] == f"ipsec-interop: Docker's engine at {where} does not answer any more"
    assert "Traceback" not in err
    assert (folder / "matrix.html").read_text().rstrip().endswith("</html>")
    verdicts = {case["attempts"][0]["verdict"] for case in lines(folder, "case")}
    assert "FAIL" not in verdicts or _known_alone(folder)
    gate.open.set()
    run = lines(folder, "header")[0]["id"]
    swept = subprocess.run(
        [sys.executable, "-m", "harness.cli.entry", "lab", "down"], cwd=ROOT, env=environment(), check=True,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert re.match(r"\d+ containers and networks removed", swept.stdout)
    assert left_behind(docker_client, run) == 0


def _known_alone(folder: Path) -> bool:
    """Whether every FAIL is one on record: the engine's silence is nobody's fault."""
    return all(case["known_failure"] for case in lines(folder, "case") if case["attempts"][0]["verdict"] == "FAIL")

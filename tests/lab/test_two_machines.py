"""Two machines, one engine: neither run harms the other. Each machine is a process that takes itself for one."""

from __future__ import annotations

import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from command import ROOT, environment, left_behind

pytestmark = pytest.mark.lab

AS_MACHINE = """
import sys
from harness.lab.docker import ownership
name = sys.argv.pop(1)
ownership._machine = lambda: f"machine {name}"
ownership._boot = lambda: f"boot of {name}"
"""
COMMAND = AS_MACHINE + "from harness.cli.entry import main; main()"
HOLD = (
    AS_MACHINE
    + """
import threading
from harness.lab.laboratory import Lab, project_root
from harness.scenario.peer_file import load_peers
peer = load_peers(project_root() / "peers")["strongswan-6.1"]
with Lab(sys.argv[1]) as lab:
    lab.prepare([peer])
    lab.peer(peer)
    print("up", flush=True)
    threading.Event().wait(120)
"""
)


def as_machine(name: str, *arguments: object, timeout: float = 240) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", COMMAND, name, *map(str, arguments)], cwd=ROOT, env=environment(), capture_output=True,
        text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.fixture
def held(docker_client):
    """A run that machine A has on the engine: (its process, its name)."""
    run = f"machines-{secrets.token_hex(4)}"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, "A", run], cwd=ROOT, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "up\n"
        assert left_behind(docker_client, run) == 3
        yield process, run
    finally:
        process.kill()
        process.communicate()
        as_machine("A", "lab", "down")
        assert left_behind(docker_client, run) == 0


def test_what_another_machine_has_here_is_left_alone_dead_or_alive(held, docker_client, tmp_path):
    process, run = held
    played = ("run", "--peer", "strongswan-6.1", "--scenario", "classical/x25519", "--role", "initiator")
    for state in ("alive", "killed"):
        done = as_machine("B", *played, "--out", tmp_path / state)
        assert done.returncode == 0, done.stdout + done.stderr
        down = as_machine("B", "lab", "down")
        assert down.returncode == 0, down.stdout + down.stderr
        assert f"left alone: run {run} of another machine" in down.stdout
        assert "2 containers and 1 network, made " in down.stdout
        assert left_behind(docker_client, run) == 3
        if state == "alive":
            process.kill()
            process.wait()


def test_two_runs_at_once_end_as_each_would_alone(docker_client, tmp_path):
    played = ("run", "--peer", "strongswan-6.1", "--scenario", "classical/*", "--jobs", 2)
    with ThreadPoolExecutor(2) as pool:
        ended = list(pool.map(lambda name: as_machine(name, *played, "--out", tmp_path / name), "AB"))
    for done in ended:
        assert done.returncode == 0, done.stdout + done.stderr
        assert "all as expected" in done.stdout
    assert ended[0].stdout.splitlines()[0] == ended[1].stdout.splitlines()[0]

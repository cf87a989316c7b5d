"""The scripts of pvpn's container, run here on a stand-in of the daemon: who ended it, and how its container ends."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from command import ROOT, until

from harness.lab.hosts.commands import shell
from harness.lab.products.pvpn.driver import _SERVE, _STOP

DAEMON = "#!/bin/sh\nexec sleep 600\n"
AWAIT = "status=$?\n: >/run/behind.$pid\nwhile [ ! -e /run/go ]; do sleep 0.02; done\n"


class Container:
    """A folder in place of /run, the daemon's program and the container's first process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("start", "serve"):
            self.put(name, (ROOT / "peers" / "pvpn" / name).read_text())
        self.put("python3", DAEMON)
        self.first = subprocess.Popen(["sh", folder / "start"], start_new_session=True, stdout=subprocess.DEVNULL)
        (folder / "first").write_text(str(self.first.pid))
        until((folder / "pvpn.log").exists, "its start", 10)

    def put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(self.here(text))
        (self.folder / name).chmod(0o755)

    def here(self, text: str) -> str:
        """A script as it is in the container, for this folder."""
        for there in ("/usr/local/bin", "/etc/pvpn", "/run"):
            text = text.replace(there, "HERE")
        return text.replace("kill -TERM 1\n", 'kill -TERM "$(cat HERE/first)"\n').replace("HERE", str(self.folder))

    def run(self, script: str, *values: str) -> None:
        """As the driver has a script run."""
        path = f"{self.folder}:{os.environ['PATH']}"
        subprocess.run(shell(self.here(script), *values), check=True, env={**os.environ, "PATH": path}, timeout=30)

    def serve(self) -> int:
        """Start a daemon; its process id."""
        before = self.pid()
        self.run(_SERVE, "key")
        until(lambda: self.pid() not in ("", before), "the daemon", 10)
        return int(self.pid())

    def pid(self) -> str:
        file = self.folder / "pvpn.pid"
        return file.read_text().strip() if file.exists() else ""

    def remove(self) -> None:
        (self.folder / "go").touch()
        process = Path("/proc", self.pid() or "none", "cmdline")
        if process.exists() and process.read_bytes() == b"sleep\x00600\x00":
            os.kill(int(self.pid()), signal.SIGKILL)
        os.killpg(self.first.pid, signal.SIGKILL)
        self.first.wait()


@pytest.fixture
def container(tmp_path):
    made = Container(tmp_path)
    yield made
    made.remove()


def test_a_daemon_that_is_told_to_end_leaves_the_container_and_no_trace(container, tmp_path):
    container.serve()
    container.run(_STOP)
    container.serve()
    container.run(_STOP)
    container.run(_STOP)
    until(lambda: not list(tmp_path.glob("pvpn.told*")), "the end of both", 10)
    assert container.first.poll() is None


def test_a_daemon_that_was_told_to_end_is_known_even_if_its_shell_comes_late(container, tmp_path):
    """The next daemon may be served before the shell of this one looks who ended it."""
    late = (ROOT / "peers" / "pvpn" / "serve").read_text().replace("status=$?\n", AWAIT)
    container.put("serve", late)
    first = container.serve()
    container.run(_STOP)
    second = container.serve()
    until((tmp_path / f"behind.{first}").exists, "the shell of the first one", 10)
    (tmp_path / "go").touch()
    until(lambda: not list(tmp_path.glob("pvpn.told*")), "its look", 10)
    container.run('kill -0 "$1"', str(second))
    assert container.first.poll() is None
    assert "ended" not in (tmp_path / "pvpn.log").read_text()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, 137), (signal.SIGSEGV, 139), (signal.SIGTERM, 143)])
def test_the_container_ends_with_the_status_of_the_daemon(container, number, status):
    os.kill(container.serve(), number)
    assert container.first.wait(10) == status


def test_a_daemon_that_returns_is_told_of_too(container):
    container.put("python3", "#!/bin/sh\nexit 3\n")
    container.run(_SERVE, "key")
    assert container.first.wait(10) == 3


def test_a_container_that_is_asked_to_end_does_so(container):
    container.first.terminate()
    assert container.first.wait(10) == 143


def test_a_container_that_starts_again_knows_nothing_of_the_daemons_before(container, tmp_path):
    os.kill(container.serve(), signal.SIGKILL)
    container.first.wait(10)
    subprocess.run(["timeout", "1", "sh", tmp_path / "start"], check=False, stdout=subprocess.DEVNULL)
    assert not list(tmp_path.glob("pvpn.[!l]*"))

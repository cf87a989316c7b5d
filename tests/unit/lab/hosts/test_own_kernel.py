"""A guest stands in for its container: its end is the container's end, and nothing runs before it has booted."""

import os
import subprocess

import paramiko
import pytest
from command import ROOT

from harness.evidence.interruption import Cause
from harness.lab.errors import PeerUnreachable
from harness.lab.hosts.own_kernel import HOME, OwnKernel, guest_files

READY = "mmapper_init - find_iomem failed\nown-kernel: Linux 6.12.101, ready for the daemon after 1.66 s\r\n"


class Container:
    name, address, image_id = "peer-1", "192.0.2.1", "sha256:0"

    def __init__(self, log: str = READY) -> None:
        self.text, self.running, self.removed = log, True, False
        self.cause = Cause.ITSELF
        self.restarted: str | None = None  # what it prints after a restart

    def log(self, since: float | None = None) -> str:
        return self.text if since is None or self.restarted is None else self.restarted

    def restart(self) -> None:
        self.restarted = "booting"

    def is_running(self) -> bool:
        return self.running

    def state(self) -> str:
        return "running" if self.running else "exited (0)"

    def ending(self) -> tuple[Cause, str]:
        return (Cause.UNKNOWN, "running") if self.running else (self.cause, self.state())

    def remove(self) -> None:
        self.removed = True

    def run(self, command):
        return 1, "no such file"

    def open(self, command):
        raise PeerUnreachable("no relay")


@pytest.fixture(scope="module")
def key():
    return paramiko.ECDSAKey.generate()


def test_the_kernel_is_what_the_guest_said_when_it_was_ready(key):
    assert OwnKernel(Container(), key).kernel == "Linux 6.12.101"
    assert OwnKernel(Container("booting"), key).kernel == ""


def test_a_guest_that_is_restarted_boots_and_its_old_console_is_not_its_own(key):
    container = Container()
    guest = OwnKernel(container, key)
    assert guest.kernel
    guest.restart()
    assert guest.kernel == ""
    with pytest.raises(PeerUnreachable, match="the guest boots"):
        guest.run(["true"])
    container.restarted = READY.replace("6.12.101", "6.12.102")
    assert guest.kernel == "Linux 6.12.102"


def test_a_guest_that_boots_takes_no_command(key):
    guest = OwnKernel(Container("booting"), key)
    with pytest.raises(PeerUnreachable, match="the guest boots"):
        guest.run(["true"])
    with pytest.raises(PeerUnreachable, match="the guest boots"):
        guest.open(["cat"])
    assert guest.state() == "running, guest not booted"


def test_a_guest_that_cannot_be_reached_is_a_peer_that_cannot(key):
    with pytest.raises(PeerUnreachable):
        OwnKernel(Container(), key).run(["true"])


def test_its_end_is_the_containers(key):
    container = Container()
    guest = OwnKernel(container, key)
    assert guest.is_running()
    container.running = False
    assert not guest.is_running()
    assert guest.state() == "exited (0), guest Linux 6.12.101"
    guest.remove()
    assert container.removed


def test_the_console_is_the_log_without_carriage_returns(key):
    assert "\r" not in OwnKernel(Container(), key).log()


def test_a_container_gets_the_scripts_and_the_public_key_only(root, key):
    files = guest_files(root / "peers", key)
    assert {f"{HOME}/{name}" for name in ("boot", "init", "ended", "guest", "authorized_keys")} == set(files)
    assert files[f"{HOME}/authorized_keys"].startswith(b"ecdsa-sha2-nistp256 ")


@pytest.mark.parametrize(
    ("console", "container", "cause"),
    [
        ("own-kernel: the daemon ended with status 139\n", Cause.ITSELF, Cause.ITSELF),
        ("own-kernel: the daemon ended with status 0\n", Cause.ITSELF, Cause.ITSELF),
        ("own-kernel: the daemon ended with status 137\n", Cause.ITSELF, Cause.OUTSIDE),
        ("own-kernel: the daemon ended with status 137, out of memory\n", Cause.ITSELF, Cause.LIMIT),
        ("own-kernel: the daemon ended with status 1, out of memory\n", Cause.ITSELF, Cause.LIMIT),
        ("Out of memory: Killed process 80 (pluto)\nown-kernel: the daemon ended with status 139\n", Cause.ITSELF,
         Cause.ITSELF),
        ("[    9.1] oom-kill:task=pluto\nown-kernel: the daemon ended with status 137\n", Cause.ITSELF, Cause.OUTSIDE),
        ("Kernel panic - not syncing: sysrq triggered crash\n", Cause.ITSELF, Cause.LAB),
        ("own-kernel: a module is missing\n", Cause.ITSELF, Cause.LAB),
        ("", Cause.OUTSIDE, Cause.OUTSIDE),
        ("", Cause.LIMIT, Cause.LIMIT),
    ],
)  # fmt: skip
def test_a_guest_that_ends_tells_whether_it_was_its_daemon(key, console, container, cause):
    stand_in = Container(READY + console)
    stand_in.running, stand_in.cause = False, container
    found, words = OwnKernel(stand_in, key).ending()
    assert found is cause
    assert words.startswith("exited (0)")
    assert "guest Linux 6.12.101" in words


def test_a_guest_that_runs_has_not_ended(key):
    assert OwnKernel(Container(), key).ending()[0] is Cause.UNKNOWN


KILLED = "Out of memory: Killed process 80 (charon-systemd) total-vm:211352kB, anon-rss:180000kB"


@pytest.mark.parametrize(
    ("kernel", "words"),
    [
        ([], "the daemon ended with status 139"),
        ([KILLED], "the daemon ended with status 139, out of memory"),
        ([KILLED, "oom_reaper: reaped process 80 (charon-systemd)"], "the daemon ended with status 139, out of memory"),
        ([KILLED.replace("charon-systemd", "swanctl")], "the daemon ended with status 139"),
        ([KILLED, *["IPv6: ADDRCONF(NETDEV_CHANGE): eth0"] * 20], "the daemon ended with status 139"),
    ],
)
def test_only_the_kernels_word_on_the_daemon_itself_is_the_end_of_its_memory(tmp_path, kernel, words):
    """Not what is on the console, and not the end of another process of the guest, be it long ago."""
    (tmp_path / "start").write_text("#!/bin/sh\nset -eu\nexec /usr/sbin/charon-systemd --debug\n")
    (tmp_path / "kernel").write_text("".join(f"[    9.{n:06}] {line}\n" for n, line in enumerate(kernel)))
    (tmp_path / "dmesg").write_text(f"#!/bin/sh\ncat {tmp_path}/kernel\n")
    (tmp_path / "dmesg").chmod(0o755)
    script = (ROOT / "peers" / "own-kernel" / "ended").read_text().replace("/usr/local/bin", str(tmp_path))
    found = subprocess.run(
        ["sh", "-c", script, "sh", "139"], capture_output=True, text=True, check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert found.stdout == f"{words}\n"

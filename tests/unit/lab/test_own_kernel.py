"""A guest stands in for its container: its end is the container's end, and nothing runs before it has booted."""

import paramiko
import pytest

from harness.lab.errors import PeerUnreachable
from harness.lab.own_kernel import HOME, OwnKernel, guest_files

READY = "mmapper_init - find_iomem failed\nown-kernel: Linux 6.12.101, ready for the daemon after 1.66 s\r\n"


class Container:
    name, address, image_id = "peer-1", "192.0.2.1", "sha256:0"

    def __init__(self, log: str = READY) -> None:
        self.text, self.running, self.removed = log, True, False
        self.restarted: str | None = None  # what it prints after a restart

    def log(self, since: float | None = None) -> str:
        return self.text if since is None or self.restarted is None else self.restarted

    def restart(self) -> None:
        self.restarted = "booting"

    def is_running(self) -> bool:
        return self.running

    def state(self) -> str:
        return "running" if self.running else "exited (0)"

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
    assert {f"{HOME}/{name}" for name in ("boot", "init", "guest", "authorized_keys")} == set(files)
    assert files[f"{HOME}/authorized_keys"].startswith(b"ecdsa-sha2-nistp256 ")

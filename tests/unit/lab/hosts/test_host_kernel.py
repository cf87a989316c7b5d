"""Whose kernel does a peer's ESP."""

from types import SimpleNamespace

import pytest

from harness.lab.errors import LabError
from harness.lab.hosts.host_kernel import HostKernel, runs_on_own_kernel
from harness.results.model import KernelChoice

NEEDS_A_KERNEL = SimpleNamespace(name="libreswan-5.2", esp_implementation="kernel")
HAS_ITS_OWN_ESP = SimpleNamespace(name="strongswan-6.1", esp_implementation="libipsec")


class Programs:
    """A container: what was run in it, and whether its kernel has what is asked for."""

    def __init__(self, *, able):
        self.able = able
        self.ran = []

    def __call__(self, command):
        self.ran.append(" ".join(command[:4]))
        if command[0] == "uname":
            return 0, "6.1.0-lab\n"
        return (0, "") if self.able else (2, "RTNETLINK answers: Protocol not supported")


def test_the_kernel_is_asked_once_and_left_as_it_was():
    programs = Programs(able=True)
    kernel = HostKernel(programs)
    assert kernel.has_esp() and kernel.has_esp()
    assert programs.ran == ["ip xfrm state add", "ip xfrm state delete"]
    assert kernel.has_ipv6() and kernel.has_ipv6()
    assert len(programs.ran) == 3


def test_a_kernel_without_esp_has_nothing_to_take_back():
    programs = Programs(able=False)
    kernel = HostKernel(programs)
    assert not kernel.has_esp() and not kernel.has_ipv6()
    assert programs.ran.count("ip xfrm state delete") == 0


@pytest.mark.parametrize(
    ("choice", "host_has_esp", "own"),
    [
        (KernelChoice.AUTO, True, False),
        (KernelChoice.AUTO, False, True),
        (KernelChoice.HOST, True, False),
        (KernelChoice.OWN, True, True),
    ],
)
def test_a_peer_gets_a_kernel_of_its_own_where_it_is_wanted_or_needed(choice, host_has_esp, own):
    host = HostKernel(Programs(able=host_has_esp))
    assert runs_on_own_kernel(NEEDS_A_KERNEL, choice, host) is own
    assert not runs_on_own_kernel(HAS_ITS_OWN_ESP, choice, host)


def test_a_host_that_was_chosen_and_has_no_esp_is_told_by_its_release():
    host = HostKernel(Programs(able=False))
    with pytest.raises(LabError, match=r"libreswan-5\.2: --kernel host, but the host's kernel 6\.1\.0-lab has no ESP"):
        runs_on_own_kernel(NEEDS_A_KERNEL, KernelChoice.HOST, host)

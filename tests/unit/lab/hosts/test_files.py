"""Inner hosts of a peer: an address is set once, and can be the source of a route at once."""

from __future__ import annotations

from harness.lab.hosts.files import InnerAddresses


class Container:
    name = "peer-1"

    def __init__(self) -> None:
        self.ran = []

    def run(self, command):
        self.ran.append(list(command))
        return 0, ""


def test_an_inner_address_is_set_once():
    container = Container()
    inner = InnerAddresses(container)
    inner.add("10.99.0.1")
    inner.add("10.99.0.1")
    assert container.ran == [["ip", "address", "replace", "10.99.0.1/32", "dev", "lo"]]


def test_an_ipv6_address_is_waited_for_until_it_can_be_used():
    container = Container()
    InnerAddresses(container).add("fd00:99::1")
    [[shell, _, script, _, address]] = container.ran
    assert (shell, address) == ("sh", "fd00:99::1/128")
    assert "tentative" in script

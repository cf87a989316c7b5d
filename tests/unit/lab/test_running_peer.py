"""A daemon must be the version that its peer is named after; a peer has an address of each IP version."""

from dataclasses import dataclass, field

import pytest

from harness.lab.driver import DaemonSettings
from harness.lab.errors import LabError
from harness.lab.running_peer import RunningPeer, _is_version
from harness.scenario.model import IpVersion


@dataclass
class Host:
    """Where a daemon would run."""

    name: str = "peer"
    address: str = "172.18.0.2"
    refused: str = ""
    ran: list[str] = field(default_factory=list)

    def run(self, command):
        self.ran.append(" ".join(command))
        return (2, self.refused) if self.refused else (0, "")


def running(host, ipv6="fd00::1"):
    return RunningPeer(None, DaemonSettings(), host, None, "1", {}, "", ipv6)


def test_the_ipv4_address_is_dockers_and_the_ipv6_one_is_set_each_time():
    host = Host()
    peer = running(host)
    assert peer.address_of(IpVersion.IPV4) == "172.18.0.2"
    assert host.ran == []
    for _ in range(2):
        assert peer.address_of(IpVersion.IPV6) == "fd00::1"
    assert (
        host.ran
        == [
            "ip address replace fd00::1/64 dev eth0 nodad",
            "ip -6 route replace default dev eth0",
        ]
        * 2
    )


def test_an_ipv6_address_that_cannot_be_set_is_an_error_in_the_programs_words():
    with pytest.raises(LabError, match=r"peer: ip address replace .*: RTNETLINK answers: Permission denied"):
        running(Host(refused="RTNETLINK answers: Permission denied\n")).address_of(IpVersion.IPV6)


def test_a_kernel_without_ipv6_is_named():
    with pytest.raises(LabError, match="the kernel that containers run on has no IPv6"):
        running(Host(), "").address_of(IpVersion.IPV6)


@pytest.mark.parametrize(
    ("reported", "wanted", "same"),
    [("6.1.0", "6.1", True), ("6.1", "6.1", True), ("6.10.0", "6.1", False), ("5.9.8", "5.9", True),
     ("6.0.1", "6.1", False), ("6.1dr1", "6.1", True)],
)  # fmt: skip
def test_versions_compare_in_whole_numbers(reported, wanted, same):
    assert _is_version(reported, wanted) is same

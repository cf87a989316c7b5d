"""Addresses of cases and peers."""

import ipaddress
from types import SimpleNamespace

import pytest

from harness.lab.docker import network
from harness.lab.docker.network import AddressPool, unique_local_subnet
from harness.lab.errors import LabError


def pool(subnet, batch=64):
    configured = []
    return AddressPool(ipaddress.ip_network(subnet), configured.append, batch), configured


def test_addresses_come_from_the_upper_half_and_are_configured_in_batches_before_use():
    addresses, configured = pool("172.18.0.0/16", batch=2)
    assert [addresses.take() for _ in range(3)] == ["172.18.128.0", "172.18.128.1", "172.18.128.2"]
    assert configured == [["172.18.128.0", "172.18.128.1"], ["172.18.128.2", "172.18.128.3"]]


def test_an_address_is_used_again_only_after_all_others():
    addresses, configured = pool("10.0.0.0/28")
    first = addresses.take()
    addresses.give_back(first)
    others = [addresses.take() for _ in range(6)]
    assert first not in others
    assert addresses.take() == first
    assert sum(map(len, configured)) == 7  # 10.0.0.8 to 10.0.0.14: the broadcast address is nobody's


def test_running_out_is_one_clear_line():
    addresses, _ = pool("10.0.0.0/29")
    for _ in range(3):
        addresses.take()
    with pytest.raises(LabError, match=r"10\.0\.0\.0/29 are in use"):
        addresses.take()


def test_ipv6_subnets_are_unique_local_and_differ():
    one, other = unique_local_subnet(), unique_local_subnet()
    assert one != other
    assert one.prefixlen == 64 and one.subnet_of(ipaddress.IPv6Network("fd00::/8"))


NETWORK = SimpleNamespace(
    id="0123456789abcdef" * 4, attrs={"Options": {}, "IPAM": {"Config": [{"Subnet": "172.18.0.0/16"}]}}
)


@pytest.mark.parametrize("has_ipv6", [True, False])
def test_the_bridge_of_a_network_is_closed_to_the_host(monkeypatch, tmp_path, has_ipv6):
    monkeypatch.setattr(network, "_SYSTEM", tmp_path)
    (tmp_path / "ipv4/conf/br-0123456789ab").mkdir(parents=True)
    if has_ipv6:
        (tmp_path / "ipv6/conf/br-0123456789ab").mkdir(parents=True)
    assert network.close_to_host(NETWORK) == ""
    settings = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    expected = ["ipv4/conf/br-0123456789ab/rp_filter", "ipv6/conf/br-0123456789ab/disable_ipv6"]
    assert settings == expected[: 1 + has_ipv6]


def test_a_bridge_that_is_not_here_is_no_failure_and_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(network, "_SYSTEM", tmp_path)
    (tmp_path / "ipv4/conf").mkdir(parents=True)
    assert "br-0123456789ab/rp_filter: No such file" in network.close_to_host(NETWORK)


def test_the_gateway_is_the_first_address_unless_the_engine_says_which():
    assert network.gateway_of(NETWORK) == "172.18.0.1"
    said = SimpleNamespace(attrs={"IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.9.9"}]}})
    assert network.gateway_of(said) == "172.18.9.9"

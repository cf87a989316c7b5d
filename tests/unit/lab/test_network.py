"""Addresses of cases and peers."""

import ipaddress

import pytest

from harness.lab.errors import LabError
from harness.lab.network import AddressPool, unique_local_subnet


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

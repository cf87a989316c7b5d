"""What Libreswan is told: the rendered files."""

from dataclasses import replace

import pytest
from policies import policy

from harness.lab.driver import DaemonSettings
from harness.lab.products.libreswan.configuration import render_connection, render_daemon
from harness.policy.proposals import PartyPolicy
from harness.scenario.peer_file import load_peers


@pytest.fixture
def libreswan(root):
    return load_peers(root / "peers")["libreswan-5.2"]


def test_a_connection_is_two_files(libreswan, connection):
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519")
    mine = replace(connection, policy=PartyPolicy(ike, connection.policy.esp))
    files = render_connection(libreswan, mine)
    assert "conn case-7\n" in files["ipsec.conf"]
    assert "left=172.18.0.3\n" in files["ipsec.conf"] and "keyexchange=ikev2\n" in files["ipsec.conf"]
    assert "ike=aes_gcm_16_256-hmac_sha2_256-dh31\n" in files["ipsec.conf"]
    assert files["ipsec.secrets"] == "@peer.lab @engine-7.lab : PSK 0x006b6579\n"
    assert "006b6579" not in files["ipsec.conf"]


def test_cookies_are_a_daemon_wide_setting(libreswan):
    assert "ddos-mode=unlimited" in render_daemon(libreswan, DaemonSettings())["/etc/ipsec.conf"]
    assert "ddos-mode=busy" in render_daemon(libreswan, DaemonSettings(cookie_threshold=1))["/etc/ipsec.conf"]

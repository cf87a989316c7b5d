"""Libreswan: what it is told, and what its status says."""

from dataclasses import replace

import pytest

from harness.ike.policy import ProposalPolicy
from harness.lab.driver import DaemonSettings
from harness.lab.errors import ConfigurationSyntax, Inexpressible
from harness.lab.libreswan import LibreswanFamily, render_connection
from harness.lab.libreswan_keywords import esn_setting, proposals
from harness.lab.libreswan_report import peer_report
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import PartyPolicy
from harness.scenario.peer_file import load_peers

KIND = TransformType

STATUS_52 = """\
pluto_version=5.2, pluto_vendorid=OE-Libreswan-5.2
"case-2":   IKE algorithms: AES_GCM_16_256-HMAC_SHA2_384-DH20
"case-2":   IKEv2 algorithm newest: AES_GCM_16_256-HMAC_SHA2_384-DH20
#1: "case-2":500 ESTABLISHED_IKE_SA (established IKE SA); EXPIRE in 28799s; newest; idle;
#3: "case-2":500 ESTABLISHED_CHILD_SA (established Child SA); EXPIRE in 28799s; newest; eroute owner; IKE SA #1; idle;
#3: "case-2" esp.abc@192.0.2.2 esp.89fa0416@192.0.2.1 tun.0@192.0.2.2 tun.0@192.0.2.1 Traffic: ESPin=420B ESPout=420B
"""
STATUS_410 = (
    STATUS_52.replace(" ESTABLISHED_", " STATE_V2_ESTABLISHED_")
    .replace('#1: "', '000 #1: "')
    .replace('#3: "', '000 #3: "')
)
STATUS_IPV6 = STATUS_52.replace(
    "esp.abc@192.0.2.2 esp.89fa0416@192.0.2.1", "esp:abc@2001:db8::2 esp:89fa0416@2001:db8::1"
)
XFRM = """\
src 192.0.2.1 dst 192.0.2.2
    proto esp spi 0x00000abc(2748) reqid 3(0x00000003) mode tunnel
    aead rfc4106(gcm(aes)) 0x00 (288 bits) 128
    lifetime current:
      420(bytes), 5(packets)
src 192.0.2.2 dst 192.0.2.1
    proto esp spi 0x89fa0416(2314863638) reqid 3(0x00000003) mode tunnel
    aead rfc4106(gcm(aes)) 0x00 (288 bits) 128
    lifetime current:
      336(bytes), 4(packets)
"""


def policy(**transforms: str) -> tuple[ProposalPolicy, ...]:
    kinds = {KIND[key]: (algorithm(KIND[key], name),) for key, name in transforms.items()}
    return (ProposalPolicy(kinds),)


@pytest.fixture
def libreswan(root):
    return load_peers(root / "peers")["libreswan-5.2"]


@pytest.mark.parametrize("status", [STATUS_52, STATUS_410, STATUS_IPV6])
def test_the_report_joins_the_daemons_status_and_its_kernels_counters(status):
    report = peer_report("5.2", "case-2", status, XFRM)
    (sa,) = report.sas
    assert (sa.state, sa.encr, sa.integ, sa.prf, sa.ke) == (
        "ESTABLISHED", "aes-256-gcm-16", None, "hmac-sha2-384", "ecp384",
    )  # fmt: skip
    assert (sa.initiator_spi, sa.initiator, sa.additional_ke) == (None, None, None)
    (child,) = sa.children
    assert (child.spi_in, child.spi_out, child.packets_in, child.packets_out) == ("89fa0416", "00000abc", 4, 5)


class Quiet:
    """A container in which every command succeeds, with a log."""

    name = "libreswan"

    def __init__(self, lines):
        self.lines = lines
        self.ran = []

    def run(self, command):
        self.ran.append(" ".join(command))
        return 0, ""

    def log(self, _since=None):
        return "\n".join(self.lines)


@pytest.mark.parametrize(
    ("remote", "mine", "others"),
    [
        ("192.0.2.1", "192.0.2.1:500", "192.0.2.12:500"),
        ("fd00::1", "[fd00::1]:500", "[fd00::1a]:500"),
        ("fd00::1", "fd00::1: no connection", "fd00::1:2 no connection"),
    ],
)
def test_a_packet_of_the_other_sides_address_is_of_the_case(libreswan, connection, remote, mine, others):
    lines = [f"packet from {mine}", f"packet from {others}"]
    driver = LibreswanFamily().attach(libreswan, Quiet(lines))
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519")
    driver.load(replace(connection, remote_address=remote, policy=PartyPolicy(ike, connection.policy.esp)))
    assert driver.log(connection.name) == f"{lines[0]}\n"


@pytest.mark.parametrize(("address", "asked"), [("fd00::3", True), ("192.0.2.3", False)])
def test_pluto_is_told_to_look_for_an_ipv6_address(libreswan, connection, address, asked):
    container = Quiet([])
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519")
    mine = replace(connection, local_address=address, policy=PartyPolicy(ike, connection.policy.esp))
    LibreswanFamily().attach(libreswan, container).load(mine)
    assert any("whack --listen" in command for command in container.ran) == asked


def test_the_states_of_other_connections_are_not_this_ones():
    assert peer_report("5.2", "case-20", STATUS_52, XFRM).sas == ()


def test_integrity_is_the_prfs_where_the_status_leaves_it_out():
    status = STATUS_52.replace(
        "newest: AES_GCM_16_256-HMAC_SHA2_384-DH20", "newest: AES_CBC_256-HMAC_SHA2_512-MODP3072"
    )
    (sa,) = peer_report("5.2", "case-2", status, XFRM).sas
    assert (sa.encr, sa.integ, sa.prf, sa.ke) == ("aes-256-cbc", "hmac-sha2-512-256", "hmac-sha2-512", "modp3072")


def test_proposals_are_written_in_libreswans_order():
    classical = policy(ENCR="aes-256-cbc", PRF="hmac-sha2-512", INTEG="hmac-sha2-512-256", KE="modp3072")
    assert proposals(classical) == ["aes_cbc_256-hmac_sha2_512_256-hmac_sha2_512-modp3072"]
    assert proposals(policy(ENCR="chacha20-poly1305", SN="no-esn")) == ["chacha20_poly1305"]
    assert esn_setting(policy(ENCR="chacha20-poly1305", SN="esn")) == "yes"


def test_what_it_lacks_cannot_be_written():
    hybrid = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519", ADDKE1="ml-kem-768")
    assert proposals(hybrid) == ["aes_gcm_16_256-hmac_sha2_256-dh31;addke1=ml_kem_768"]
    with pytest.raises(Inexpressible, match="KE curve448"):
        proposals(policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve448"))


def test_a_connection_is_two_files(libreswan, connection):
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519")
    mine = replace(connection, policy=PartyPolicy(ike, connection.policy.esp))
    files = render_connection(libreswan, mine)
    assert "conn case-7\n" in files["ipsec.conf"]
    assert "left=172.18.0.3\n" in files["ipsec.conf"] and "keyexchange=ikev2\n" in files["ipsec.conf"]
    assert "ike=aes_gcm_16_256-hmac_sha2_256-dh31\n" in files["ipsec.conf"]
    assert files["ipsec.secrets"] == "@peer.lab @engine-7.lab : PSK 0x006b6579\n"
    assert "006b6579" not in files["ipsec.conf"]
    with pytest.raises(ConfigurationSyntax):
        render_connection(libreswan, replace(mine, name="a b"))


def test_cookies_are_a_daemon_wide_setting(libreswan):
    family = LibreswanFamily()
    assert "ddos-mode=unlimited" in family.daemon_files(libreswan, DaemonSettings())["/etc/ipsec.conf"]
    assert "ddos-mode=busy" in family.daemon_files(libreswan, DaemonSettings(cookie_threshold=1))["/etc/ipsec.conf"]

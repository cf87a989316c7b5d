"""OpenIKED: what it is told, and what ikectl shows."""

from dataclasses import replace

import pytest

from harness.ike.policy import ProposalPolicy
from harness.lab.errors import ConfigurationRefused, Inexpressible
from harness.lab.openiked import OpenIkedDriver, render_connection
from harness.lab.openiked_keywords import proposals
from harness.lab.openiked_report import peer_report
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import PartyPolicy, Role
from harness.scenario.peer_file import load_peers

KIND = TransformType
SAS = """\
iked_sas: 0x55000f8620 rspi 0xa0d89c8525eeb5d4 ispi 0x025fbee3096bf99c 192.0.2.1:500->192.0.2.2:500<FQDN/engine-1.interop.test>[] ESTABLISHED r nexti (nil) pol 0x55000fa490
  sa_childsas: 0x550014cac0 ESP 0xfe020be5 in 192.0.2.2:500 -> 192.0.2.1:500 (LA) B=(nil) P=0x550014cc40 @0x55000f8620
  sa_childsas: 0x550014cc40 ESP 0x00000abc out 192.0.2.1:500 -> 192.0.2.2:500 (L) B=(nil) P=0x550014cac0 @0x55000f8620
  sa_flows: 0x550014c880 ESP out 10.100.0.1/32 -> 10.99.0.1/32 [0]@-1 (L) @0x55000f8620
iked_activesas: 0x550014cc40 ESP 0x00000abc out 192.0.2.1:500 -> 192.0.2.2:500 (L) B=(nil) P=0x550014cac0 @0x55000f8620
iked_dstid_sas: 0x55000f8620 rspi 0xa0d89c8525eeb5d4 ispi 0x025fbee3096bf99c 192.0.2.1:500->192.0.2.2:500<FQDN/engine-1.interop.test>[] ESTABLISHED r nexti (nil) pol 0x55000fa490
"""  # noqa: E501  # as ikectl prints it
XFRM = """\
src 192.0.2.1 dst 192.0.2.2
    proto esp spi 0x00000abc(2748) reqid 0(0x00000000) mode tunnel
    auth-trunc hmac(sha512) 0x00 (512 bits) 256
    enc cbc(aes) 0x00 (256 bits)
    lifetime current:
      420(bytes), 5(packets)
src 192.0.2.2 dst 192.0.2.1
    proto esp spi 0xfe020be5(4261546981) reqid 0(0x00000000) mode tunnel
    auth-trunc hmac(sha512) 0x00 (512 bits) 256
    enc cbc(aes) 0x00 (256 bits)
    lifetime current:
      336(bytes), 4(packets)
"""


def policy(**transforms: str) -> tuple[ProposalPolicy, ...]:
    return (ProposalPolicy({KIND[key]: (algorithm(KIND[key], name),) for key, name in transforms.items()}),)


def test_the_report_joins_ikectl_and_the_kernel():
    (sa,) = peer_report("7.4", "case-1", SAS, XFRM).sas
    assert (sa.state, sa.initiator, sa.encr) == ("ESTABLISHED", False, None)
    assert (sa.initiator_spi, sa.responder_spi) == ("025fbee3096bf99c", "a0d89c8525eeb5d4")
    (child,) = sa.children
    assert (child.spi_in, child.spi_out, child.packets_in, child.packets_out) == ("fe020be5", "00000abc", 4, 5)
    assert (child.encr, child.integ) == ("aes-256-cbc", "hmac-sha2-512-256")


def test_a_closed_sa_is_gone():
    assert peer_report("7.4", "case-1", SAS.replace("ESTABLISHED", "CLOSED"), XFRM).sas == ()


def test_a_child_that_the_kernel_does_not_have_is_not_reported():
    (sa,) = peer_report("7.4", "case-1", SAS, "").sas
    assert sa.children == ()


def test_proposals_are_blocks_of_words():
    ike = policy(ENCR="aes-256-cbc", PRF="hmac-sha2-512", INTEG="hmac-sha2-512-256", KE="ecp256")
    assert proposals(ike) == ["enc aes-256 prf hmac-sha2-512 auth hmac-sha2-512 group ecp256"]
    assert proposals(policy(ENCR="aes-128-cbc", INTEG="hmac-sha1-96", SN="no-esn")) == [
        "enc aes-128 auth hmac-sha1 noesn"
    ]
    additional = policy(ENCR="aes-256-cbc", KE="ecp256", ADDKE1="ml-kem-768")  # iked is to say that it has no such word
    assert proposals(additional) == ["enc aes-256 group ecp256 addke1 ml-kem-768"]
    with pytest.raises(Inexpressible, match="KE curve448"):
        proposals(policy(ENCR="aes-256-cbc", KE="curve448"))


def test_a_case_in_which_it_initiates_waits_to_be_made_active(root, connection):
    peer = load_peers(root / "peers")["openiked-7.4"]
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519")
    mine = replace(connection, policy=PartyPolicy(ike, connection.policy.esp))
    passive, active = (render_connection(peer, replace(mine, role=role)) for role in (Role.RESPONDER, Role.INITIATOR))
    assert 'ikev2 "case-7" passive tunnel esp' in passive and "\nset passive\n" not in passive
    assert 'ikev2 "case-7" active tunnel esp' in active and "\nset passive\n" in active
    assert "psk 0x006b6579" in active


class Container:
    """Where iked -n says what it likes, and all else succeeds."""

    name = "openiked"

    def __init__(self, status: int, words: str) -> None:
        self.answer = (status, words)
        self.asked: list[list[str]] = []

    def run(self, command):
        self.asked.append(list(command))
        return self.answer if command[:2] == ["iked", "-n"] else (0, "")


def test_a_configuration_that_iked_does_not_take_is_refused_in_its_words(root, connection):
    peer = load_peers(root / "peers")["openiked-7.4"]
    container = Container(1, "/run/iked.conf: 8: syntax error")
    ike = policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519", ADDKE1="ml-kem-768")
    wanted = replace(connection, policy=PartyPolicy(ike, connection.policy.esp))
    with pytest.raises(ConfigurationRefused, match=r"connection case-7: /run/iked\.conf: 8: syntax error"):
        OpenIkedDriver(peer, container).load(wanted)
    assert ["ikectl", "reload"] not in container.asked

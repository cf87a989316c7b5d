"""Libreswan's driver, with a pluto that a test plays."""

from dataclasses import replace

import pytest
from policies import policy

from harness.lab.driver import DaemonSettings
from harness.lab.errors import ConfigurationRefused, PeerUnreachable
from harness.lab.products.libreswan.driver import LibreswanFamily
from harness.policy.proposals import PartyPolicy
from harness.scenario.peer_file import load_peers

CLASSICAL = PartyPolicy(
    policy(ENCR="aes-256-gcm-16", PRF="hmac-sha2-256", KE="curve25519"), policy(ENCR="aes-256-gcm-16", SN="no-esn")
)


@pytest.fixture
def libreswan(root):
    return load_peers(root / "peers")["libreswan-5.2"]


class Quiet:
    """A container in which every command succeeds, with a log, and a daemon that has the connection."""

    name = "libreswan"

    def __init__(self, lines):
        self.lines = lines
        self.commands = []

    def run(self, command):
        self.commands.append(list(command))
        return 0, '====\n000 "case-7": 10.99.0.7/32===192.0.2.3...192.0.2.1===10.98.0.7/32; unrouted;\n'

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
    driver = LibreswanFamily().attach(libreswan, Quiet(lines), DaemonSettings())
    driver.load(replace(connection, remote_address=remote, policy=CLASSICAL))
    assert driver.log(connection.name) == f"{lines[0]}\n"


@pytest.mark.parametrize(("address", "asked"), [("fd00::3", True), ("192.0.2.3", False)])
def test_pluto_is_told_to_look_for_an_ipv6_address(libreswan, connection, address, asked):
    container = Quiet([])
    mine = replace(connection, local_address=address, policy=CLASSICAL)
    LibreswanFamily().attach(libreswan, container, DaemonSettings()).load(mine)
    assert any("--listen" in command for command in container.commands) == asked


class Refusing(Quiet):
    """One whose addconn ends with a status other than 0."""

    def __init__(self, status, words, lines=()):
        super().__init__(lines)
        self.answer = (status, words)

    def run(self, command):
        return self.answer if "addconn --config" in " ".join(command) else super().run(command)


@pytest.mark.parametrize(
    ("status", "words", "logged", "told"),
    [  # as pluto and addconn of 5.2, 5.2 and 4.10 say it
        (
            36, """"case-7": failed to add connection: IKE DH algorithm 'dh99' is not recognized\n""", [],
            """"case-7": failed to add connection: IKE DH algorithm 'dh99' is not recognized""",
        ),
        (
            1, "FATAL ERROR: ipsec addconn: /run/cases/case-7.conf:17: unrecognized keyword 'mobikee'\n", [],
            "FATAL ERROR: ipsec addconn: /run/cases/case-7.conf:17: unrecognized keyword 'mobikee'",
        ),
        (
            36, "",
            [
                'Nov 21 18:29:17.821523: loading secrets from "/run/cases/case-7.secrets"',
                'Nov 21 18:29:17.863990: "case-7": failed to add connection: IKE proposal contains unexpected \'x\'',
            ],
            '"case-7": failed to add connection: IKE proposal contains unexpected \'x\'',
        ),
        (1, "", [], "addconn ended with status 1"),
    ],
)  # fmt: skip
def test_a_configuration_that_libreswan_does_not_take_is_refused_in_its_words(
    libreswan, connection, status, words, logged, told
):
    driver = LibreswanFamily().attach(libreswan, Refusing(status, words, logged), DaemonSettings())
    with pytest.raises(ConfigurationRefused) as caught:
        driver.load(replace(connection, policy=CLASSICAL))
    assert str(caught.value) == f"libreswan: connection case-7: {told}"


def test_values_are_arguments_of_scripts_and_never_part_of_them(libreswan, connection):
    container = Quiet([])
    driver = LibreswanFamily().attach(libreswan, container, DaemonSettings())
    driver.load(replace(connection, policy=CLASSICAL))
    driver.unload("case-7")
    scripts = [command for command in container.commands if command[:2] == ["sh", "-c"]]
    assert scripts and all("case-7" not in script[2] for script in scripts)


def test_a_connection_that_is_not_there_afterwards_was_refused_whatever_addconn_says(libreswan, connection):
    words = '"case-7": added IKEv2 connection\n====\n000 "case-77": unrouted;\n'
    driver = LibreswanFamily().attach(libreswan, Refusing(0, words), DaemonSettings())
    with pytest.raises(ConfigurationRefused, match='"case-7": added IKEv2 connection'):
        driver.load(replace(connection, policy=CLASSICAL))


def test_a_daemon_that_does_not_answer_after_addconn_has_refused_nothing(libreswan, connection):
    driver = LibreswanFamily().attach(libreswan, Refusing(1, "====\nwhack: is pluto running?\n"), DaemonSettings())
    with pytest.raises(PeerUnreachable, match=r"whack: whack: is pluto running\?"):
        driver.load(replace(connection, policy=CLASSICAL))


class Telling(Quiet):
    """A daemon with two connections, each in a state of its own."""

    STATUS = """\
000 using kernel interface: xfrm
000 pluto_version=5.2, pluto_vendorid=OE-Libreswan
000 "case-7": 10.99.0.7/32===192.0.2.3...192.0.2.1===10.98.0.7/32; unrouted;
000 #1: "case-7":500 IKE_SA_INIT_I (sent IKE_SA_INIT request); RETRANSMIT in 1s;
000 #2: "case-77":500 ESTABLISHED_IKE_SA (established IKE SA); REKEY in 1s;
"""

    def run(self, command):
        super().run(command)
        return 0, self.STATUS + "====\n"


def test_a_report_is_about_the_one_connection(libreswan):
    report = LibreswanFamily().attach(libreswan, Telling([]), DaemonSettings()).status("case-7")
    assert report.version == "5.2"
    assert [(sa.name, sa.state) for sa in report.sas] == [("case-7", "IKE_SA_INIT_I")]
    assert "case-77" not in report.raw

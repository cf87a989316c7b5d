"""The kernel's own view of its ESP SAs. The output is of Linux 6.12 with iproute2 6.15."""

import pytest

from harness.lab.errors import UnreadableStatus
from harness.lab.products.shared import xfrm_report

KEY = "0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
GCM = f"""\
src 192.0.2.1 dst 192.0.2.2
    proto esp spi 0x00000abc(2748) reqid 3(0x00000003) mode tunnel
    replay-window 0 seq 0x00000000 flag af-unspec esn (0x10100000)
    aead rfc4106(gcm(aes)) {KEY}20212223 (288 bits) 128
    lifetime current:
      420(bytes), 5(packets)
      add 2026-11-21 10:20:01 use -
"""
CBC = f"""\
src 192.0.2.2 dst 192.0.2.1
    proto esp spi 0x00001000(4096) reqid 0(0x00000000) mode transport
    replay-window 0 seq 0x00000000 flag  (0x00000000)
    auth-trunc hmac(sha256) {KEY} (256 bits) 128
    enc cbc(aes) {KEY} (256 bits)
    encap type espinudp sport 4500 dport 4500 addr 0.0.0.0
    lifetime current:
      84(bytes), 1(packets)
"""


def test_an_aead_sa_with_extended_sequence_numbers():
    (sa,) = xfrm_report.parse(GCM)
    assert (sa.source, sa.destination, sa.spi, sa.mode) == ("192.0.2.1", "192.0.2.2", "00000abc", "TUNNEL")
    assert (sa.encr, sa.integ, sa.esn, sa.udp_encapsulated) == ("aes-256-gcm-16", None, True, False)
    assert (sa.packets, sa.bytes) == (5, 420)


def test_an_sa_with_separate_integrity_inside_udp():
    (sa,) = xfrm_report.parse(CBC)
    assert (sa.mode, sa.encr, sa.integ) == ("TRANSPORT", "aes-256-cbc", "hmac-sha2-256-128")
    assert (sa.esn, sa.udp_encapsulated, sa.packets) == (False, True, 1)


def test_the_truncation_that_linux_once_had_is_not_the_rfcs():
    (sa,) = xfrm_report.parse(CBC.replace("(256 bits) 128", "(256 bits) 96"))
    assert sa.integ == "hmac(sha256)-96"


def test_no_sa_is_no_sa():
    assert xfrm_report.parse("") == ()


def test_a_larval_sa_has_no_algorithm():
    text = "src 192.0.2.1 dst 192.0.2.2\n\tproto esp spi 0x8749de7f(2269765247) reqid 0(0x00000000) mode transport\n"
    (sa,) = xfrm_report.parse(text)
    assert (sa.encr, sa.integ, sa.packets) == ("", None, 0)


def test_a_child_sa_is_both_directions():
    sas = xfrm_report.by_spi(GCM + GCM.replace("0x00000abc", "0x00000abd").replace("5(packets)", "7(packets)"))
    child = xfrm_report.child_report("case-1", sas, "00000abc", "00000abd")
    assert child is not None
    assert (child.packets_in, child.packets_out, child.encr, child.state) == (5, 7, "aes-256-gcm-16", "INSTALLED")
    assert xfrm_report.child_report("case-1", sas, "00000abc", "00000fff") is None


def test_directions_that_differ_are_told_apart():
    sas = xfrm_report.by_spi(GCM + CBC)
    child = xfrm_report.child_report("case-1", sas, "00000abc", "00001000")
    assert child is not None and child.encr == "aes-256-gcm-16 in, aes-256-cbc out"


def test_no_key_is_stored():
    assert "0x0001" not in xfrm_report.without_keys(GCM + CBC)
    assert xfrm_report.without_keys(GCM).count("(key)") == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("proto esp spi 0x00000abc(2748)", "spi 0x00000abc(2748)"),
        ("proto esp spi 0x00000abc(2748)", "proto esp spi abc"),
        ("rfc4106(gcm(aes))", "rfc9999(aegis)"),
        ("(288 bits) 128", "(288) 128"),
        ("420(bytes), 5(packets)", "420 bytes, 5 packets"),
        ("src 192.0.2.1 dst 192.0.2.2", "Cannot open netlink socket"),
    ],
)
def test_what_cannot_be_read_is_never_no_sa(old, new):
    assert old in GCM
    with pytest.raises(UnreadableStatus) as error:
        xfrm_report.parse(GCM.replace(old, new))
    assert KEY not in str(error.value)


@pytest.mark.parametrize(
    ("old", "new"), [("hmac(sha256)", "hmac(sha999)"), ("cbc(aes)", "cbc(des9)"), ("(256 bits)", "(256)")]
)
def test_separate_algorithms_that_we_do_not_know_are_told(old, new):
    with pytest.raises(UnreadableStatus):
        xfrm_report.parse(CBC.replace(old, new))


def test_another_protocol_than_esp_is_passed_over():
    comp = "src 192.0.2.1 dst 192.0.2.2\n\tproto comp spi 0x0000aa01(43521) reqid 1(0x00000001) mode tunnel\n"
    assert len(xfrm_report.parse(comp + GCM)) == 1


def test_what_is_not_counted_needs_no_counters():
    uncounted = GCM.partition("    lifetime")[0].replace(" (288 bits)", "")
    assert xfrm_report.parse(uncounted, counted=False)[0].spi == "00000abc"

"""What Libreswan's status says."""

import re

import pytest

from harness.lab.errors import UnreadableStatus
from harness.lab.products.libreswan.report import lines_about, peer_report

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
STATUS_54 = STATUS_52.replace("ESTABLISHED_IKE_SA (established IKE SA)", "established IKE SA").replace(
    "ESTABLISHED_CHILD_SA (established Child SA)", "established Child SA"
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


@pytest.mark.parametrize("status", [STATUS_52, STATUS_410, STATUS_54, STATUS_IPV6])
def test_the_report_joins_the_daemons_status_and_its_kernels_counters(status):
    report = peer_report("5.2", "case-2", status, XFRM)
    (sa,) = report.sas
    assert (sa.state, sa.encr, sa.integ, sa.prf, sa.ke) == (
        "ESTABLISHED", "aes-256-gcm-16", None, "hmac-sha2-384", "ecp384",
    )  # fmt: skip
    assert (sa.initiator_spi, sa.initiator, sa.additional_ke) == (None, None, None)
    (child,) = sa.children
    assert (child.spi_in, child.spi_out, child.packets_in, child.packets_out) == ("89fa0416", "00000abc", 4, 5)


def test_the_states_of_other_connections_are_not_this_ones():
    assert peer_report("5.2", "case-20", STATUS_52, XFRM).sas == ()


def test_integrity_is_the_prfs_where_the_status_leaves_it_out():
    status = STATUS_52.replace(
        "newest: AES_GCM_16_256-HMAC_SHA2_384-DH20", "newest: AES_CBC_256-HMAC_SHA2_512-MODP3072"
    )
    (sa,) = peer_report("5.2", "case-2", status, XFRM).sas
    assert (sa.encr, sa.integ, sa.prf, sa.ke) == ("aes-256-cbc", "hmac-sha2-512-256", "hmac-sha2-512", "modp3072")


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ("IKE_SA_INIT_I (sent IKE_SA_INIT request)", "IKE_SA_INIT_I"),
        ("STATE_V2_PARENT_I1 (sent IKE_SA_INIT request)", "V2_PARENT_I1"),
        ("sent IKE_AUTH request", "sent IKE_AUTH request"),
        ("ZOMBIE (deleted state)", "ZOMBIE"),
    ],
)
def test_an_sa_that_does_not_stand_is_told_of_in_the_products_words(told, state):
    (sa,) = peer_report("5.2", "case-2", f'#1: "case-2":500 {told}; RETRANSMIT in 0.4s; idle;\n', "").sas
    assert (sa.state, sa.children, sa.encr) == (state, (), None)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("ESTABLISHED_IKE_SA (established IKE SA)", "IKE_SA_UP (IKE SA is established)", '#1: "case-2":500 IKE_SA_UP'),
        ("ESTABLISHED_IKE_SA (established IKE SA);", "IKE SA established;", '#1: "case-2":500 IKE SA established'),
        ("ESTABLISHED_CHILD_SA (established Child SA);", "", '#3: "case-2":500  EXPIRE'),
        (
            "ESTABLISHED_CHILD_SA (established Child SA)",
            "established CHILD SA",
            '#3: "case-2":500 established CHILD SA',
        ),
        ("esp.abc@192.0.2.2 esp.89fa0416@192.0.2.1", "esp=abc esp=89fa0416", '#3: "case-2" esp=abc'),
        ('#3: "case-2" esp.abc', '#9: "case-3" esp.abc', "no line tells the SPIs of this SA"),
        ('"case-2":   IKEv2 algorithm newest: ', '"case-2":   newest: ', "no line tells the algorithms of this SA"),
        ("newest: AES_GCM_16_256-", "newest: AEGIS_256-", "(ENCR AEGIS_256)"),
        ("newest: AES_GCM_16_256-HMAC_SHA2_384-DH20", "newest: AES_GCM_16_256", "newest: AES_GCM_16_256"),
    ],
)
def test_what_cannot_be_read_is_never_no_sa(old, new, line):
    assert old in STATUS_52
    with pytest.raises(UnreadableStatus, match=re.escape(line)):
        peer_report("5.5", "case-2", STATUS_52.replace(old, new), XFRM)


def test_an_sa_without_the_name_of_its_connection_is_not_passed_over():
    assert lines_about("case-2", STATUS_52).count("\n") == STATUS_52.count("\n") - 1
    with pytest.raises(UnreadableStatus, match=re.escape("#1: case-2:500 ESTABLISHED_IKE_SA")):
        lines_about("case-2", STATUS_52.replace('#1: "case-2"', "#1: case-2"))


def test_a_child_sa_that_waits_for_its_ike_sa_is_none_yet():
    waiting = STATUS_52 + '#1: pending Child SA for "case-2"\n#9: pending Child SA for "case-31"\n'
    assert '"case-31"' not in lines_about("case-2", waiting)
    seen = peer_report("5.2", "case-2", lines_about("case-2", waiting), "")
    assert seen.sas == peer_report("5.2", "case-2", lines_about("case-2", STATUS_52), "").sas

"""What Libreswan's status says."""

import pytest

from harness.lab.libreswan_report import peer_report

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


def test_the_states_of_other_connections_are_not_this_ones():
    assert peer_report("5.2", "case-20", STATUS_52, XFRM).sas == ()


def test_integrity_is_the_prfs_where_the_status_leaves_it_out():
    status = STATUS_52.replace(
        "newest: AES_GCM_16_256-HMAC_SHA2_384-DH20", "newest: AES_CBC_256-HMAC_SHA2_512-MODP3072"
    )
    (sa,) = peer_report("5.2", "case-2", status, XFRM).sas
    assert (sa.encr, sa.integ, sa.prf, sa.ke) == ("aes-256-cbc", "hmac-sha2-512-256", "hmac-sha2-512", "modp3072")

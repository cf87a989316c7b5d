"""What ikectl shows."""

import re

import pytest

from harness.lab.errors import UnreadableStatus
from harness.lab.products.openiked.report import peer_report

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


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("iked_sas: ", "iked_ikesas: ", "iked_ikesas: 0x55000f8620 rspi"),
        (" rspi 0x", " responder 0x", "iked_sas: 0x55000f8620 responder"),
        ("ESTABLISHED r", "UP r", "] UP r nexti"),
        ("sa_childsas: 0x550014cac0 ESP 0xfe020be5 in", "sa_childsas: 0x550014cac0 ESP 0xfe020be5 inbound", "inbound"),
        ("  sa_childsas: 0x550014cac0 ESP 0xfe020be5 in", "  sa_flows: ESP in", "a Child SA has one direction alone"),
    ],
)
def test_what_cannot_be_read_is_never_no_sa(old, new, line):
    assert old in SAS
    with pytest.raises(UnreadableStatus, match=re.escape(line)):
        peer_report("7.5", "case-1", SAS.replace(old, new), XFRM)

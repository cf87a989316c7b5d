"""What a product says of itself, made up: read, or an error of the lab, at a cost that its octets are worth."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from budget import assert_within_budget

from harness.lab.errors import UnreadableStatus
from harness.lab.products.libreswan.report import lines_about
from harness.lab.products.libreswan.report import peer_report as libreswan
from harness.lab.products.openiked.driver import one_after_the_other
from harness.lab.products.openiked.report import peer_report as openiked
from harness.lab.products.shared import residue, xfrm_report
from harness.lab.products.shared.fault_lines import fault_lines
from harness.lab.products.strongswan.case_log import lines_of_case
from harness.lab.products.strongswan.report import peer_report as strongswan

HEAD = "src 192.0.2.1 dst 192.0.2.2\n"
ESP = f"{HEAD}\tproto esp spi 0x00000abc reqid 1 mode tunnel\n"
OCTETS = 16384

READERS: dict[str, Callable[[str], object]] = {
    "xfrm": xfrm_report.parse,
    "without keys": xfrm_report.without_keys,
    "residue": lambda text: residue.parse(text + "====\n" + text, (), {"192.0.2.1"}, "pluto"),
    "libreswan": lambda text: libreswan("5.2", "case-1", text, ""),
    "libreswan's kernel": lambda text: libreswan("5.2", "case-1", '#1: "case-1":500 established IKE SA;', text),
    "lines about": lambda text: lines_about("case-1", text),
    "openiked": lambda text: openiked("7.4", "case-1", text, ""),
    "faults": fault_lines,
    "log of a case": lambda text: lines_of_case(text, "case-1", "192.0.2.1"),
    "iked's takeover": lambda text: one_after_the_other(text, ('ikev2 "a" ', ": received policy\n", "mode x")),
}
PIECES = [
    "\n", " \n", "\t", "src ", HEAD, ESP, "\tproto esp ", "flag ", "aead ", "enc ", "auth x y (", "0x", "A ", "AAAA",
    "lifetime current: ", '#1: "', '"', '": ', '"case-1": IKE algorithm newest: ', "iked_sas: ", "sa_childsas: ",
    "lost child: ", "thread 1 received ", "1", "Name: ", "VmRSS: ", "13[IKE] <case-1|7> ", "13[IKE] <", "<7> ",
    "192.0.2.1 ", "192.0.2.1:", "case-1 ", 'ikev2 "a" ', ": received policy\n", 'ikev2 "a" : received policy\n',
]  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
def test_one_piece_over_and_over(reader: str) -> None:
    """Expressions that begin anew at each place, and look to the end from each, take quadratic time."""
    for piece in PIECES:
        text = piece * (OCTETS // len(piece))

        def read(text: str = text) -> object:
            try:
                return READERS[reader](text)
            except UnreadableStatus:
                return None

        assert_within_budget(OCTETS, read)


NUMBERS = ["9" * 5000, "\u0663" * 3, "\u00b2", "-1", "1_0"]


@pytest.mark.parametrize("digits", NUMBERS, ids=ascii)
def test_numbers_that_are_none(digits: str) -> None:
    gcm = f"{ESP}\taead rfc4106(gcm(aes)) 0x00 ({{}} bits) {{}}\n\tlifetime current:\n\t  {{}}(bytes), {{}}(packets)\n"
    for place in range(4):
        values = ["288", "128", "1", "1"]
        values[place] = digits
        with pytest.raises(UnreadableStatus):
            xfrm_report.parse(gcm.format(*values))
    assert residue.resident_octets(f"VmRSS:\t{digits} kB\n") is None
    assert libreswan("5.2", "case-1", f'#{digits}: "case-1":500 established IKE SA;', "").sas == ()


SA = {"state": "ESTABLISHED", "initiator-spi": "0" * 16, "responder-spi": "0" * 16, "encr-alg": "AES_CBC",
      "encr-keysize": "256", "prf-alg": "PRF_HMAC_SHA2_384", "dh-group": "ECP_384", "initiator": "yes"}  # fmt: skip
CHILD = {"name": "case-5", "state": "INSTALLED", "mode": "TUNNEL", "spi-in": "0" * 8, "spi-out": "0" * 8,
         "encr-alg": "AES_CBC", "encr-keysize": "256", "bytes-in": "1", "bytes-out": "1", "packets-in": "1",
         "packets-out": "1"}  # fmt: skip


def test_a_good_answer_of_strongswan_is_one() -> None:
    (sa,) = strongswan("6.1", [{"case-5": {**SA, "child-sas": {"a": CHILD}}}]).sas
    assert sa.encr == sa.children[0].encr == "aes-256-cbc"


@pytest.mark.parametrize("odd", ["", [], {}, ["AES_CBC"], {"a": "b"}, *NUMBERS], ids=ascii)
def test_an_answer_of_strongswan_with_a_field_of_another_form(odd: object) -> None:
    for key in (*SA, "child-sas", "integ-alg", "ake1"):
        changed = {**SA, "child-sas": {"a": CHILD}, key: odd}
        read_or_refused([{"case-5": changed}])
    for key in (*CHILD, "integ-alg", "esn", "encap"):
        read_or_refused([{"case-5": {**SA, "child-sas": {"a": {**CHILD, key: odd}}}}])
    read_or_refused([{"case-5": odd}])
    read_or_refused([{"case-5": {**SA, "child-sas": {"a": odd}}}])


def read_or_refused(events: list[object]) -> None:
    try:
        strongswan("6.1", events)
    except UnreadableStatus as error:
        assert "the driver cannot read this" in str(error)

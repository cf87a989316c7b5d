"""``list-sas`` events, taken from strongSwan 6.1.0 in the lab, as PeerReport."""

import copy
import json
import re

import pytest

from harness.evidence.peer_report import ChildReport
from harness.lab.errors import UnreadableStatus
from harness.lab.products.strongswan.report import peer_report

ESTABLISHED = {
    "case-5": {
        "uniqueid": "3", "version": "2", "state": "ESTABLISHED", "local-host": "172.20.0.11", "initiator": "yes",
        "initiator-spi": "cd344373284e2580", "responder-spi": "556443eaad13dad9", "nat-remote": "yes",
        "encr-alg": "AES_CBC", "encr-keysize": "256", "integ-alg": "HMAC_SHA2_384_192",
        "prf-alg": "PRF_HMAC_SHA2_384", "dh-group": "ECP_384", "ake1": "MODP_3072", "ake3": "ML_KEM_1024",
        "child-sas": {
            "case-5-3": {
                "name": "case-5", "state": "INSTALLED", "mode": "TUNNEL", "protocol": "ESP", "encap": "yes",
                "spi-in": "30926407", "spi-out": "fc6a3d93", "encr-alg": "AES_CBC", "encr-keysize": "256",
                "integ-alg": "HMAC_SHA2_256_128", "bytes-in": "252", "packets-in": "3", "bytes-out": "336",
                "packets-out": "4", "local-ts": ["10.99.0.1/32"],
            }
        },
    }
}  # fmt: skip
CONNECTING = {
    "dead": {"uniqueid": "9", "state": "CONNECTING", "initiator-spi": "cee30db8fe12cd5a",
             "responder-spi": "0000000000000000", "tasks-active": ["IKE_VENDOR", "IKE_INIT"]}
}  # fmt: skip


def test_algorithms_and_key_exchanges_are_in_our_spelling():
    sa = peer_report("6.1.0", [ESTABLISHED]).sas[0]
    assert (sa.name, sa.state, sa.initiator) == ("case-5", "ESTABLISHED", True)
    assert (sa.initiator_spi, sa.responder_spi) == ("cd344373284e2580", "556443eaad13dad9")
    assert (sa.encr, sa.integ, sa.prf, sa.ke) == ("aes-256-cbc", "hmac-sha2-384-192", "hmac-sha2-384", "ecp384")
    assert sa.additional_ke == ("modp3072", "ml-kem-1024")


def test_the_child_sa_has_its_counters():
    assert peer_report("6.1.0", [ESTABLISHED]).sas[0].children == (
        ChildReport(
            name="case-5", state="INSTALLED", mode="TUNNEL", udp_encapsulated=True, spi_in="30926407",
            spi_out="fc6a3d93", encr="aes-256-cbc", integ="hmac-sha2-256-128", esn=False,
            packets_in=3, packets_out=4, bytes_in=252, bytes_out=336,
        ),
    )  # fmt: skip


def test_an_sa_that_is_not_up_yet_has_no_algorithms():
    report = peer_report("6.1.0", [CONNECTING])
    assert report.sas[0].state == "CONNECTING"
    assert (report.sas[0].encr, report.sas[0].ke, report.sas[0].children) == ("", "", ())


def test_what_came_is_kept_as_json():
    report = peer_report("6.1.0", [ESTABLISHED, CONNECTING])
    assert report.version == "6.1.0"
    raw = json.loads(report.raw)
    assert raw[0]["case-5"]["child-sas"]["case-5-3"]["local-ts"] == ["10.99.0.1/32"]
    assert raw[1]["dead"]["tasks-active"] == ["IKE_VENDOR", "IKE_INIT"]


def test_no_sa_is_an_empty_report():
    assert peer_report("6.1.0", []).sas == ()


@pytest.mark.parametrize(
    ("where", "key", "value", "why"),
    [
        ("ike", "state", "UP", "state is 'UP'"),
        ("ike", "state", None, "state is None"),
        ("ike", "initiator-spi", "0xcd344373284e2580", "initiator-spi is '0xcd344373284e2580'"),
        ("ike", "encr-alg", "AEGIS", "encr-alg is 'AEGIS' with 256 bits"),
        ("ike", "encr-keysize", "512", "encr-alg is 'AES_CBC' with 512 bits"),
        ("ike", "prf-alg", None, "prf-alg is None"),
        ("ike", "dh-group", None, "dh-group is None"),
        ("ike", "ake1", "KYBER_9", "ake1 is 'KYBER_9'"),
        ("child", "state", "UP", "state is 'UP'"),
        ("child", "spi-in", None, "spi-in is None"),
        ("child", "packets-in", None, "packets-in is None"),
        ("child", "bytes-out", "many", "bytes-out is 'many'"),
    ],
)
def test_what_cannot_be_read_is_never_no_sa(where, key, value, why):
    answer = copy.deepcopy(ESTABLISHED)
    sa = answer["case-5"] if where == "ike" else answer["case-5"]["child-sas"]["case-5-3"]
    if value is None:
        del sa[key]
    else:
        sa[key] = value
    with pytest.raises(UnreadableStatus, match=re.escape(why)):
        peer_report("6.2.0", [answer])


def test_an_answer_that_is_no_sa_is_told():
    with pytest.raises(UnreadableStatus, match="case-5: text"):
        peer_report("6.2.0", [{"case-5": "text"}])

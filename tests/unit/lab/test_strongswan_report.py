"""``list-sas`` events, taken from strongSwan 6.1.0 in the lab, as PeerReport."""

import json

from harness.evidence.peer_report import ChildReport
from harness.lab.strongswan_report import peer_report

ESTABLISHED = {
    "case-5": {
        "uniqueid": b"3", "version": b"2", "state": b"ESTABLISHED", "local-host": b"172.20.0.11", "initiator": b"yes",
        "initiator-spi": b"cd344373284e2580", "responder-spi": b"556443eaad13dad9", "nat-remote": b"yes",
        "encr-alg": b"AES_CBC", "encr-keysize": b"256", "integ-alg": b"HMAC_SHA2_384_192",
        "prf-alg": b"PRF_HMAC_SHA2_384", "dh-group": b"ECP_384", "ake1": b"MODP_3072", "ake3": b"ML_KEM_1024",
        "child-sas": {
            "case-5-3": {
                "name": b"case-5", "state": b"INSTALLED", "mode": b"TUNNEL", "protocol": b"ESP", "encap": b"yes",
                "spi-in": b"30926407", "spi-out": b"fc6a3d93", "encr-alg": b"AES_CBC", "encr-keysize": b"256",
                "integ-alg": b"HMAC_SHA2_256_128", "bytes-in": b"252", "packets-in": b"3", "bytes-out": b"336",
                "packets-out": b"4", "local-ts": [b"10.99.0.1/32"],
            }
        },
    }
}  # fmt: skip
CONNECTING = {
    "dead": {"uniqueid": b"9", "state": b"CONNECTING", "initiator-spi": b"cee30db8fe12cd5a",
             "responder-spi": b"0000000000000000", "tasks-active": [b"IKE_VENDOR", b"IKE_INIT"]}
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

"""The contract of control programs: what is told, and answers that break it are named by verb and field."""

import json

import pytest

from harness.lab.driver import Connection, PreSharedKey
from harness.lab.errors import WrongAnswer
from harness.lab.products.program.answers import (
    Done,
    InitiateAnswer,
    LoadAnswer,
    StatusAnswer,
    VersionAnswer,
    connection_document,
    decode,
)
from harness.policy.proposals import PartyPolicy, ProposalPolicy
from harness.policy.role import Role
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

CHILD = {
    "name": "case-7", "state": "INSTALLED", "mode": "TUNNEL", "udp_encapsulated": True, "spi_in": "c0ffee01",
    "spi_out": "0badcafe", "encr": "aes-256-gcm-16", "integ": None, "esn": False, "packets_in": 5, "packets_out": 5,
    "bytes_in": 420, "bytes_out": 420,
}  # fmt: skip
SA = {
    "name": "case-7", "state": "ESTABLISHED", "initiator": False, "initiator_spi": "0123456789abcdef",
    "responder_spi": "fedcba9876543210", "encr": "aes-256-gcm-16", "integ": None, "prf": "hmac-sha2-256",
    "ke": "curve25519", "additional_ke": ["ml-kem-768"], "children": [CHILD],
}  # fmt: skip


def test_the_connection_is_told_in_neutral_words():
    def proposal(**names: str) -> ProposalPolicy:
        kinds = {TransformType[kind.upper()]: name for kind, name in names.items()}
        return ProposalPolicy({kind: (algorithm(kind, name),) for kind, name in kinds.items()})

    policy = PartyPolicy((proposal(encr="aes-256-gcm-16", ke="curve25519", addke1="ml-kem-768"),), ())
    told = connection_document(
        Connection(
            "case-7", Role.RESPONDER, "a", "b", "i", "r", PreSharedKey(b"key"), policy, "10.99.0.1", "10.100.0.7"
        )
    )
    assert told["role"] == "responder"
    assert told["psk_hex"] == "6b6579"
    assert told["ike"] == [{"encr": ["aes-256-gcm-16"], "ke": ["curve25519"], "addke1": ["ml-kem-768"]}]
    assert told["esp"] == []
    assert told["own_defaults"] is False
    json.dumps(told)


def test_answers_are_typed():
    (sa,) = decode(StatusAnswer, json.dumps({"sas": [SA]}), "x").sas
    assert (sa.additional_ke, sa.children[0].packets_in) == (("ml-kem-768",), 5)
    assert decode(VersionAnswer, '{"version": "1.0"}', "x") == VersionAnswer("1.0")
    assert decode(LoadAnswer, "{}", "x") == LoadAnswer(files={}, refused="")
    decode(Done, "{}", "x")


def test_what_a_product_does_not_show_is_null():
    required = {"name", "state", "spi_in", "spi_out", "children"}
    blank = {key: value if key in required else None for key, value in SA.items()}
    blank["children"] = [{key: value if key in required else None for key, value in CHILD.items()}]
    (sa,) = decode(StatusAnswer, json.dumps({"sas": [blank]}), "x").sas
    assert (sa.encr, sa.children[0].esn, sa.children[0].packets_in) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (VersionAnswer, "1.0.3\n", "the answer is not JSON: Extra data: line 1 column 4 (char 3): '1.0.3'"),
        (VersionAnswer, "", "the answer is not JSON"),
        (VersionAnswer, "{}", "answer: version is missing"),
        (VersionAnswer, '{"version": 1}', "answer.version: expected str, got int"),
        (VersionAnswer, '["1.0"]', "answer: expected dict, got list"),
        (InitiateAnswer, '{"error": null}', "answer.error: expected str"),
        (Done, '{"done": true}', "answer.done is no field of this answer"),
        (StatusAnswer, json.dumps({"sas": [{**SA, "initiator_spi": 5}]}), "answer.sas[0].initiator_spi: expected str"),
        (StatusAnswer, json.dumps({"sas": [{**SA, "spi": "5"}]}), "answer.sas[0].spi is no field of this answer"),
        (
            StatusAnswer,
            json.dumps({"sas": [{**SA, "children": [{**CHILD, "packets": 5}]}]}),
            "answer.sas[0].children[0].packets is no field",
        ),
        *(
            (StatusAnswer, json.dumps({"sas": [{**SA, key: value}]}), f"answer.sas[0].{key}: {shown!r} is no word")
            for key, value, shown in (
                ("state", "Established", "Established"),
                ("state", "", ""),
                ("encr", "AES_GCM_16-256", "AES_GCM_16-256"),
                ("ke", "x25519", "x25519"),
                ("additional_ke", ["mlkem768"], "mlkem768"),
                ("initiator_spi", "0x12", "0x12"),
            )
        ),
        *(
            (
                StatusAnswer,
                json.dumps({"sas": [{**SA, "children": [{**CHILD, key: value}]}]}),
                f"answer.sas[0].children[0].{key}: {value!r} is no word",
            )
            for key, value in (("state", "installed"), ("spi_in", "C0FFEE01"), ("integ", "sha256"), ("mode", "tunnel"))
        ),
    ],
)
def test_an_answer_that_breaks_the_contract_names_the_field(kind, text, words):
    with pytest.raises(WrongAnswer) as caught:
        decode(kind, text, "acme: peer-control verb")
    assert str(caught.value).startswith("acme: peer-control verb: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answer", [{"version": "x" * 2001}, {"version": "1", "key_exchange": ["x" * 2001]}])
def test_a_word_without_end_is_none(answer):
    with pytest.raises(WrongAnswer, match="a word of 2,001 characters, and 2,000 are the limit"):
        decode(VersionAnswer, json.dumps(answer), "x")
    decode(LoadAnswer, json.dumps({"files": {"a": "x" * 5000}}), "x")


def test_what_a_product_says_is_harmless():
    text = json.dumps({"sas": [{**SA, "name": "a\x1b[2J\ud800"}]})
    (sa,) = decode(StatusAnswer, text, "x").sas
    assert sa.name == "a\\x1b[2J\\ud800"
    assert decode(InitiateAnswer, json.dumps({"error": "\0\u202e"}), "x").error == "\\x00\\u202e"

"""Records: whatever was said can be written, who reads has harmless text in hand, and what is no record is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from budget import assert_within_budget
from hypothesis import given
from hypothesis import strategies as st

from harness.border.text import harmless
from harness.json_codec import RecordError, from_json, parse_json, to_json
from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.registry.transforms import TransformType


@dataclass(frozen=True)
class Said:
    word: str
    words: tuple[str, ...] = ()
    by_name: dict[str, str] | None = None


ANY = st.text(st.characters(), max_size=20)


@given(ANY, ANY)
def test_what_is_written_can_be(word, name):
    written = json.dumps(to_json(Said(word, (word,), {name: word})), ensure_ascii=False)
    written.encode("utf-8")
    read = from_json(Said, json.loads(written))
    assert read == Said(harmless(word), (harmless(word),), {harmless(name): harmless(word)})
    assert to_json(read) == json.loads(written)


@given(ANY)
def test_what_is_read_is_harmless_whoever_wrote_it(word):
    read = from_json(Said, json.loads(json.dumps({"word": word, "words": [word], "by_name": {word: word}})))
    assert read == Said(harmless(word), (harmless(word),), {harmless(word): harmless(word)})


@dataclass(frozen=True)
class Counted:
    at: float = 0.0
    count: int = 0
    octets: bytes = b""
    exchange: ExchangeType = ExchangeType.IKE_AUTH
    role: Role = Role.INITIATOR
    by_type: dict[TransformType, int] = field(default_factory=dict)
    even: Even = field(default_factory=lambda: Even(0))


@dataclass(frozen=True)
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError(f"{self.number} is odd")


def test_a_record_of_every_kind_of_field_comes_back():
    value = Counted(1.5, 7, b"\0\xff", ExchangeType(99), Role.RESPONDER, {TransformType(241): 3}, Even(2))
    assert from_json(Counted, parse_json(json.dumps(to_json(value)))) == value


MALFORMED = [
    ('{"at": "1"}', "Counted.at: expected float, got str"),
    ('{"at": true}', "Counted.at: expected float, got True"),
    ('{"count": 1.5}', "Counted.count: expected int, got float"),
    ('{"count": true}', "Counted.count: expected int, got True"),
    ('{"octets": "0g"}', "Counted.octets: expected hexadecimal octets"),
    ('{"octets": 7}', "Counted.octets: expected hexadecimal octets, got 7"),
    ('{"exchange": "IKE_AUTH"}', "Counted.exchange: expected int, got str"),
    ('{"exchange": true}', "Counted.exchange: expected int, got True"),
    ('{"exchange": [35]}', "Counted.exchange: expected int, got list"),
    ('{"exchange": -1}', "Counted.exchange: -1 is not one of"),
    ('{"role": "pair"}', "Counted.role: 'pair' is not one of initiator, responder"),
    ('{"role": ["initiator"]}', "Counted.role: ['initiator'] is not one of"),
    ('{"by_type": {"ENCR": 1}}', "Counted.by_type: expected a number for a key, got 'ENCR'"),
    ('{"by_type": {" 1_0": 1}}', "Counted.by_type: expected a number for a key, got ' 1_0'"),
    ('{"by_type": []}', "Counted.by_type: expected dict, got list"),
    ('{"even": {"number": 3}}', "Counted.even: 3 is odd"),
    ("[]", "Counted: expected dict, got list"),
]


@pytest.mark.parametrize(("text", "message"), MALFORMED)
def test_what_does_not_fit_its_type_is_named(text, message):
    with pytest.raises(RecordError) as caught:
        from_json(Counted, parse_json(text))
    assert message in str(caught.value)


NO_JSON = {
    "nothing": "",
    "cut short": '{"a": ',
    "two values": "1 2",
    "deep arrays": "[" * 100_000,
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "deeper than a record": "[" * 65 + "]" * 65,
    "no number": "NaN",
    "a number without an end": "[Infinity]",
    "a number out of range": "1e999",
    "an integer out of range": "1" * 21,
    "an integer without an end": "-" + "9" * 10_000,
    "octets that are no text": b'"\xff\xfe"',
    "another encoding, cut short": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("what", NO_JSON)
def test_what_is_no_json_of_a_record_is_refused(what):
    with pytest.raises(RecordError, match="not JSON"):
        parse_json(NO_JSON[what])


def test_what_is_json_is_read():
    assert parse_json("[" * 64 + "]" * 64)
    assert parse_json('{"a": [1, -2, 0.5, "x", null, true]}') == {"a": [1, -2, 0.5, "x", None, True]}
    assert parse_json(str(-(10**17))) == -(10**17)


def test_a_message_about_it_is_harmless():
    with pytest.raises(RecordError) as caught:
        from_json(Counted, parse_json('{"by_type": {"\\u001b[2J": 1}}'))
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("text", ["[" + "[]," * 5000 + "[]]", "[" + "0," * 8000 + "0]", "[" + '{"":0},' * 2000 + "0]"])
def test_what_it_costs(text):
    assert_within_budget(len(text), lambda: parse_json(text))

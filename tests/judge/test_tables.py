from __future__ import annotations

import pytest
from case_builder import good
from judging import objects, passes

SCENARIOS = ["classical/modp3072", "classical/x25519", "hybrid/x25519-mlkem768", "multiple-ke/seven"]
CHECK = "decryption-tables"


@pytest.mark.parametrize("scenario", [*SCENARIOS, "authentication/wrong-psk"])
def test_tables_that_hold_the_keys(role, scenario):
    passes(good(scenario, role=role), "decryption-tables")


def test_a_refused_case_needs_no_tables():
    passes(good("hybrid/x25519-mlkem768", "strongswan-5.9"), "decryption-tables")


LYING = {"party": "", "severity": "inconclusive"}


def altered(text: str, octets: bytes) -> str:
    """A table in which one digit of some octets is another one."""
    digits = octets.hex()
    assert digits in text
    return text.replace(digits, ("0" if digits[0] != "0" else "1") + digits[1:])


@pytest.mark.parametrize("name", ["initiator_spi", "responder_spi", "sk_ei", "sk_er", "sk_ai", "sk_ar"])
@pytest.mark.parametrize("scenario", ["classical/modp3072", "hybrid/x25519-mlkem768"])
def test_an_ike_table_that_lies(role, scenario, name):
    case = good(scenario, role=role)
    secrets, tables = case.evidence.secrets, list(case.evidence.ikev2_tables)
    last = len(tables) - 1
    octets = getattr(secrets if name.endswith("spi") else secrets.generations[last], name)
    if not octets:
        return  # an AEAD has no SK_a
    tables[last] = altered(tables[last], octets)
    lying = case.with_evidence(ikev2_tables=tuple(tables))
    at = f"wireshark/{last}/ikev2_decryption_table"
    objects(lying, CHECK, f"keys of generation {last}", at=at, **LYING)


def test_an_ike_table_with_its_keys_changed_about(role):
    case = good(role=role)
    keys, tables = case.evidence.secrets.generations[0], list(case.evidence.ikev2_tables)
    one, other = keys.sk_ei.hex(), keys.sk_er.hex()
    tables[0] = tables[0].replace(one, "x").replace(other, one).replace("x", other, 1)
    lying = case.with_evidence(ikev2_tables=tuple(tables))
    at = "wireshark/0/ikev2_decryption_table"
    objects(lying, CHECK, "keys of generation 0", at=at, **LYING)


def test_a_generation_in_the_table_of_another(role):
    case = good(role=role)
    lying = case.with_evidence(ikev2_tables=case.evidence.ikev2_tables[::-1])
    at = "wireshark/0/ikev2_decryption_table"
    objects(lying, "decryption-tables", "keys of generation 0", at=at, **LYING)


@pytest.mark.parametrize(
    "name",
    [
        "initiator_spi",
        "responder_spi",
        "initiator_encryption",
        "initiator_integrity",
        "responder_encryption",
        "responder_integrity",
    ],
)
def test_an_esp_table_that_lies(role, name):
    case = good("classical/modp3072", role=role)
    text = altered(case.evidence.esp_table, getattr(case.evidence.secrets.children[0], name))
    objects(case.with_evidence(esp_table=text), CHECK, "not in the ESP table", at="wireshark/esp_sa", **LYING)


def test_a_table_that_is_missing(role):
    case = good(role=role)
    inconclusive = {"party": "", "severity": "inconclusive"}
    objects(case.with_evidence(ikev2_tables=None), CHECK, "is missing", at="wireshark/", **inconclusive)
    objects(case.with_evidence(esp_table=None), CHECK, "is missing", at="wireshark/", **inconclusive)
    short = case.with_evidence(ikev2_tables=case.evidence.ikev2_tables[:1])
    objects(short, CHECK, "is missing", at="wireshark/1/ikev2_decryption_table", **inconclusive)

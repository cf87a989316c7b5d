from pathlib import Path

import pytest

from harness.scenario.catalogue import load_scenarios, load_suite, suite_names
from harness.scenario.model import Parties
from harness.scenario.requirements import load_requirements
from harness.scenario.toml_source import InvalidData

IDS = {
    "classical/x25519", "classical/ecp384", "classical/modp3072",
    "hybrid/x25519-mlkem512", "hybrid/x25519-mlkem768", "hybrid/x25519-mlkem1024", "hybrid/ecp384-mlkem1024",
    "hybrid/mlkem768-or-classical", "pq-only/mlkem512-in-sa-init",
    "multiple-ke/two-with-a-gap", "multiple-ke/seven", "multiple-ke/none-selected",
    "multiple-ke/private-id-beside-mlkem768", "multiple-ke/classical-additional",
    "fragmentation/mlkem1024-at-576",
    "negotiation/unknown-transform-type-first", "negotiation/wrong-ke-group-first",
    "denial-of-service/cookie", "authentication/wrong-psk", "lifecycle/liveness-and-delete",
}  # fmt: skip

SCENARIO = """\
id = "{id}"
title = "T"
requirement = "A06"
[offer.ike]
encr = ["aes-256-gcm-16"]
prf = ["hmac-sha2-256"]
ke = ["curve25519"]
[offer.esp]
encr = ["aes-256-gcm-16"]
sn = ["no-esn"]
[[expect]]
check = "authenticated"
"""
REQUIREMENTS = '[A06]\nsource = "RFC 9370"\nsection = "2"\nlevel = "MUST"\ntext = "T"\n'


def folder(tmp_path: Path, **scenarios: str) -> Path:
    (tmp_path / "requirements.toml").write_text(REQUIREMENTS)
    for name, text in scenarios.items():
        path = tmp_path / "topic" / f"{name}.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_the_published_scenarios_load(root: Path, checks):
    assert set(load_scenarios(root / "scenarios", checks)) >= IDS


def test_a_scenario_with_traffic_expects_it_and_only_then(root: Path, checks):
    for scenario in load_scenarios(root / "scenarios", checks).values():
        named = {expect.check for expect in scenario.expect}
        if scenario.parties is not Parties.ENGINE:
            assert ("pair-esp-both-ways" in named) == ("traffic" in scenario.steps), scenario.id
            assert ("pair-rekeyed" in named) == ("rekey-ike" in scenario.steps), scenario.id
            continue
        assert ("esp-both-ways" in named) == ("traffic" in scenario.steps), scenario.id
        assert ("liveness-answered" in named) == ("liveness" in scenario.steps), scenario.id
        assert ("deleted-on-both-sides" in named) == ("delete" in scenario.steps), scenario.id
        assert bool(named & {"refused-with", "deviation-refused"}) == scenario.expects_refusal, scenario.id
        assert not (scenario.deviation and "refused-with" in named), scenario.id


def test_duplicate_ids_refuse_and_name_the_other_file(tmp_path: Path, checks):
    scenarios = folder(tmp_path, a=SCENARIO.format(id="topic/a"), b=SCENARIO.format(id="topic/a"))
    with pytest.raises(InvalidData) as caught:
        load_scenarios(scenarios, checks)
    assert f"b.toml:1: id 'topic/a' is also that of {tmp_path / 'topic' / 'a.toml'}" in str(caught.value)


def test_the_problems_of_all_files_are_told_at_once(tmp_path: Path, checks):
    broken = SCENARIO.format(id="topic/a").replace("curve25519", "x25519")
    scenarios = folder(tmp_path, a=broken, b="id = \n", c=SCENARIO.format(id="topic/c"))
    with pytest.raises(InvalidData) as caught:
        load_scenarios(scenarios, checks)
    first, second = str(caught.value).splitlines()
    assert "a.toml:7: unknown KE algorithm 'x25519'" in first
    assert "b.toml:1: not TOML" in second


def test_a_folder_without_scenarios_is_an_error(tmp_path: Path, checks):
    with pytest.raises(InvalidData, match="holds no scenarios"):
        load_scenarios(folder(tmp_path), checks)


def test_the_published_suites_name_existing_scenarios(root: Path, checks):
    scenarios = load_scenarios(root / "scenarios", checks)
    assert suite_names(root / "scenarios") == ("full", "smoke", "standard")
    assert set(load_suite(root / "scenarios", "smoke", scenarios)) >= IDS
    assert load_suite(root / "scenarios", "full", scenarios) == tuple(sorted(scenarios))


def test_a_suite_leaves_out_what_it_says(tmp_path: Path):
    (tmp_path / "suites").mkdir()
    suite = tmp_path / "suites" / "s.toml"
    suite.write_text('title = "S"\nscenarios = ["topic/*"]\nwithout = ["*/b"]\n')
    assert load_suite(tmp_path, "s", ["topic/a", "topic/b", "other/b"]) == ("topic/a",)
    suite.write_text('title = "S"\nscenarios = ["topic/*"]\nwithout = ["*/c"]\n')
    with pytest.raises(InvalidData, match=r"s\.toml:3: '\*/c' matches no scenario"):
        load_suite(tmp_path, "s", ["topic/a"])


def test_a_suite_that_names_nothing_refuses(tmp_path: Path):
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "s.toml").write_text('title = "S"\n\nscenarios = ["topic/*", "nothing/*"]\n')
    with pytest.raises(InvalidData, match=r"s\.toml:3: 'nothing/\*' matches no scenario"):
        load_suite(tmp_path, "s", ["topic/a"])
    with pytest.raises(InvalidData, match="no suite 'x'; known: s"):
        load_suite(tmp_path, "x", ["topic/a"])


def test_every_row_of_the_catalogue_is_there(root: Path):
    requirements = load_requirements(root / "scenarios" / "requirements.toml")
    rows = {"B": 59, "K": 6, "E": 7, "F": 18, "I": 15, "A": 26, "P": 23, "M": 16, "S": 8, "C": 4, "R": 3, "H": 4}
    for letter, count in rows.items():
        assert {f"{letter}{n:02}" for n in range(1, count + 1)} <= set(requirements)
    assert {identifier[0] for identifier in requirements} == set(rows)
    assert all(one.text.endswith(".") and one.source for one in requirements.values())


def test_every_row_links_to_its_sections(root: Path):
    for one in load_requirements(root / "scenarios" / "requirements.toml").values():
        assert bool(one.links) == (one.source not in ("this project", "implementations")), one.id
        assert ", ".join(section for section, _ in one.links) == one.section, one.id


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (REQUIREMENTS + REQUIREMENTS, "not TOML"),
        (REQUIREMENTS.replace("MUST", "SHALL"), ":4: unknown level 'SHALL'"),
        (REQUIREMENTS.replace("[A06]", "[a6]"), ":1: 'a6' is no requirement id"),
        (REQUIREMENTS.replace("text", "texts"), ":5: unknown key 'texts'"),
        (REQUIREMENTS.replace("RFC 9370", "RFC 9371"), ":2: unknown document 'RFC 9371'"),
        (REQUIREMENTS.replace('"2"', '"2.3"'), ":3: RFC 9370 has no section 2.3"),
        (REQUIREMENTS.replace('"2"', '"page 3"'), ":3: 'page 3' is no section"),
        (REQUIREMENTS.replace('section = "2"\n', ""), ":1: a requirement of RFC 9370 names its section"),
        (REQUIREMENTS.replace("RFC 9370", "this project"), ":3: 'this project' is no document"),
    ],
)
def test_a_broken_catalogue_refuses(tmp_path: Path, text, words):
    path = tmp_path / "requirements.toml"
    path.write_text(text)
    with pytest.raises(InvalidData) as caught:
        load_requirements(path)
    assert words in str(caught.value)

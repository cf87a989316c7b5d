import tomllib
from pathlib import Path

import jsonschema
import pytest

from harness.scenario import vocabulary
from harness.scenario.schema import scenario_schema


@pytest.fixture(scope="module")
def schema(checks):
    return scenario_schema(checks)


def scenario_paths(root: Path) -> list[Path]:
    return [path for path in sorted((root / "scenarios").glob("*/*.toml")) if path.parent.name != "suites"]


def test_the_schema_is_valid_and_accepts_every_scenario(root: Path, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    paths = scenario_paths(root)
    assert len(paths) >= 20
    for path in paths:
        jsonschema.validate(tomllib.loads(path.read_text()), schema, jsonschema.Draft202012Validator)


def test_schema_and_loader_agree_on_keys(schema, checks):
    properties = schema["properties"]
    assert set(properties) == vocabulary.SCENARIO_KEYS
    assert set(properties["settings"]["properties"]) == vocabulary.SETTINGS_KEYS
    assert set(properties["offer"]["properties"]) == vocabulary.POLICY_KEYS
    proposal = properties["offer"]["properties"]["ike"]["oneOf"][0]
    assert set(proposal["properties"]) == set(vocabulary.TRANSFORM_KEYS)
    arguments = {
        one["properties"]["check"]["const"]: set(one["properties"]) - vocabulary.EXPECT_KEYS
        for one in properties["expect"]["items"]["oneOf"][1:]
    }
    assert arguments == {name: set(check.arguments) for name, check in checks.items() if check.arguments}


@pytest.mark.parametrize(
    "change",
    [
        {"colour": "red"},
        {"title": 7},
        {"expects": "trouble"},
        {"steps": ["sleep"]},
        {"settings": {"fragment": 576}},
        {"expect": [{"check": "unheard-of"}]},
        {"expect": [{"check": "esp-both-ways"}]},
        {"expect": [{"check": "authenticated", "packets": 5}]},
        {"offer": {"ike": {"encr": ["aes256"]}, "esp": {"encr": ["aes-256-gcm-16"]}}},
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(root: Path, schema, change):
    scenario = tomllib.loads(scenario_paths(root)[0].read_text()) | change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(scenario, schema, jsonschema.Draft202012Validator)

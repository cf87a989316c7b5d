"""The JSON Schema of scenario files, for editors. It is made from the same vocabulary that the loader reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from harness.policy.deviation import Deviation
from harness.policy.role import Role
from harness.registry.algorithms import names
from harness.registry.notifications import NotifyType
from harness.scenario.check_form import Argument, CheckForms
from harness.scenario.model import AuthenticationMethod, IpVersion, Mode, Parties, Step, Subject
from harness.scenario.vocabulary import (
    LARGEST_FRAGMENT,
    POLICY_KEYS,
    SMALLEST_FRAGMENT,
    TRANSFORM_KEYS,
    UNKNOWN_TRANSFORM_PREFIX,
)

SCHEMA_FILE = "scenario.schema.json"

_PRIVATE_USE = r"^private-use-[0-9]{4,5}$"
_REQUIREMENT = {"type": "string", "pattern": "^[A-Z][0-9]{2}$"}
_ARGUMENTS: dict[Argument, dict[str, Any]] = {
    Argument.NUMBER: {"type": "integer", "minimum": 1, "maximum": LARGEST_FRAGMENT},
    Argument.NOTIFY: {"type": "string", "enum": [kind.name for kind in NotifyType.known()]},
}


def scenario_schema(checks: CheckForms) -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of one scenario file; ``checks`` are those that it may ask for."""
    party = _object({protocol: _proposals() for protocol in sorted(POLICY_KEYS)})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Scenario of the IPsec interoperability harness",
        **_object(
            {
                "id": {"type": "string", "pattern": "^[a-z0-9-]+/[a-z0-9-]+$"},
                "title": {"type": "string", "minLength": 1},
                "requirement": {"oneOf": [_REQUIREMENT, {**_list(_REQUIREMENT), "minItems": 1}]},
                "roles": {**_list({"enum": [role.value for role in Role]}), "minItems": 1},
                "role-reason": {"type": "string"},
                "steps": {"type": "array", "items": {"enum": [step.value for step in Step]}},
                "parties": {"enum": [parties.value for parties in Parties]},
                "subject": {"enum": [subject.value for subject in Subject]},
                "expects": {"enum": ["refusal"]},
                "deviation": {"enum": [deviation.value for deviation in Deviation]},
                "settings": _settings(),
                "offer": {**party, "required": sorted(POLICY_KEYS)},
                "accept": party,
                "expect": {"type": "array", "minItems": 1, "items": {"oneOf": _expects(checks)}},
            },
            required=("id", "title", "requirement", "expect"),
        ),
    }


def _object(properties: dict[str, Any], required: Iterable[str] = ()) -> dict[str, Any]:
    found = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": list(required)} if required else found


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "uniqueItems": True, "items": items}


def _settings() -> dict[str, Any]:
    return _object(
        {
            "fragment-size": {"type": "integer", "minimum": SMALLEST_FRAGMENT, "maximum": LARGEST_FRAGMENT},
            "require-cookie": {"type": "boolean"},
            "wrong-psk": {"type": "boolean"},
            "ip-version": {"enum": [version.value for version in IpVersion]},
            "authentication": {"enum": [method.value for method in AuthenticationMethod]},
            "mobike": {"type": "boolean"},
            "announce-intermediate": {"type": "boolean"},
            "as-written": {"type": "boolean"},
            "mode": {"enum": [mode.value for mode in Mode]},
        }
    )


def _proposals() -> dict[str, Any]:
    proposal = {
        **_object(
            {
                key: {**_list({"anyOf": [{"enum": list(names(kind))}, {"pattern": _PRIVATE_USE}]}), "minItems": 1}
                for key, kind in TRANSFORM_KEYS.items()
            }
        ),
        "patternProperties": {
            f"^{UNKNOWN_TRANSFORM_PREFIX}[1-9][0-9]*$": {**_list({"pattern": _PRIVATE_USE}), "minItems": 1}
        },
    }
    return {"oneOf": [proposal, {"type": "array", "minItems": 1, "items": proposal}]}


def _expects(checks: CheckForms) -> list[dict[str, Any]]:
    plain = sorted(name for name, check in checks.items() if not check.arguments)
    alternatives = [_object({"check": {"enum": plain}, "requirement": _REQUIREMENT}, required=("check",))]
    for name, check in sorted(checks.items()):
        if check.arguments:
            properties = {"check": {"const": name}, "requirement": _REQUIREMENT}
            properties.update({argument: _ARGUMENTS[kind] for argument, kind in check.arguments.items()})
            alternatives.append(_object(properties, required=("check", *check.arguments)))
    return alternatives

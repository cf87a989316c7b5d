"""What a prediction takes from a product's own files, as a case keeps it: with it the prediction is made once more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from harness.json_codec import RecordError, from_json, to_json
from harness.oracle.expectation import Expectation
from harness.oracle.prediction import expect
from harness.policy.proposals import PartyPolicy
from harness.policy.role import Role
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import TransformType
from harness.scenario.model import Scenario
from harness.scenario.party import ENGINE, Party
from harness.scenario.peer import Capabilities, Peer, Profile, Published

_Had = dict[TransformType, tuple[Algorithm, ...]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A product's capabilities, and the policies that are published of it."""

    title: str
    ike: _Had
    esp: _Had
    can: dict[str, bool]  # the other capabilities, by name
    roles: tuple[Role, ...]
    profile: PartyPolicy | None = None  # of a vendor that it is configured as
    published: PartyPolicy | None = None  # of its own


_CAN = tuple(field.name for field in fields(Capabilities) if field.type == "bool")


def sheet_record(peer: Peer) -> Any:
    """A product's sheet as ``case.json`` has it."""
    able = peer.capabilities
    can = {name: getattr(able, name) for name in _CAN}
    profile = peer.profile.policy if peer.profile else None
    published = peer.published.policy if peer.published else None
    return to_json(Sheet(peer.title, _listed(able.ike), _listed(able.esp), can, able.roles, profile, published))


def predicted_again(scenario: Scenario, engine: Role | None, sheets: Mapping[str, Any]) -> Expectation:
    """The prediction from the scenario and the recorded sheets; what our machine lacked is not in them.

    Raises:
        RecordError: a sheet is missing, or is none.
    """
    initiator, responder = (ENGINE if engine is role else _party(sheets.get(role.value)) for role in Role)
    return expect(scenario, initiator, responder)


def difference(recorded: Expectation, again: Expectation) -> str:
    """What a recorded prediction has otherwise than the one that was made once more, in words; "" for nothing."""
    if again.skipped:
        return f"the case was not to be sent: {again.skipped}"
    for name in ("initiator", "responder", "ike", "esp", "outcome", "refusal", "reaction", "echo"):
        if getattr(recorded, name) != getattr(again, name):
            return f"{name} is another one than the scenario and the sheets of the products lead to"
    if bool(recorded.unsupported) != bool(again.unsupported):
        words = recorded.unsupported or "nothing is lacking"
        return f"{words}, and by the sheets of the products {again.unsupported or 'nothing is lacking'}"
    return ""


def _party(value: object) -> Party:
    sheet = from_json(Sheet, value, "sheets")
    lacking = [name for name in _CAN if name not in sheet.can]
    if lacking:
        raise RecordError(f"sheets: {', '.join(lacking)} missing")
    able = Capabilities(_held(sheet.ike), _held(sheet.esp), sheet.can["additional_key_exchange"], roles=sheet.roles)
    able = replace(able, **{name: sheet.can[name] for name in _CAN})  # type: ignore[arg-type]  # all of them are bool
    profile = None if sheet.profile is None else Profile("", "", "", "", "", sheet.profile, ())
    published = None if sheet.published is None else Published(sheet.published, ())
    return Peer("", sheet.title, "", "", "", "", (), able, profile=profile, published=published)


def _listed(had: Mapping[TransformType, Iterable[Algorithm]]) -> _Had:
    ordered = ((kind, sorted(had[kind], key=lambda one: (one.identifier, one.key_length or 0))) for kind in had)
    return {kind: tuple(those) for kind, those in ordered}


def _held(had: _Had) -> dict[TransformType, frozenset[Algorithm]]:
    return {kind: frozenset(those) for kind, those in had.items()}

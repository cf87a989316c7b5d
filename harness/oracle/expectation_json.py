"""Expectations as JSON and back: a recorded run is judged again with the prediction it was made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from harness.ike.policy import Policy, ProposalPolicy, Suite
from harness.oracle.expectation import Expectation
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.notifications import NotifyType
from harness.registry.transforms import TransformType
from harness.results.model import Outcome
from harness.scenario.model import PartyPolicy
from harness.scenario.vocabulary import transform_key, transform_type


def to_json(expectation: Expectation) -> dict[str, Any]:
    """The expectation as JSON values; algorithms in their one spelling, transform types as keys of scenario files."""
    return {
        "outcome": expectation.outcome,
        "ike": [_suite(suite) for suite in expectation.ike],
        "esp": [_suite(suite) for suite in expectation.esp],
        "refusal": expectation.refusal.name if expectation.refusal is not None else None,
        "skipped": expectation.skipped,
        "unsupported": expectation.unsupported,
        "engine": _party(expectation.engine),
        "peer": _party(expectation.peer),
    }


def from_json(data: Mapping[str, Any]) -> Expectation:
    """The inverse of ``to_json``.

    Raises:
        KeyError: a key is missing, or an algorithm, transform type or notify has no such name.
        ValueError: the outcome has no such name.
    """
    return Expectation(
        outcome=Outcome(data["outcome"]) if data["outcome"] is not None else None,
        ike=tuple(_parse_suite(suite) for suite in data["ike"]),
        esp=tuple(_parse_suite(suite) for suite in data["esp"]),
        refusal=NotifyType[data["refusal"]] if data["refusal"] is not None else None,
        skipped=data["skipped"],
        unsupported=data["unsupported"],
        engine=_parse_party(data["engine"]),
        peer=_parse_party(data["peer"]),
    )


def _suite(suite: Suite) -> dict[str, Any]:
    named = {transform_key(kind): one.name(kind) for kind, one in suite.transforms.items()}
    return {"proposal": suite.proposal_number, "transforms": named}


def _party(party: PartyPolicy) -> dict[str, Any]:
    return {"ike": _policy(party.ike), "esp": _policy(party.esp)}


def _policy(policy: Policy) -> list[dict[str, list[str]]]:
    return [
        {
            transform_key(kind): [one.name(kind) for one in algorithms]
            for kind, algorithms in proposal.transforms.items()
        }
        for proposal in policy
    ]


def _kind(key: str) -> TransformType:
    kind = transform_type(key)
    if kind is None:
        raise KeyError(f"unknown transform type {key!r}")
    return kind


def _parse_suite(data: Mapping[str, Any]) -> Suite:
    chosen: dict[TransformType, Algorithm] = {}
    for key, name in data["transforms"].items():
        chosen[_kind(key)] = algorithm(_kind(key), name)
    return Suite(data["proposal"], chosen)


def _parse_party(data: Mapping[str, Any]) -> PartyPolicy:
    return PartyPolicy(_parse_policy(data["ike"]), _parse_policy(data["esp"]))


def _parse_policy(data: Iterable[Mapping[str, list[str]]]) -> Policy:
    return tuple(
        ProposalPolicy({_kind(key): tuple(algorithm(_kind(key), name) for name in names) for key, names in one.items()})
        for one in data
    )

"""What a peer's control program is told and what it answers, verb by verb: the contract of peers/README.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeVar

from harness.evidence.peer_report import SaReport
from harness.ike.policy import Policy
from harness.json_codec import RecordError, from_json, to_json
from harness.lab.driver import Connection
from harness.lab.errors import WrongAnswer
from harness.scenario.vocabulary import transform_key

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VersionAnswer:
    """``version``: what the daemon says of itself."""

    version: str
    key_exchange: tuple[str, ...] | None = None  # the methods of the running build, None where it cannot tell


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    """``load``: the configuration in the product's own words, by file name, as it was loaded."""

    files: dict[str, str] = field(default_factory=dict)
    refused: str = ""  # the product does not take this configuration, in its own words; then nothing is loaded


@dataclass(frozen=True, slots=True)
class InitiateAnswer:
    """``initiate``: "" or why the SAs did not come up, in the product's own words."""

    error: str


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """``status``: the IKE SAs of one connection, now."""

    sas: tuple[SaReport, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """``unload`` and ``terminate``: an empty object."""


def connection_document(connection: Connection) -> dict[str, object]:
    """What ``load`` is told. Algorithms have their IANA names, in lower case with hyphens; "local" is the product."""
    return {
        "name": connection.name,
        "role": connection.role.value,
        "local_address": connection.local_address,
        "remote_address": connection.remote_address,
        "local_identity": connection.local_identity,
        "remote_identity": connection.remote_identity,
        "psk_hex": connection.psk_hex,
        "local_inner": connection.local_inner,
        "remote_inner": connection.remote_inner,
        "mode": connection.mode.value,
        "mobike": connection.mobike,
        "fragment_size": connection.fragment_size,
        "own_defaults": connection.own_defaults,
        "ike": _proposals(connection.policy.ike),
        "esp": _proposals(connection.policy.esp),
    }


def _proposals(policy: Policy) -> list[dict[str, list[str]]]:
    return [
        {transform_key(kind): [each.name(kind) for each in chosen] for kind, chosen in proposal.transforms.items()}
        for proposal in policy
    ]


def decode(kind: type[T], text: str, who: str) -> T:
    """The answer of one call. ``who`` names the program and the verb, for messages.

    Raises:
        WrongAnswer: it is not JSON, a field is missing, of another type, or unknown; the message names the field.
    """
    try:
        value = json.loads(text)
    except ValueError as error:
        shown = text.strip()[:80]
        raise WrongAnswer(f"{who}: the answer is not JSON ({error}): {shown!r}") from None
    try:
        answer = from_json(kind, value, "answer")
    except RecordError as error:
        raise WrongAnswer(f"{who}: {error}") from None
    if unknown := _unknown(value, to_json(answer), "answer"):
        raise WrongAnswer(f"{who}: {unknown} is no field of this answer")
    return answer


def _unknown(given: object, known: object, where: str) -> str:
    """Where the first key stands that the type does not have; "" for none."""
    if isinstance(given, dict) and isinstance(known, dict):
        for key, value in given.items():
            if key not in known:
                return f"{where}.{key}"
            if deeper := _unknown(value, known[key], f"{where}.{key}"):
                return deeper
    if isinstance(given, list) and isinstance(known, list):
        found = (_unknown(*pair, f"{where}[{n}]") for n, pair in enumerate(zip(given, known, strict=True)))
        return next(filter(None, found), "")
    return ""

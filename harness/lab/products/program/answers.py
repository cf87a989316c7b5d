"""What a peer's control program is told and what it answers, verb by verb: the contract of peers/README.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from harness.border import limits
from harness.evidence.peer_report import ChildReport, SaReport
from harness.json_codec import RecordError, from_json, parse_json, to_json
from harness.lab.driver import Connection
from harness.lab.errors import WrongAnswer
from harness.policy.proposals import Policy
from harness.registry.algorithms import names
from harness.registry.transforms import TransformType
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

    def __post_init__(self) -> None:
        """Raises RecordError where an SA is told of in words that are not the contract's."""
        for index, sa in enumerate(self.sas):
            _check_words(f"answer.sas[{index}]", _WORDS_OF_AN_IKE_SA, sa)
            for number, child in enumerate(sa.children):
                _check_words(f"answer.sas[{index}].children[{number}]", _WORDS_OF_A_CHILD_SA, child)


@dataclass(frozen=True, slots=True)
class Done:
    """``unload`` and ``terminate``: an empty object."""


def _spelled_as(word: str) -> Callable[[str], bool]:
    """What is up has one spelling; any other word is for what is not up, but for the same one written otherwise."""
    return lambda value: bool(value) and (value == word or value.upper() != word)


def _digits(count: int) -> Callable[[str], bool]:
    return re.compile(rf"[0-9a-f]{{{count}}}").fullmatch  # type: ignore[return-value]  # a match is true


def _named(kind: TransformType) -> Callable[[str], bool]:
    return lambda value: value in names(kind) or re.fullmatch(r"private-use-\d+", value) is not None


_WORDS_OF_AN_IKE_SA: Mapping[str, Callable[[str], bool]] = {
    "state": _spelled_as("ESTABLISHED"),
    "initiator_spi": _digits(16),
    "responder_spi": _digits(16),
    "encr": _named(TransformType.ENCR),
    "integ": _named(TransformType.INTEG),
    "prf": _named(TransformType.PRF),
    "ke": _named(TransformType.KE),
    "additional_ke": _named(TransformType.KE),
}
_WORDS_OF_A_CHILD_SA: Mapping[str, Callable[[str], bool]] = {
    "state": _spelled_as("INSTALLED"),
    "spi_in": _digits(8),
    "spi_out": _digits(8),
    "encr": _named(TransformType.ENCR),
    "integ": _named(TransformType.INTEG),
    "mode": lambda value: value in ("TUNNEL", "TRANSPORT"),
}


def _check_words(where: str, words: Mapping[str, Callable[[str], bool]], sa: SaReport | ChildReport) -> None:
    """Raises RecordError at the first field that does not hold what its contract allows; null is for not shown."""
    for field_name, fits in words.items():
        value = getattr(sa, field_name)
        for word in value if isinstance(value, tuple) else (value,):
            if word is not None and not fits(word):
                raise RecordError(f"{where}.{field_name}: {word!r} is no word of the contract")


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
        value = parse_json(text)
    except RecordError as error:
        shown = text.strip()[:80]
        raise WrongAnswer(f"{who}: the answer is {error}: {shown!r}") from None
    try:
        answer = from_json(kind, value, "answer")
    except RecordError as error:
        raise WrongAnswer(f"{who}: {error}") from None
    if too_long := _too_long(answer):
        raise WrongAnswer(f"{who}: a word of {too_long:,} characters, and {limits.WORDS:,} are the limit")
    if unknown := _unknown(value, to_json(answer), "answer"):
        raise WrongAnswer(f"{who}: {unknown} is no field of this answer")
    return answer


def _too_long(answer: object) -> int:
    """The length of the longest string that is too long for a product's words; 0 for none. Files are no words."""
    words = {**to_json(answer), "files": {}}  # type: ignore[dict-item]  # a dataclass becomes an object
    longest = max((len(text) for text in _strings(words)), default=0)
    return longest if longest > limits.WORDS else 0


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


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

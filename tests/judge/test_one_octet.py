"""One octet of the evidence turned over, wherever it is: never a PASS, never a crash.

In a case that came up every octet of the wire is covered by AUTH or by an integrity check value, and every recorded
secret is used. So nothing may change without being noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest
from case_builder import flipped, good

from harness.results.model import Verdict

SCENARIOS = ["hybrid/x25519-mlkem768", "classical/modp3072", "multiple-ke/two-with-a-gap"]
STEP = 11  # octets between two places that are tried


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_of_the_wire(role, scenario):
    case = good(scenario, role=role)
    for datagram in case.datagrams:
        for place in range(datagram.frame % STEP, len(datagram.payload), STEP):
            changed = replace(datagram, payload=flipped(datagram.payload, place))
            verdict = case.changed(datagram, changed).judge().verdict
            assert verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE), f"frame {datagram.frame}, octet {place}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_of_the_secrets(role, scenario):
    case = good(scenario, role=role)
    secrets = case.evidence.secrets
    for path, octets in leaves(secrets):
        for place in {0, len(octets) // 2, len(octets) - 1}:
            flawed = replaced(secrets, path, flipped(octets, place))
            verdict = case.with_evidence(secrets=flawed).judge().verdict
            assert verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE), f"{path}, octet {place}"


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_datagram_less(role, scenario):
    case = good(scenario, role=role)
    for datagram in case.datagrams:
        verdict = case.changed(datagram).judge().verdict
        assert verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE), f"frame {datagram.frame}"


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bytes]]:
    """Every octet string inside a recorded value, with the way to it."""
    if isinstance(value, bytes):
        if value:
            yield path, value
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    elif is_dataclass(value):
        for field in fields(value):
            yield from leaves(getattr(value, field.name), (*path, field.name))


def replaced(value: Any, path: tuple[Any, ...], octets: bytes) -> Any:
    """The recorded value with one octet string exchanged."""
    if not path:
        return octets
    key, *rest = path
    if isinstance(value, tuple):
        return tuple(replaced(item, tuple(rest), octets) if n == key else item for n, item in enumerate(value))
    return replace(value, **{key: replaced(getattr(value, key), tuple(rest), octets)})

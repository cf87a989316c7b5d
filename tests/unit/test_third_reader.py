"""The third reader agrees with ours on what is right, and sees a field that one of the two reads otherwise."""

from __future__ import annotations

import importlib
import os
import shutil
from dataclasses import replace
from typing import Any

import pytest
from case_builder import ROOT, Case, good

from harness.policy.role import Role
from harness.registry.messages import ExchangeType
from harness.verify.wire import SeenMessage
from harness.wire.payloads import KeyExchange, Notify, SecurityAssociation

SCENARIOS = [
    "hybrid/x25519-mlkem768", "classical/modp3072", "multiple-ke/two-with-a-gap", "fragmentation/mlkem1024-at-576",
    "denial-of-service/cookie", "errors/unknown-payload-everywhere",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _tshark() -> None:
    """On a developer's machine it may be missing; in CI that would hide what it is there to find."""
    if shutil.which("tshark") is None:
        missing = "tshark is not installed: apt-get install tshark"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture(scope="module")
def reader() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        return importlib.import_module("third_reader")


def datagrams(reader: Any, case: Case, messages: tuple[SeenMessage, ...] | None = None) -> list[Any]:
    tables = dict(enumerate(case.evidence.ikev2_tables or ()))
    seen = case.view.messages if messages is None else messages
    return [(each, tables) for message in seen for each in reader.pieces_of(case.scenario.id, message)]


def test_all_three_read_the_same(reader):
    every = [each for scenario in SCENARIOS for role in Role for each in datagrams(reader, good(scenario, role=role))]
    found = reader.compare(every)
    assert found.differing == []
    assert found.clear == len(every)
    assert found.opened == sum(seen.message.opened is not None and seen.last for seen, _ in every) > 40


def test_a_cipher_that_tshark_does_not_have_is_counted(reader):
    found = reader.compare(datagrams(reader, good("classical/x25519")))
    assert found.differing == [] and found.opened == 0
    assert sum(found.closed.values()) == 4


def read_otherwise(message: SeenMessage, kind: type, **fields: Any) -> SeenMessage:
    """As if our reader took a field inside SK, or in clear, for another value."""
    if message.opened is not None:
        inner = tuple(replace(p, **fields) if isinstance(p, kind) else p for p in message.opened.inner)
        return replace(message, opened=replace(message.opened, inner=inner))
    (piece,) = message.pieces
    payloads = tuple(replace(p, **fields) if isinstance(p, kind) else p for p in piece.message.payloads)
    return replace(message, pieces=(replace(piece, message=replace(piece.message, payloads=payloads)),))


@pytest.mark.parametrize(
    ("exchange", "kind", "fields"),
    [
        (ExchangeType.IKE_SA_INIT, KeyExchange, {"method": 30}),
        (ExchangeType.IKE_SA_INIT, Notify, {"data": b"1"}),
        (ExchangeType.IKE_SA_INIT, SecurityAssociation, {"proposals": ()}),
        (ExchangeType.IKE_INTERMEDIATE, KeyExchange, {"data": bytes(1184)}),
        (ExchangeType.IKE_AUTH, SecurityAssociation, {"flags": 0x80}),
    ],
)
def test_a_field_that_is_read_otherwise(reader, exchange, kind, fields):
    case = good()
    messages = tuple(
        read_otherwise(message, kind, **fields) if message.exchange == exchange and not message.response else message
        for message in case.view.messages
    )
    found = reader.compare(datagrams(reader, case, messages))
    assert len(found.differing) == 1
    assert f"{exchange} request" in found.differing[0]


def test_keys_that_do_not_fit(reader):
    """What tshark cannot open with the table that stands in the evidence is a disagreement, too."""
    case = good()
    tables = {0: (case.evidence.ikev2_tables or ("",))[0]}
    wrong = [(seen, {0: tables[0], 1: tables[0]}) for seen, _ in datagrams(reader, case)]
    assert reader.compare(wrong).differing


def test_a_run_that_is_none(reader, capsys, tmp_path):
    assert reader.main([]) == 2
    assert reader.main([str(tmp_path / "nothing")]) == 2
    assert "usage" in capsys.readouterr().err

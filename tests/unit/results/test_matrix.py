from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest

from harness.results import matrix as module
from harness.results.matrix import matrix
from harness.results.record import never_run, read_run

GOLDEN = Path(__file__).parents[2] / "golden" / "report" / "run.jsonl"
SCHEMA = json.loads((Path(module.__file__).parent / module.SCHEMA).read_text())
CELL_KEYS = [
    "case", "scenario", "peer", "role", "outcome", "verdict", "grade", "flaky", "attempts", "deviation", "findings",
    "reason", "kernel", "duration_ms", "evidence",
]  # fmt: skip


@pytest.fixture
def run():
    return read_run(GOLDEN)


@pytest.fixture
def document(run):
    return matrix(run)


def test_schema_is_a_schema_and_accepts_the_matrix(document):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(document, SCHEMA)


def test_top_level_and_cells_have_exactly_the_agreed_keys(document):
    assert list(document) == ["run", "peers", "scenarios", "cells"]
    assert all(list(cell) == CELL_KEYS for cell in document["cells"])


def test_every_case_has_one_cell(run, document):
    assert [cell["case"] for cell in document["cells"]] == [record.case for record in run.cases]
    assert len({cell["case"] for cell in document["cells"]}) == len(run.cases)


def test_grade_only_where_a_peer_was_judged(document):
    graded = {cell["verdict"] for cell in document["cells"] if cell["grade"] is not None}
    assert graded == {"PASS", "FAIL"}


def test_flaky_cell_keeps_both_attempts(document):
    (cell,) = [cell for cell in document["cells"] if cell["flaky"]]
    assert cell["verdict"] == "FAIL"
    assert [attempt["verdict"] for attempt in cell["attempts"]] == ["FAIL", "PASS"]
    assert cell["evidence"] == cell["attempts"][0]["evidence"]


def test_pair_names_its_parties(run, document):
    from dataclasses import replace

    pair = never_run("pairs/as-published@strongswan-6.0+strongswan-6.1@pair", "no time left")
    document = matrix(replace(run, cases=(pair,)))
    jsonschema.validate(document, SCHEMA)
    assert document["cells"][0]["initiator"] == "strongswan-6.0"
    assert document["cells"][0]["responder"] == "strongswan-6.1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cell: cell.update(verdict="OK"),
        lambda cell: cell.update(outcome="hybrid"),
        lambda cell: cell.pop("reason"),
        lambda cell: cell.update(surprise=1),
        lambda cell: cell.update(attempts=[]),
        lambda cell: cell.update(verdict="ERROR", grade=None, reason=""),
        lambda cell: cell.update(verdict="SKIPPED", grade="A", reason="why"),
        lambda cell: cell.update(role="pair"),
        lambda cell: cell.update(initiator="strongswan-6.1"),
        lambda cell: cell.update(case="classical/x25519"),
    ],
)
def test_schema_refuses(document, spoil):
    spoilt = deepcopy(document)
    spoil(spoilt["cells"][0])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, SCHEMA)

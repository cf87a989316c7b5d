"""A place in the evidence, as findings point to it and as a record keeps it."""

from __future__ import annotations

import pytest

from harness.json_codec import RecordError, from_json, to_json
from harness.results.model import Finding, Pointer, Severity

FINDING = Finding("nat-detection", "B20", "MUST", "engine", "it lacks one", Pointer.to_frame(7), Severity.NOTE)


def test_it_tells_its_file():
    assert (FINDING.pointer, FINDING.pointer.file) == ("wire.pcapng#7", "wire.pcapng")
    assert Pointer("peer/sas.json").file == "peer/sas.json"


def test_it_tells_its_frame():
    assert (FINDING.pointer.frame, Pointer("wire.pcapng").frame) == (7, None)


def test_a_finding_comes_back_from_its_record_with_its_types():
    again = from_json(Finding, to_json(FINDING))
    assert again == FINDING
    assert (type(again.pointer), type(again.severity)) == (Pointer, Severity)


def test_an_unknown_severity_is_an_error_of_the_record():
    record = to_json(FINDING)
    assert isinstance(record, dict)
    with pytest.raises(RecordError, match=r"Finding\.severity: 'grave' is not one of fail, should, inconclusive, note"):
        from_json(Finding, record | {"severity": "grave"})

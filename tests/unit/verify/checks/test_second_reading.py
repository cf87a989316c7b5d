"""What our engine recorded against the wire, one part of the record after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_builder import good

from harness.verify.checks import second_reading


@pytest.mark.parametrize("trace", [None, ()])
def test_without_a_trace_nothing_is_compared_with_it(role, trace):
    view = good(role=role).view
    assert list(second_reading._traced(view)) == []
    assert list(second_reading._traced(replace(view, evidence=replace(view.evidence, trace=trace)))) == []


def test_a_suite_that_only_the_trace_has_is_compared_with_none(role):
    view = good(role=role).view
    report = replace(view.report, negotiated=None, suite=None, child_suite=None)
    assert list(second_reading._traced(replace(view, report=report))) == []

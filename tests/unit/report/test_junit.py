from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from harness.report import junit
from harness.results.record import read_run

RUN = read_run(Path(__file__).parents[2] / "golden" / "report" / "run.jsonl")


@pytest.fixture
def suites():
    return ET.fromstring(junit.render(RUN))


def test_a_suite_for_each_peer_and_a_case_for_each_record(suites):
    assert [suite.get("name") for suite in suites] == list(dict.fromkeys(record.peer for record in RUN.cases))
    for suite in suites:
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
    assert suites.get("tests") == str(len(RUN.cases))


def test_red_is_what_is_not_expected(suites):
    red = {
        (case.get("name"), case.get("classname"))
        for case in suites.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    }
    assert red == {(f"{r.scenario} ({r.role})", r.peer) for r in RUN.cases if not r.expected}


@pytest.mark.parametrize(
    ("name", "peer", "tag", "message"),
    [
        ("hybrid/x25519-mlkem768 (initiator)", "strongswan-5.9", "skipped", "UNSUPPORTED: multiple key exchanges"),
        ("pq-only/mlkem512-in-sa-init (responder)", "strongswan-5.9", "skipped", "SKIPPED: strongswan-5.9 would have"),
        ("multiple-ke/bad-encapsulation-key (initiator)", "strongswan-6.0", "skipped", "known failure: its own plugin"),
        ("multiple-ke/bad-encapsulation-key (initiator)", "strongswan-6.1", "failure", "expected the exchange to fail"),
        ("negotiation/unknown-transform-type-first (initiator)", "strongswan-5.9", "failure", "unexpected pass"),
        ("negotiation/unknown-transform-type-first (initiator)", "strongswan-6.0", "error", "the container of"),
    ],
)
def test_how_a_verdict_is_told(suites, name, peer, tag, message):
    (case,) = [c for c in suites.iter("testcase") if (c.get("name"), c.get("classname")) == (name, peer)]
    assert case.find(tag).get("message").startswith(message)


def test_control_characters_do_not_break_the_document():
    attempt = replace(RUN.cases[0].first, reason="\x00 \x1b[31m \ud800 \ufffe", evidence="\x07")
    run = replace(RUN, cases=(replace(RUN.cases[0], attempts=(attempt,)),))
    assert len(ET.fromstring(junit.render(run)).findall("testsuite/testcase")) == 1

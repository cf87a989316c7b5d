"""JUnit XML: one test suite a peer, one test case a scenario and role, as CI servers read it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

from harness.report import words
from harness.results.model import CaseRecord, Finding, Run, Severity, Verdict

# What XML 1.0 section 2.2 does not allow in a document, escaped or not.
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(run: Run) -> str:
    """The JUnit XML of a run.

    A failure is a verdict that a peer must answer for: FAIL, or the pass of a listed known failure. An error is
    INCONCLUSIVE or ERROR. UNSUPPORTED, SKIPPED and a known failure are skipped, with the reason.
    """
    suites = ET.Element("testsuites", name="ipsec-interop", time=_seconds(run.duration_ms))
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for peer in dict.fromkeys(record.peer for record in run.cases):
        records = [record for record in run.cases if record.peer == peer]
        suite = _suite(run, peer, records)
        suites.append(suite)
        for name in totals:
            totals[name] += int(suite.attrib[name])
    suites.attrib.update({name: str(number) for name, number in totals.items()})
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(run: Run, peer: str, records: list[CaseRecord]) -> ET.Element:
    suite = ET.Element("testsuite", name=_clean(peer), timestamp=_clean(run.header.started.removesuffix("Z")))
    suite.set("time", _seconds(sum(record.first.duration_ms for record in records)))
    properties = ET.SubElement(suite, "properties")
    facts = {
        "run": run.header.id,
        "seed": str(run.header.seed),
        "plan": run.header.plan_hash,
        "kernel": run.header.kernel,
        "version": next((entry.version for entry in run.header.peers if entry.name == peer), ""),
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=_clean(value))
    cases = [_testcase(record) for record in records]
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    return suite


def _testcase(record: CaseRecord) -> ET.Element:
    first = record.first
    case = ET.Element("testcase", name=_clean(f"{record.scenario} ({record.role})"), classname=_clean(record.peer))
    case.set("time", _seconds(first.duration_ms))
    tag, message = _result(record)
    if tag == "skipped":
        ET.SubElement(case, tag, message=_clean(message))
    elif tag:
        result = ET.SubElement(case, tag, type=first.verdict.value, message=_clean(message))
        result.text = _clean("\n".join([*_lines(first.findings), *([first.reason] if first.reason else [])]))
    output = [words.cell_text(record)]
    if tag not in ("failure", "error"):
        output += _lines(first.findings)
    if first.evidence:
        output.append(f"evidence: {first.evidence}")
    ET.SubElement(case, "system-out").text = _clean("\n".join(output))
    return case


def _result(record: CaseRecord) -> tuple[str, str]:
    first = record.first
    sentence = next((f.sentence for f in first.findings if f.severity is Severity.FAIL), "") or first.reason
    if first.verdict is Verdict.FAIL:
        known = record.known_failure and record.expected
        return ("skipped", f"known failure: {record.known_failure}") if known else ("failure", sentence)
    if first.verdict is Verdict.PASS:
        return (
            ("", "") if record.expected else ("failure", f"unexpected pass of a known failure: {record.known_failure}")
        )
    if first.verdict in (Verdict.UNSUPPORTED, Verdict.SKIPPED):
        return "skipped", f"{first.verdict.value}: {first.reason}"
    return "error", first.reason or sentence


def _lines(findings: tuple[Finding, ...]) -> list[str]:
    return [
        f"{finding.party} [{' '.join(part for part in (finding.level, finding.requirement, finding.check) if part)}] "
        f"{finding.sentence} ({finding.pointer})"
        for finding in findings
    ]


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)

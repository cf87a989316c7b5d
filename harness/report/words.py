"""The words and glyphs of the reports: each verdict, outcome, grade and role said once, for every format alike."""

from __future__ import annotations

from harness.registry.documents import section_links
from harness.results.model import Attempt, CaseRecord, Grade, Outcome, PeerEntry, Severity, Verdict

GLYPHS = {
    Verdict.PASS: "✓",
    Verdict.FAIL: "✗",
    Verdict.UNSUPPORTED: "∅",
    Verdict.INCONCLUSIVE: "?",
    Verdict.ERROR: "!",
    Verdict.SKIPPED: "»",
}
EMULATED_GLYPH = "◇"
EMULATED_TITLE = "Emulated vendors - not the vendor's product"

VERDICTS = {
    Verdict.PASS: "what the requirement asks for is what was seen",
    Verdict.FAIL: "a requirement was broken; the finding names the party and the sentence",
    Verdict.UNSUPPORTED: "refused cleanly: the peer does not know it, or its published policy has no room for it",
    Verdict.INCONCLUSIVE: "evidence is missing, so nothing is claimed",
    Verdict.ERROR: "the lab or the harness broke; nobody's fault but ours",
    Verdict.SKIPPED: "planned, never sent, for the reason given",
}
OUTCOMES = {
    Outcome.HYBRID: "a classical and a post-quantum exchange both entered the keys",
    Outcome.PQ_ONLY: "only a post-quantum exchange entered the keys",
    Outcome.CLASSICAL: "only classical exchanges entered the keys",
    Outcome.REFUSED: "no tunnel: it was refused",
    Outcome.BROKEN: "no working tunnel, and no clean refusal",
}
GRADES = {
    Grade.A: "decrypted on the wire",
    Grade.B: "from the peer's own status interface",
    Grade.C: "from log text",
}
ROLES = {"initiator": "engine initiates", "responder": "peer initiates", "pair": "peer to peer"}
SEVERITIES = {"fail": "broken", "should": "advice not followed", "note": "note", "inconclusive": "evidence missing"}


def esp(peer: PeerEntry) -> str:
    """Where a peer's ESP is done, and on whose kernel: "kernel ESP, own Linux 6.12.101"."""
    kernel = {"": "", "the host's": "the host's kernel"}.get(peer.kernel, f"on its {peer.kernel}")
    return ", ".join(part for part in (f"{peer.esp} ESP" if peer.esp else "", kernel) if part)


_CLEAN = "no tunnel, refused cleanly"


def outcome_sentence(attempt: Attempt) -> str:
    """What the outcome of an attempt means; a refusal is clean only where nothing is to be said against it."""
    assert attempt.outcome is not None, "nothing was sent"
    against = any(finding.severity in (Severity.FAIL, Severity.SHOULD) for finding in attempt.findings)
    if attempt.outcome is Outcome.REFUSED and not against:
        return _CLEAN
    return OUTCOMES[attempt.outcome]


def outcome_word(outcome: Outcome | None) -> str:
    """An outcome as a reader sees it, "" when nothing was sent."""
    return "" if outcome is None else outcome.value.replace("_", " ")


def cell_text(record: CaseRecord) -> str:
    """A cell in one line of plain text: "✓ PASS HYBRID A"."""
    parts = [GLYPHS[record.first.verdict], record.first.verdict.value, outcome_word(record.first.outcome)]
    parts += [record.grade.value if record.grade else "", *marks(record)]
    return " ".join(part for part in parts if part)


def marks(record: CaseRecord) -> tuple[str, ...]:
    """What else a cell must say of its verdict: that it did not repeat, or how it stands to the known failures."""
    known = ""
    if record.known_failure:
        known = "unexpected pass" if record.first.verdict is Verdict.PASS else "known failure"
    return tuple(mark for mark in (known, "flaky" if record.flaky else "") if mark)


def parties(record: CaseRecord) -> tuple[str, str]:
    """Who stands left and right in a ladder diagram: the engine and the peer, or a pair's initiator and responder."""
    return (record.initiator, record.responder) if record.role == "pair" else ("engine", record.peer)


def requirement_line(requirement: tuple[str, str, str, str, str]) -> str:
    """Where a requirement stands: "A06, RFC 9370 section 2.2.2, MUST"."""
    identifier, source, section, level, _ = requirement
    place = f"{source} section {section}" if section else source
    return ", ".join(part for part in (identifier, place, level) if part)


def requirement_links(requirement: tuple[str, str, str, str, str]) -> tuple[tuple[str, str], ...]:
    """The sections of a requirement, each with the public address of its text: ("2.2.2", "https://...")."""
    return section_links(requirement[1], requirement[2])


def duration(milliseconds: int) -> str:
    """A duration for a reader: "430 ms", "12.3 s", "4 min 05 s"."""
    if milliseconds < 1000:
        return f"{milliseconds} ms"
    if milliseconds < 60_000:
        return f"{milliseconds / 1000:.1f} s"
    minutes, rest = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {rest:02d} s"

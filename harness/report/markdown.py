"""The matrix as a GitHub table: for a step summary, a pull request or a release note."""

from __future__ import annotations

import re

from harness.report import words
from harness.report.layout import Group, Layout, layout
from harness.report.pair_tables import PairTable, pair_tables
from harness.results.judgement import summarise
from harness.results.model import CaseRecord, Finding, Run, Verdict

_SPECIAL = re.compile(r"([\\`*_\[\]|~#$])")
_LINK = re.compile(r":(?=//)|(?<=\bwww)\.", re.IGNORECASE)  # what becomes a link by itself
_MENTION = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9])|@(?=(?:everyone|here|all|channel)\b)")
_LIST = re.compile(r"^([-+=]|\d+(?=[.)]))")  # what begins a list, or makes a heading of the line above
_SIGN = re.compile(r"[^\w\s]|_")
_MENTIONS_NOBODY = "\N{FULLWIDTH COMMERCIAL AT}"


def render(run: Run) -> str:
    """The Markdown matrix of a run: facts, one table for each group of peers, then what needs a reader's attention."""
    header, place = run.header, layout(run)
    parts = [f"# IPsec interoperability, run {escape(header.id)}", f"**{escape(summarise(run).sentence)}.**"]
    parts += [f"> {escape(note)}" for note in run.notes]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(header.versions.items()))
    facts = f"{header.started}, took {words.duration(run.duration_ms)}; harness {header.harness_version}"
    parts.append(escape(f"{facts}, seed {header.seed}, kernel {header.kernel}; {versions}"))
    parts.append(f"Plan {code(header.plan_hash)}  \nCommand {code(header.command)}")
    offset = 0
    for group in place.groups:
        parts += [_group_title(group), _table(place, group, offset)]
        offset += group.width
    parts += [text for table in pair_tables(run) for text in _pair_table(table)]
    parts += _attention(run)
    parts += _sources(place)
    parts.append(_legend())
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Text from anywhere, on one line, that Markdown and HTML leave as it is: no markup, no link, nobody mentioned.

    ``@all`` is looked for when all markup is done, so that no escape helps: its sign becomes another one.
    """
    return _LINK.sub(r"\\\g<0>", with_links(text))


def with_links(text: str) -> str:
    """The same, in which an address of the web is a link: for what our own data say."""
    text = " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())
    text = _MENTION.sub(_MENTIONS_NOBODY, _SPECIAL.sub(r"\\\1", text))
    return _LIST.sub(r"\\\1" if text[:1] in "-+=" else r"\1\\", text)


def code(text: str) -> str:
    """Text in a code span. A bar would end a table's cell even here, so it is written as an entity in a code tag.

    What is in such a tag is Markdown still, so every sign in it is an entity.
    """
    text = " ".join(text.split())
    if "`" in text or "|" in text:
        return f"<code>{_SIGN.sub(lambda found: f'&#{ord(found[0])};', text)}</code>"
    return f"`{text}`" if text else ""


def _group_title(group: Group) -> str:
    return f"## {words.EMULATED_GLYPH + ' ' if group.emulated else ''}{group.title}"


def _table(place: Layout, group: Group, offset: int) -> str:
    heads = ["Scenario"]
    for column in group.columns:
        glyph = f"{words.EMULATED_GLYPH} " if group.emulated else ""
        note = f" ({column.footnote})" if column.footnote else ""
        kernel = f"<br>{escape(words.esp(column.peer))}" if column.peer.kernel else ""
        kernel += "<br>fails the compliance probe" if column.peer.unfit else ""
        heads += [f"{glyph}{escape(column.peer.title)}{note}{kernel}<br>{words.ROLES[role]}" for role in column.roles]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for topic in place.topics:
        for row in topic.rows:
            cells = row.cells[offset : offset + group.width]
            if any(cells):
                title = f"{escape(row.scenario.title)}<br>{code(row.scenario.id)}"
                lines.append(_line([title, *(_cell(record) for record in cells)]))
    return "\n".join(lines)


def _pair_table(table: PairTable) -> tuple[str, str]:
    glyph = f"{words.EMULATED_GLYPH} " if table.emulated else ""
    lines = [_line(["initiator, responder", *(escape(peer.title) for peer in table.responders)])]
    lines.append(_line(["---"] * (len(table.responders) + 1)))
    lines += [
        _line([escape(peer.title), *map(_cell, row)]) for peer, row in zip(table.initiators, table.rows, strict=True)
    ]
    return f"## {glyph}{escape(table.scenario.title)} ({code(table.scenario.id)})", "\n".join(lines)


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(record: CaseRecord | None) -> str:
    if record is None:
        return ""
    verdict = f"{words.GLYPHS[record.first.verdict]} **{record.first.verdict.value}**"
    rest = [words.outcome_word(record.first.outcome), record.grade.value if record.grade else ""]
    lines = [verdict, " ".join(part for part in rest if part), *(f"*{mark}*" for mark in words.marks(record))]
    return "<br>".join(line for line in lines if line)


def _attention(run: Run) -> list[str]:
    quiet = (Verdict.PASS, Verdict.UNSUPPORTED, Verdict.SKIPPED)
    records = [r for r in run.cases if r.first.verdict not in quiet or not r.expected or r.flaky or r.first.findings]
    if not records:
        return []
    return ["## What needs attention", "\n".join(line for record in records for line in _case_lines(record))]


def _case_lines(record: CaseRecord) -> list[str]:
    lines = [f"- {code(record.case)}: {words.cell_text(record)}"]
    if record.first.reason:
        lines.append(f"  - {escape(record.first.reason)}")
    if record.known_failure:
        lines.append(f"  - known failure: {with_links(record.known_failure)}")
    return lines + [f"  - {_finding(finding)}" for finding in record.first.findings]


def _finding(finding: Finding) -> str:
    level = " ".join(part for part in (finding.level, finding.requirement) if part)
    about = f"**{escape(finding.party)}**" + (f" ({escape(level)})" if level else "")
    return (
        f"{about}: {escape(finding.sentence)} {code(finding.pointer)}"
        if finding.pointer
        else f"{about}: {escape(finding.sentence)}"
    )


def _sources(place: Layout) -> list[str]:
    columns = [column for group in place.groups for column in group.columns if column.footnote]
    if not columns:
        return []
    parts = [f"## {words.EMULATED_GLYPH} What the emulated vendors claim, and who says so"]
    for column in columns:
        lines = [_line(["What", "Value", "Source"]), _line(["---"] * 3)]
        lines += [
            _line([escape(what), escape(value), _source(source)]) for what, value, source in column.peer.behaviours
        ]
        parts += [f"### ({column.footnote}) {escape(column.peer.title)}", "\n".join(lines)]
    return parts


def _source(source: str) -> str:
    if source == "assumed":
        return "*assumed*"
    return f"<{source}>" if re.fullmatch(r"https?://[^\s<>|]+", source) else escape(source)


def _legend() -> str:
    verdicts = "; ".join(
        f"{words.GLYPHS[verdict]} {verdict.value}: {meaning}" for verdict, meaning in words.VERDICTS.items()
    )
    grades = "; ".join(f"{grade.value} {meaning}" for grade, meaning in words.GRADES.items())
    return f"<sub>{verdicts}. Grades of evidence: {grades}.</sub>"

"""The difference of two runs, as Markdown that also reads as plain text."""

from __future__ import annotations

from harness.report.markdown import code, escape
from harness.report.words import GLYPHS, outcome_word
from harness.results.diff import CellState, Change, RunDiff


def render(diff: RunDiff) -> str:
    """What got worse, other changes, what was mended, new and gone cases, then the facts."""
    regressions = diff.regressions
    mended = tuple(change for change in diff.changed if change.mended)
    other = tuple(change for change in diff.changed if not change.regression and not change.mended)
    parts = [f"# Runs {escape(diff.before)} and {escape(diff.after)} compared", _summary(diff)]
    parts += _section("Got worse", [_change(change) for change in regressions])
    parts += _section("Changed", [_change(change) for change in other])
    parts += _section("As expected again", [_change(change) for change in mended])
    expected = tuple((case, state) for case, state in diff.new if state.expected)
    parts += _section("New and not as expected", [_new(case, state) for case, state in diff.new_unexpected])
    parts += _section("Gone: tested before, not any more", [_gone(case, state) for case, state in diff.gone])
    parts += _section("New", [_new(case, state) for case, state in expected])
    facts = [f"- {escape(what)}: {_fact(before)} -> {_fact(after)}" for what, before, after in diff.facts]
    parts += _section("What differs between the runs themselves", facts)
    return "\n\n".join(parts) + "\n"


def _summary(diff: RunDiff) -> str:
    numbers = (
        (len(diff.changed), "changed"),
        (len(diff.new), "new"),
        (len(diff.gone), "gone"),
        (diff.unchanged, "as before"),
    )
    words = ", ".join(f"{number} {word}" for number, word in numbers)
    return f"**{words}; {_worse(diff)}.**"


def _worse(diff: RunDiff) -> str:
    numbers = (
        (len(diff.regressions), "changed for the worse"),
        (len(diff.new_unexpected), "new and not as expected"),
        (len(diff.gone), "gone, which counts as worse: nothing tests them now"),
    )
    reasons = ", ".join(f"{number} {word}" for number, word in numbers if number)
    return f"{diff.worse} got worse ({reasons})" if reasons else "nothing got worse"


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"## {title}", "\n".join(lines)] if lines else []


def _new(case: str, state: CellState) -> str:
    line = f"- {code(case)}: {_state(state)}"
    return f"{line}  \n  {escape(state.sentence)}" if state.sentence and not state.expected else line


def _gone(case: str, state: CellState) -> str:
    return f"- {code(case)}: was {_state(state)}"


def _change(change: Change) -> str:
    line = f"- {code(change.case)}: {_state(change.before)} -> {_state(change.after)}"
    line += f"; {change.loss}" if change.loss else ""
    sentence = change.after.sentence or (f"before: {change.before.sentence}" if change.before.sentence else "")
    return f"{line}  \n  {escape(sentence)}" if sentence else line


def _state(state: CellState) -> str:
    grade = state.grade.value if state.grade else ""
    parts = (
        GLYPHS[state.verdict],
        state.verdict.value,
        outcome_word(state.outcome),
        grade,
        "flaky" if state.flaky else "",
    )
    return " ".join(part for part in parts if part)


def _fact(value: str) -> str:
    return code(value) if value else "none"

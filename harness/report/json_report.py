"""``matrix.json`` as text."""

from __future__ import annotations

import json

from harness.results.matrix import matrix
from harness.results.model import Run


def render(run: Run) -> str:
    """The JSON matrix of a run, indented, in the order of the plan: two equal runs give equal text."""
    return json.dumps(matrix(run), indent=2, ensure_ascii=False) + "\n"

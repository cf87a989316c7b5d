"""All seeded defects of two products, each with the cases that it is played in."""

from __future__ import annotations

import pair_answer_rows
import pair_defect_rows
import pair_esp_rows
import pair_form_rows
import pair_place_rows
import pair_rekey_rows
import pair_story_rows
import pair_wire_rows
from pair_builder import Pair, good_pair
from pair_defect_rows import PairDefect

ROWS: list[PairDefect] = [
    *pair_defect_rows.ROWS, *pair_wire_rows.ROWS, *pair_form_rows.ROWS, *pair_esp_rows.ROWS, *pair_story_rows.ROWS,
    *pair_place_rows.ROWS, *pair_answer_rows.ROWS, *pair_rekey_rows.ROWS,
]  # fmt: skip
PLAYED: list[tuple[PairDefect, str]] = [(row, scenario) for row in ROWS for scenario in row.scenarios]


def play(row: PairDefect, scenario: str) -> Pair:
    """The case with the defect in it."""
    return row.alter(good_pair(scenario))

"""Every seeded defect of one peer, whatever kind of row it is: what is played, and what it must break."""

from __future__ import annotations

import defect_rows
import esp_defect_rows
import key_defect_rows
import message_defect_rows
import placement_defect_rows
import reaction_defect_rows
import rekey_defect_rows
from defective import Defect
from misbehaving import Misbehaviour

Row = Defect | Misbehaviour
ROWS: list[Row] = [
    *defect_rows.ROWS,
    *message_defect_rows.ROWS,
    *placement_defect_rows.ROWS,
    *esp_defect_rows.ROWS,
    *key_defect_rows.ROWS,
    *reaction_defect_rows.ROWS,
    *rekey_defect_rows.ROWS,
]
PLAYED: list[tuple[Row, str]] = [(row, scenario) for row in ROWS for scenario in row.scenarios]

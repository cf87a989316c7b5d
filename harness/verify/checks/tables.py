"""The decryption tables for Wireshark against the keys computed again: a table that lies helps nobody."""

from __future__ import annotations

from harness.verify.result import Arguments, Checked, Objection, missing
from harness.verify.view import View


def decryption_tables(view: View, _arguments: Arguments) -> Checked:
    """Each generation's table holds its SK_e and SK_a, and the ESP table the keys of the Child SA."""
    if view.chain is None:
        return Checked("no keys were agreed on, so there is no table")
    tables, esp = view.evidence.ikev2_tables, view.evidence.esp_table
    if tables is None or (esp is None and view.secrets.children):
        return missing("a decryption table", "wireshark/")
    objections = []
    for number, keys in enumerate(view.chain.generations):
        text = tables[number].lower() if number < len(tables) else ""
        wanted = [key.hex() for key in (keys.sk_ei, keys.sk_er, keys.sk_ai, keys.sk_ar) if key]
        if not all(key in text for key in wanted):
            file = f"wireshark/{number}/ikev2_decryption_table"
            objections.append(Objection("engine", f"the keys of generation {number} are not in their table", file))
    for child in view.secrets.children:
        wanted = [key.hex() for key in (child.initiator_encryption, child.responder_encryption)]
        if not all(key in (esp or "").lower() for key in wanted):
            objections.append(Objection("engine", "the Child SA's keys are not in the ESP table", "wireshark/esp_sa"))
    return Checked(
        f"{len(view.chain.generations)} IKE tables and the ESP table hold the computed keys", tuple(objections)
    )

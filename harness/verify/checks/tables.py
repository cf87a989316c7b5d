"""The decryption tables for Wireshark against the keys computed again: a table that lies helps nobody."""

from __future__ import annotations

from harness.results.model import Pointer
from harness.verify.check import Arguments, Checked, Due, engine_check, missing, told_otherwise
from harness.verify.view import View


@engine_check("decryption-tables", due=Due.ALWAYS)
def decryption_tables(view: View, _arguments: Arguments) -> Checked:
    """Each generation's table holds its SK_e and SK_a, and the ESP table the keys of the Child SA."""
    if view.chain is None:
        return Checked("no keys were agreed on, so there is no table")
    tables, esp = view.evidence.ikev2_tables, view.evidence.esp_table
    if tables is None or (esp is None and view.secrets.children):
        return missing("a decryption table", Pointer("wireshark/"))
    objections = []
    for number, keys in enumerate(view.chain.generations):
        file = Pointer(f"wireshark/{number}/ikev2_decryption_table")
        if number >= len(tables):
            return missing("a decryption table", file)
        spis = (view.secrets.initiator_spi, view.secrets.responder_spi)
        wanted = [octets.hex() for octets in (*spis, keys.sk_ei, keys.sk_er, keys.sk_ai, keys.sk_ar) if octets]
        if not _in_order(wanted, tables[number]):
            objections.append(told_otherwise(f"the keys of generation {number} are not in their table", file))
    for child in view.secrets.children:
        there = (child.responder_spi, child.initiator_encryption, child.initiator_integrity)
        back = (child.initiator_spi, child.responder_encryption, child.responder_integrity)
        wanted = [octets.hex() for octets in (*there, *back) if octets]
        if not _in_order(wanted, esp or ""):
            sentence = "the Child SA's keys are not in the ESP table"
            objections.append(told_otherwise(sentence, Pointer("wireshark/esp_sa")))
    return Checked(
        f"{len(view.chain.generations)} IKE tables and the ESP table hold the computed keys", tuple(objections)
    )


def _in_order(wanted: list[str], table: str) -> bool:
    """Whether a table holds these octets, each in its place; what it calls the algorithms is Wireshark's business."""
    text, start = table.lower(), 0
    for each in wanted:
        start = text.find(each, start) + len(each)
        if start < len(each):
            return False
    return True

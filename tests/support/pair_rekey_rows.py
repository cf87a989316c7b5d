"""Rekeys of two products: what rekeys the IKE SA, and the SPIs that it leads to; as defects and as not.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pair_builder import FIRST, HYBRID_REKEY, SECOND, Pair
from pair_defect_rows import FAIL, REKEY, Alter, PairDefect
from pair_form_alterations import sized

from harness.registry.messages import ExchangeType
from harness.verify.pair_view import initiator_spi
from harness.wire.message import Message


def rekeying(change: Callable[[Any], Any], *, which: int = 0, response: bool = False, label: str = "") -> Alter:
    """The SK payload changed of the CREATE_CHILD_SA message that rekeys the IKE SA, for the first or a later time.

    It is the last one of its kind in its IKE SA. With ``label`` it is the first message of that name.
    """

    def alter(pair: Pair) -> Pair:
        found = pair.view.find(ExchangeType.CREATE_CHILD_SA, response=response)
        last = {initiator_spi(message): message for message in found}
        message = pair.message(label) if label else list(last.values())[which]
        piece = message.pieces[0]
        octets = Message(piece.message.header, (change(piece.message.payloads[-1]),)).to_bytes()
        marker = piece.datagram.payload[: -len(piece.octets)]
        return pair.changed(piece.datagram, replace(piece.datagram, payload=marker + octets))

    return alter


ROWS: list[PairDefect] = [
    # "The KEi payload MUST be included" (RFC 7296 section 1.3.2).
    PairDefect("a rekeyed IKE SA without a key exchange", (REKEY, HYBRID_REKEY), rekeying(sized(100)), FAIL, FIRST,
               "B24"),
    PairDefect("the answer to it has none", (REKEY, HYBRID_REKEY), rekeying(sized(100), response=True), FAIL, SECOND,
               "B24"),
    PairDefect("nor has the second rekey", (REKEY,), rekeying(sized(100), which=1), FAIL, FIRST, "B24"),
]  # fmt: skip

LEGITIMATE: list[tuple[str, str, Alter]] = [
    ("a rekey of the IKE SA in few octets", scenario, rekeying(sized(132))) for scenario in (REKEY, HYBRID_REKEY)
]

"""Rekeys of two products: what rekeys the IKE SA, and the SPIs that it leads to; as defects and as not.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pair_builder import FIRST, HYBRID_REKEY, HYBRID_REKEYS, SECOND, Pair
from pair_defect_rows import FAIL, REKEY, Alter, PairDefect, and_then
from pair_esp_rows import each_report
from pair_form_alterations import seen_twice, sized

from harness.evidence.peer_report import SaReport
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


def with_spi_of_before(*, back: int = 1, told: bool = True) -> Alter:
    """Each rekeyed IKE SA has the initiator's SPI of the one so far before, if there is one, and both report it.

    With ``told`` off neither product tells of SPIs.
    """

    def alter(pair: Pair) -> Pair:
        spis = [sa.messages[0].pieces[0].octets[:8] for sa in pair.view.ike_sas]
        new = {spi: spis[0] if back == 1 else spis[at % back] for at, spi in enumerate(spis) if at >= back}
        frames = {p.datagram.frame: p.octets[:8] for m in pair.view.messages for p in m.pieces}
        pair = pair.with_datagrams(
            replace(d, payload=d.payload.replace(old, new[old])) if (old := frames.get(d.frame)) in new else d
            for d in pair.wire.datagrams
        )

        def change(sa: SaReport) -> SaReport:
            spi = bytes.fromhex(sa.initiator_spi or "")
            return replace(sa, initiator_spi=new.get(spi, spi).hex() if told else None)

        return and_then(*(each_report(side, change) for side in ("initiator", "responder")))(pair)

    return alter


def follow_up_first(pair: Pair) -> Pair:
    """The last IKE_FOLLOWUP_KE exchange comes in front of the CREATE_CHILD_SA exchange that it follows."""
    kinds = ExchangeType.CREATE_CHILD_SA, ExchangeType.IKE_FOLLOWUP_KE
    created, followed = ([m for m in pair.view.messages if m.exchange == kind][-2:] for kind in kinds)
    number = created[0].message_id
    places = [m.pieces[0].datagram for m in (*created, *followed)]
    for place, message in zip(places, (*followed, *created), strict=True):
        octets = message.pieces[0].datagram.payload
        changed = octets[:24] + (number + (message in created)).to_bytes(4) + octets[28:]
        pair = pair.changed(place, replace(place, payload=changed))
    return pair


ROWS: list[PairDefect] = [
    # "New initiator and responder SPIs" (RFC 7296 section 1.3.2).
    PairDefect("a rekeyed IKE SA has the initiator's old SPI", (REKEY, HYBRID_REKEY), with_spi_of_before(),
               FAIL, FIRST, "B24"),
    PairDefect("it is so in both captures", (REKEY, HYBRID_REKEY), seen_twice(with_spi_of_before()),
               FAIL, FIRST, "B24"),
    PairDefect("and neither product tells of SPIs", (REKEY, HYBRID_REKEY), with_spi_of_before(told=False),
               FAIL, FIRST, "B24"),
    # "The KEi payload MUST be included" (RFC 7296 section 1.3.2).
    PairDefect("a rekeyed IKE SA without a key exchange", (REKEY, HYBRID_REKEY), rekeying(sized(100)), FAIL, FIRST,
               "B24"),
    PairDefect("the answer to it has none", (REKEY, HYBRID_REKEY), rekeying(sized(100), response=True), FAIL, SECOND,
               "B24"),
    PairDefect("nor has the second rekey", (REKEY,), rekeying(sized(100), which=1), FAIL, FIRST, "B24"),
    # The exchange that an IKE_FOLLOWUP_KE follows (RFC 9370 section 2.2.4).
    PairDefect("IKE_FOLLOWUP_KE before its CREATE_CHILD_SA", (HYBRID_REKEYS,), follow_up_first, FAIL, FIRST, "A08"),
    # "N(REKEY_SA), SA, Ni, [KEi,] TSi, TSr" (RFC 7296 section 1.3.3).
    PairDefect("a rekey of the Child SA without room for its selectors", (REKEY,), rekeying(
        sized(136), label="CREATE_CHILD_SA request 2"), FAIL, FIRST, "B54"),
    PairDefect("its answer has no room for them", (REKEY,), rekeying(
        sized(124), response=True, label="CREATE_CHILD_SA response 2"), FAIL, SECOND, "B54"),
]  # fmt: skip

LEGITIMATE: list[tuple[str, str, Alter]] = [
    ("the SPI of an IKE SA that is gone comes again", REKEY, with_spi_of_before(back=2)),
    ("a rekey of the IKE SA in few octets", REKEY, rekeying(sized(132))),
    ("a rekey of the Child SA in few octets", REKEY, and_then(
        rekeying(sized(137), label="CREATE_CHILD_SA request 2"),
        rekeying(sized(125), response=True, label="CREATE_CHILD_SA response 2"))),
    ("a rekey of the hybrid IKE SA in few octets", HYBRID_REKEY, rekeying(sized(132))),
]  # fmt: skip

"""tshark as a third reader: every IKE message of a run, field by field, against what our verifier reads.

``python tools/third_reader.py reports/runs/<run>``. The captures of all cases go into one, each datagram in one frame
and each case between addresses of its own, and tshark reads it once for each generation of keys. A message is compared
as lines: its header, then one line for each payload, proposal, transform and traffic selector. Where the two readers
disagree, one of them is wrong, and it is most likely ours: exit status 1.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tools")]

from message_lines import Tree, header_of, lines, their_header, their_inside, their_lines  # noqa: E402

from harness.border.names import inside  # noqa: E402
from harness.evidence.capture import write_pcapng  # noqa: E402
from harness.evidence.model import CaseEvidence, Frame  # noqa: E402
from harness.evidence.store import EvidenceFolder  # noqa: E402
from harness.oracle.expectation import from_record  # noqa: E402
from harness.results.record import read_run  # noqa: E402
from harness.run.inputs import load_inputs  # noqa: E402
from harness.run.rejudge import recorded_scenario  # noqa: E402
from harness.transport.self_capture import whole_frame  # noqa: E402
from harness.verify.pair_view import make_pair_view  # noqa: E402
from harness.verify.view import make_view  # noqa: E402
from harness.verify.wire import Piece, SeenMessage  # noqa: E402

_SHOWN = 10  # disagreements


@dataclass(frozen=True)
class Seen:
    """One IKE datagram as our verifier reads it."""

    case: str
    message: SeenMessage
    piece: Piece
    last: bool  # whether tshark has the whole message with this one


@dataclass
class Found:
    """What the comparison came to."""

    clear: int = 0
    opened: int = 0
    closed: Counter[str] = field(default_factory=Counter)  # what tshark has no name for, by cipher
    differing: list[str] = field(default_factory=list)


def datagrams_of(folder: Path) -> Iterator[tuple[Seen, dict[int, str]]]:
    """Every IKE datagram of a run's engine cases and pairs, with the case's decryption tables by generation."""
    inputs, run = load_inputs(ROOT), read_run(folder)
    for record in run.cases:
        if not record.first.evidence or not (evidence := _read(inside(folder, record.first.evidence))):
            continue
        store, whole = evidence
        scenario = recorded_scenario(store.path, inputs)
        expectation = from_record(whole.facts.expectation, whole.facts.engine)
        if isinstance(whole, CaseEvidence):
            messages: Sequence[SeenMessage] = make_view(scenario, expectation, whole).messages
            tables = dict(enumerate(whole.ikev2_tables or ()))
        else:
            messages, tables = make_pair_view(scenario, expectation, whole).messages, {}
        for message in messages:
            for seen in pieces_of(record.case, message):
                yield seen, tables


def _read(folder: Path) -> tuple[EvidenceFolder, Any] | None:
    """The evidence of a case in which something was sent and read; None for any other."""
    store = EvidenceFolder(folder)
    whole = store.evidence()
    engine = isinstance(whole, CaseEvidence)
    needed = (whole.wire, whole.secrets, whole.report) if engine else (whole.wire, whole.report)
    return None if None in needed else (store, whole)


def pieces_of(case: str, message: SeenMessage) -> Iterator[Seen]:
    """A message's datagrams; tshark puts fragments together at the one that comes last, once."""
    numbers: set[int] = set()
    done = False
    for piece in message.pieces:
        whole = piece.fragment is None
        if piece.fragment is not None:
            numbers.add(piece.fragment.fragment_number)
            whole = not done and len(numbers) == piece.fragment.total_fragments
            done = done or whole
        yield Seen(case, message, piece, whole)


def compare(datagrams: Sequence[tuple[Seen, dict[int, str]]]) -> Found:
    """Each datagram as both readers have it; the decrypted ones in the pass of their generation."""
    found = Found()
    generations = {seen.message.generation for seen, _ in datagrams} - {None}
    for generation in sorted(generations | {0}, key=int):  # type: ignore[arg-type]
        with tempfile.TemporaryDirectory() as work:
            frames = _read_by_tshark(Path(work), datagrams, int(generation or 0))
            for (seen, tables), layers in zip(datagrams, frames, strict=True):
                _compare_one(found, seen, tables.get(int(generation or 0), ""), layers, int(generation or 0))
    return found


def _read_by_tshark(work: Path, datagrams: Sequence[tuple[Seen, dict[int, str]]], generation: int) -> list[Tree]:
    """What tshark makes of each datagram, with the keys of one generation."""
    hosts = {case: 2 * number + 1 for number, case in enumerate(dict.fromkeys(seen.case for seen, _ in datagrams))}
    frames = []
    for seen, _ in datagrams:
        datagram, base = seen.piece.datagram, hosts[seen.case]
        ends = [str(ipaddress.IPv4Address((10 << 24) + base + offset)) for offset in (0, 1)]
        if not seen.message.from_initiator:
            ends.reverse()
        source, destination = (ends[0], datagram.source[1]), (ends[1], datagram.destination[1])
        frames.append(Frame(datagram.at, whole_frame(datagram.payload, source, destination)))
    write_pcapng(work / "all.pcapng", frames)
    tables = dict.fromkeys(table for _, by in datagrams if (table := by.get(generation, "")))
    (work / "ikev2_decryption_table").write_text("".join(tables))
    command = ["tshark", "-r", str(work / "all.pcapng"), "-T", "json", "-J", "isakmp"]
    done = subprocess.run(
        command, env=os.environ | {"WIRESHARK_CONFIG_DIR": str(work)}, capture_output=True, text=True, check=True
    )
    if "Error loading table" in done.stderr:
        raise SystemExit(f"third_reader: tshark takes no table of generation {generation}: {done.stderr.strip()}")
    packets = json.loads(done.stdout, object_pairs_hook=list)
    return [dict(dict(packet)["_source"])["layers"] for packet in packets]


def _compare_one(found: Found, seen: Seen, table: str, layers: Tree, generation: int) -> None:
    isakmp = next((tree for name, tree in layers if name == "isakmp"), [])
    if generation == 0:
        found.clear += 1
        _difference(found, seen, list(header_of(seen.piece)), list(their_header(isakmp)))
    if seen.message.opened is None or seen.message.generation != generation or not seen.last:
        return
    if not table or table.lstrip().startswith("#"):
        found.closed[seen.case.split("@")[0]] += 1
        return
    found.opened += 1
    _difference(found, seen, list(lines(seen.message.opened.inner)), list(their_lines(their_inside(isakmp))))


def _difference(found: Found, seen: Seen, ours: list[str], theirs: list[str]) -> None:
    if ours == theirs:
        return
    first = next((n for n, (one, other) in enumerate(zip(ours, theirs, strict=False)) if one != other), None)
    at = min(len(ours), len(theirs)) if first is None else first
    words = (f"ours {(ours[at : at + 1] or ['ends'])[0]!r}", f"tshark's {(theirs[at : at + 1] or ['ends'])[0]!r}")
    where = f"{seen.case}, frame {seen.piece.datagram.frame}, {seen.message.label}"
    found.differing.append(f"{where}: {words[0][:200]}, {words[1][:200]}")


def main(arguments: Sequence[str]) -> int:
    """Read a run; 0 if both readers agree on every message, and there is one."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        print("usage: python tools/third_reader.py reports/runs/<run>", file=sys.stderr)
        return 2
    if shutil.which("tshark") is None:
        print("third_reader: tshark is not installed", file=sys.stderr)
        return 3
    found = compare(list(datagrams_of(Path(arguments[0]))))
    for words in found.differing[:_SHOWN]:
        print(words)
    unread = sum(found.closed.values())
    print(
        f"{found.clear} IKE datagrams compared, {found.opened} messages decrypted by both, {unread} under a cipher "
        f"that tshark does not have; {len(found.differing)} disagreements"
    )
    return 1 if found.differing or not found.opened else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The folder of one attempt: every file of the evidence, written before anything is judged, read back for judging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from harness.border.files import make_folder, read_stored, write_whole
from harness.border.names import UnsafeName, inside, plain_name, plain_part, shown_as_text
from harness.border.text import harmless
from harness.evidence.capture import read_capture, write_pcapng
from harness.evidence.interruption import DEATH_FILE, DISTURBANCES_FILE, Death, Disturbance, Disturbances
from harness.evidence.model import (
    CaseEvidence,
    CaseFacts,
    Conversation,
    EngineReport,
    PairEvidence,
    Secrets,
    SocketDatagram,
    TraceEntry,
    WirePicture,
    read_facts,
)
from harness.evidence.peer_report import HYGIENE_FILE, Hygiene, PairReport, PeerReport
from harness.json_codec import RecordError, from_json, parse_json, to_json

T = TypeVar("T")

CONNECTION, DAEMON = "connection", "daemon"
"""Folders below a product's own: the configuration of the case, and what its daemon was started with."""
FACTS = "case.json"
_FACTS_OF_PAIRS = "pair.json"  # what it was called for two products in the first harnesses

CONFIGURATION_REFUSED = "peer/configuration-refused.txt"
"""What a product said that did not take the configuration of the case, which then ends there."""


CAPTURE, FAR_CAPTURE = "wire.pcapng", "wire-responder.pcapng"
"""What passed our own interface, or the initiator's of two products; and what passed the responder's."""

DATAGRAMS = "engine/datagrams.jsonl"
"""Every datagram at our own sockets by its size and SHA-256: a second witness of what the capture holds."""

PEER_STATUS, PEER_STATUS_AFTER = "peer/sas.json", "peer/sas-after.json"
"""What the peer's status interface says while the SAs stand, and once the case is over."""


class UnreadableEvidence(ValueError):
    """A file of the evidence is there but does not hold what it should; the message names it."""


def folder_name(case: str) -> str:
    """A case's name on disk: ``/`` is written ``__``.

    Raises:
        UnsafeName: it is no name of a folder.
    """
    return plain_part(case.replace("/", "__"))


def foreign_names(names: Iterable[str]) -> dict[str, str]:
    """The name that each file has in the evidence, whose own name comes from outside.

    Raises:
        UnsafeName: a name is not plain, or two files would have the same.
    """
    kept = {name: shown_as_text(plain_name(name)) for name in names}
    taken: set[str] = set()
    for name, stored in sorted(kept.items(), key=lambda pair: len(pair[1])):
        there = {str(path) for path in (PurePosixPath(stored.casefold()), *PurePosixPath(stored.casefold()).parents)}
        if there & taken:  # also on a system that takes "A" and "a" for one
            raise UnsafeName(name, f"another file has the place of {stored}")
        taken.add(stored.casefold())
    return kept


def evidence_files(folder: Path) -> tuple[str, ...]:
    """Every file of an evidence folder, relative to it."""
    if not folder.is_dir():
        return ()
    # What a killed run had not written to its end is hidden.
    inside = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file() and not p.name.startswith("."))
    return tuple(str(path) for path in inside if not path.parts[0].startswith("attempt-"))


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of each of these files, in hexadecimal; of one that leads out of the folder there is none."""
    found = {}
    for name in evidence_files(folder):
        with suppress(UnsafeName):
            found[name] = hashlib.sha256(read_stored(inside(folder, name))).hexdigest()
    return found


class EvidenceFolder:
    """Writes and reads the files of one attempt."""

    def __init__(self, path: Path) -> None:
        """The folder need not exist yet."""
        self.path = path

    def write_facts(self, facts: CaseFacts) -> None:
        """``case.json``."""
        self._write_json(FACTS, to_json(facts))

    def write_text(self, name: str, text: str) -> None:
        """Any text file, by its name within the folder; what a terminal would obey is written as its escape."""
        target = inside(self.path, name)
        make_folder(target.parent)
        write_whole(target, harmless(text))

    def write_files(self, folder: str, files: Mapping[str, str]) -> None:
        """Several text files of ours below one folder."""
        for name, text in files.items():
            self.write_text(f"{folder}/{name}", text)

    def write_foreign_files(self, folder: str, files: Mapping[str, str]) -> None:
        """Text files whose names are not ours, below a folder that holds nothing else.

        Raises:
            UnsafeName: a name is not plain, or two files would have the same; nothing is written then.
        """
        kept = foreign_names(files)
        for name, text in files.items():
            self.write_text(f"{folder}/{kept[name]}", text)

    def write_conversation(self, conversation: Conversation, tables: Mapping[str, str]) -> None:
        """What the worker brought back, and the decryption tables that follow from it, as ``wireshark`` has them."""
        self._write_json("secrets.json", to_json(conversation.secrets))
        self._write_json("engine/sas.json", to_json(conversation.report))
        self._write_lines("trace.jsonl", conversation.trace)
        self._write_lines(DATAGRAMS, conversation.datagrams)
        write_pcapng(self.path / CAPTURE, conversation.frames)
        self.write_files("wireshark", tables)

    def write_peer_report(self, report: PeerReport, *, after: bool) -> None:
        """``peer/sas.json`` while the SAs stand, ``peer/sas-after.json`` once the case is over."""
        self._write_json(PEER_STATUS_AFTER if after else PEER_STATUS, to_json(report))

    def write_disturbances(self, found: Sequence[Disturbance]) -> None:
        """``disturbances.json``, where there was one."""
        if found:
            self._write_json(DISTURBANCES_FILE, to_json(Disturbances(tuple(found))))

    def disturbances(self) -> tuple[Disturbance, ...]:
        """``disturbances.json``. Raises UnreadableEvidence when malformed."""
        found = self.read(DISTURBANCES_FILE, Disturbances)
        return found.all if found else ()

    def death(self) -> Death | None:
        """``death.json``; None if there is none. Raises UnreadableEvidence when malformed."""
        return self.read(DEATH_FILE, Death)

    def hygiene(self, folder: str) -> Hygiene | None:
        """``hygiene.json`` of one of the products; None if there is none. Raises UnreadableEvidence when malformed."""
        return self.read(f"{folder}/{HYGIENE_FILE}", Hygiene)

    def write_json(self, name: str, value: object) -> None:
        """Any recorded value as JSON."""
        self._write_json(name, to_json(value))

    def facts(self) -> CaseFacts:
        """``case.json``.

        Raises:
            UnreadableEvidence: it is missing or malformed; without it nothing can be judged.
        """
        for name in (FACTS, _FACTS_OF_PAIRS):
            text = self._read_text(name)
            if text is not None:
                return self._parsed(name, text, read_facts)
        raise UnreadableEvidence(f"{self.path / FACTS}: missing")

    def secrets(self) -> Secrets | None:
        """``secrets.json``, None if it is missing. Raises UnreadableEvidence when malformed."""
        return self.read("secrets.json", Secrets)

    def evidence(self) -> CaseEvidence | PairEvidence:
        """Everything that the verifier looks at; a missing file is None.

        Raises:
            UnreadableEvidence: a file is there but malformed.
            UnreadableCapture: the capture is no pcapng.
        """
        facts = self.facts()
        return self._of_products(facts) if facts.engine is None else self._of_engine(facts)

    def _of_engine(self, facts: CaseFacts) -> CaseEvidence:
        return CaseEvidence(
            facts=facts,
            wire=self.wire(),
            secrets=self.secrets(),
            trace=self._read_lines("trace.jsonl", TraceEntry),
            report=self.read("engine/sas.json", EngineReport),
            peer_report=self.read(PEER_STATUS, PeerReport),
            peer_report_after=self.read(PEER_STATUS_AFTER, PeerReport),
            ikev2_tables=self._read_tables(),
            esp_table=self._read_text("wireshark/esp_sa"),
            configuration_refused=(self._read_text(CONFIGURATION_REFUSED) or "").strip(),
            hygiene=self.hygiene("peer"),
            disturbances=self.disturbances(),
            death=self.death(),
            datagrams=self._read_lines(DATAGRAMS, SocketDatagram),
        )

    def wire(self, name: str = CAPTURE) -> WirePicture | None:
        """``wire.pcapng`` or the other one, None if it is missing.

        Raises:
            UnreadableEvidence: it is a link that leads out of the folder.
            UnreadableCapture: it is no pcapng.
        """
        try:
            return read_capture(inside(self.path, name))
        except FileNotFoundError:
            return None
        except UnsafeName as error:
            raise UnreadableEvidence(f"{self.path / name}: {error}") from error

    def _of_products(self, facts: CaseFacts) -> PairEvidence:
        hygiene = self.hygiene("initiator"), self.hygiene("responder")
        steps = self.read("steps.json", PairReport)
        far = self.wire(FAR_CAPTURE)
        return PairEvidence(facts, self.wire(), steps, hygiene, self.disturbances(), self.death(), far)

    def _read_tables(self) -> tuple[str, ...] | None:
        tables: list[str] = []
        while (text := self._read_text(f"wireshark/{len(tables)}/ikev2_decryption_table")) is not None:
            tables.append(text)
        return tuple(tables) or None

    def _read_lines(self, name: str, kind: type[T]) -> tuple[T, ...] | None:
        text = self._read_text(name)
        return None if not text else tuple(self._parse(name, text.splitlines(), kind))

    def _write_lines(self, name: str, values: Iterable[object]) -> None:
        self.write_text(name, "".join(json.dumps(to_json(each)) + "\n" for each in values))

    def read(self, name: str, kind: type[T]) -> T | None:
        """A recorded value from its JSON file; None if there is none. Raises UnreadableEvidence when malformed."""
        text = self._read_text(name)
        return None if text is None else next(iter(self._parse(name, [text], kind)))

    def _parse(self, name: str, texts: Iterable[str], kind: type[T]) -> list[T]:
        return [self._parsed(name, text, lambda value: from_json(kind, value)) for text in texts]

    def _parsed(self, name: str, text: str, take: Callable[[Any], T]) -> T:
        try:
            return take(parse_json(text))
        except RecordError as error:
            raise UnreadableEvidence(f"{self.path / name}: {error}") from error

    def _read_text(self, name: str) -> str | None:
        try:
            return read_stored(inside(self.path, name)).decode("utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UnreadableEvidence(f"{self.path / name}: {error.strerror}") from error
        except (UnicodeDecodeError, UnsafeName) as error:
            raise UnreadableEvidence(f"{self.path / name}: {error}") from error

    def _write_json(self, name: str, value: object) -> None:
        self.write_text(name, json.dumps(value, indent=2) + "\n")

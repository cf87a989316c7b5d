"""The folder of one attempt: every file of the evidence, written before anything is judged, read back for judging."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from harness.evidence import hygiene
from harness.evidence.capture import read_capture, write_pcapng
from harness.evidence.model import CaseEvidence, Conversation, EngineReport, Secrets, TraceEntry
from harness.evidence.peer_report import PeerReport
from harness.evidence.wireshark import decryption_tables
from harness.json_codec import RecordError, from_json, to_json

T = TypeVar("T")

CONFIGURATION_REFUSED = "peer/configuration-refused.txt"
"""What a product said that did not take the configuration of the case, which then ends there."""


class UnreadableEvidence(ValueError):
    """A file of the evidence is there but does not hold what it should; the message names it."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """``case.json``: what was to happen, and where."""

    case: str
    scenario: str
    peer: str
    role: str  # of the engine
    engine_address: str
    peer_address: str
    peer_version: str
    image: str
    kernel: str = ""  # whose kernel did the peer's ESP; "" where the peer's daemon did
    expectation: dict[str, Any] = field(default_factory=dict)


def folder_name(case: str) -> str:
    """A case's name on disk: ``/`` is written ``__``."""
    return case.replace("/", "__")


class EvidenceFolder:
    """Writes and reads the files of one attempt."""

    def __init__(self, path: Path) -> None:
        """The folder need not exist yet."""
        self.path = path

    def write_facts(self, facts: CaseFacts) -> None:
        """``case.json``."""
        self._write_json("case.json", to_json(facts))

    def write_text(self, name: str, text: str) -> None:
        """Any text file, by its name within the folder."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        partial.write_text(text)
        os.replace(partial, target)  # noqa: PTH105  # atomic: nobody ever reads half a file

    def write_files(self, folder: str, files: Mapping[str, str]) -> None:
        """Several text files below one folder."""
        for name, text in files.items():
            self.write_text(f"{folder}/{name.lstrip('/')}", text)

    def write_conversation(self, conversation: Conversation, facts: CaseFacts) -> None:
        """What the worker brought back, and the decryption tables that follow from it."""
        secrets, report = conversation.secrets, conversation.report
        self._write_json("secrets.json", to_json(secrets))
        self._write_json("engine/sas.json", to_json(report))
        self.write_text("trace.jsonl", "".join(json.dumps(to_json(e)) + "\n" for e in conversation.trace))
        write_pcapng(self.path / "wire.pcapng", conversation.frames)
        self._write_tables(secrets, report, facts)

    def _write_tables(self, secrets: Secrets, report: EngineReport, facts: CaseFacts) -> None:
        addresses = (facts.engine_address, facts.peer_address)
        if facts.role != "initiator":
            addresses = (facts.peer_address, facts.engine_address)
        self.write_files("wireshark", decryption_tables(secrets, report, *addresses))

    def write_peer_report(self, report: PeerReport, *, after: bool) -> None:
        """``peer/sas.json`` while the SAs stand, ``peer/sas-after.json`` once the case is over."""
        self._write_json("peer/sas-after.json" if after else "peer/sas.json", to_json(report))

    def hygiene(self, folder: str) -> hygiene.Hygiene | None:
        """``hygiene.json`` of one of the products; None if there is none. Raises UnreadableEvidence when malformed."""
        return self.read(f"{folder}/{hygiene.FILE}", hygiene.Hygiene)

    def write_json(self, name: str, value: object) -> None:
        """Any recorded value as JSON."""
        self._write_json(name, to_json(value))

    def facts(self) -> CaseFacts:
        """``case.json``.

        Raises:
            UnreadableEvidence: it is missing or malformed; without it nothing can be judged.
        """
        facts = self.read("case.json", CaseFacts)
        if facts is None:
            raise UnreadableEvidence(f"{self.path / 'case.json'}: missing")
        return facts

    def secrets(self) -> Secrets | None:
        """``secrets.json``, None if it is missing. Raises UnreadableEvidence when malformed."""
        return self.read("secrets.json", Secrets)

    def evidence(self) -> CaseEvidence:
        """Everything that the verifier looks at; a missing file is None.

        Raises:
            UnreadableEvidence: a file is there but malformed.
        """
        facts = self.facts()
        capture = self.path / "wire.pcapng"
        return CaseEvidence(
            peer=facts.peer,
            role=facts.role,
            engine_address=facts.engine_address,
            peer_address=facts.peer_address,
            wire=read_capture(capture) if capture.exists() else None,
            secrets=self.secrets(),
            trace=self._read_trace(),
            report=self.read("engine/sas.json", EngineReport),
            peer_report=self.read("peer/sas.json", PeerReport),
            peer_report_after=self.read("peer/sas-after.json", PeerReport),
            ikev2_tables=self._read_tables(),
            esp_table=self._read_text("wireshark/esp_sa"),
            configuration_refused=(self._read_text(CONFIGURATION_REFUSED) or "").strip(),
            hygiene=self.hygiene("peer"),
        )

    def _read_tables(self) -> tuple[str, ...] | None:
        tables: list[str] = []
        while (text := self._read_text(f"wireshark/{len(tables)}/ikev2_decryption_table")) is not None:
            tables.append(text)
        return tuple(tables) or None

    def _read_trace(self) -> tuple[TraceEntry, ...] | None:
        text = self._read_text("trace.jsonl")
        return None if not text else tuple(self._parse("trace.jsonl", text.splitlines(), TraceEntry))

    def read(self, name: str, kind: type[T]) -> T | None:
        """A recorded value from its JSON file; None if there is none. Raises UnreadableEvidence when malformed."""
        text = self._read_text(name)
        return None if text is None else next(iter(self._parse(name, [text], kind)))

    def _parse(self, name: str, texts: Iterable[str], kind: type[T]) -> list[T]:
        try:
            return [from_json(kind, json.loads(text)) for text in texts]
        except (ValueError, RecordError) as error:
            raise UnreadableEvidence(f"{self.path / name}: {error}") from error

    def _read_text(self, name: str) -> str | None:
        path = self.path / name
        try:
            return path.read_text() if path.exists() else None
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableEvidence(f"{path}: {error}") from error

    def _write_json(self, name: str, value: object) -> None:
        self.write_text(name, json.dumps(value, indent=2) + "\n")

"""A folder of evidence in which any file was altered: it is judged and decoded, or named as what cannot be read."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from random import Random

import mutation
from case_builder import Case, good, requirements
from case_folder import write_case
from pair_builder import Pair, good_pair
from target import Prepared, Target

from harness.evidence.capture import UnreadableCapture
from harness.evidence.interruption import DEATH_FILE as DEATH
from harness.evidence.interruption import DISTURBANCES_FILE as DISTURBANCES
from harness.evidence.interruption import Cause, Death, Disturbance, Disturbances, OwnProcess
from harness.evidence.store import EvidenceFolder, UnreadableEvidence
from harness.json_codec import to_json
from harness.policy.role import Role
from harness.run.decode import decode_evidence
from harness.scenario.model import Scenario
from harness.verify.judge import judge_folder

_ROOT = tempfile.TemporaryDirectory(prefix="fuzz-evidence-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)


SOMETIMES = {
    DISTURBANCES: json.dumps(to_json(Disturbances((Disturbance(OwnProcess.WORKER, 7.5, 2.0, "an action"),)))).encode(),
    DEATH: json.dumps(to_json(Death("strongswan-6.1", "peer", Cause.ITSELF, "exited (139)", ("a", "b")))).encode(),
}
"""Files that few cases have."""


@functools.cache
def folders() -> tuple[tuple[Path, Scenario, dict[str, bytes]], ...]:
    """Evidence of good cases, as a run writes it, with what each file holds."""
    cases: list[Case | Pair] = [
        good("hybrid/x25519-mlkem768"),
        good("classical/x25519", role=Role.RESPONDER),
        good_pair("pairs/rekey"),
    ]
    found = []
    for number, case in enumerate(cases):
        folder = Path(_ROOT.name) / str(number)
        write_case(folder, case)
        files = {
            str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
        }
        found.append((folder, case.scenario, files))
    return tuple(found)


def prepare(data: bytes) -> Prepared:
    parts = mutation.unpack(data)
    folder, scenario, files = folders()[int.from_bytes(parts[0][:1] if parts else b"") % len(folders())]
    changed, names = dict(files), [*files, *SOMETIMES]
    for part in parts[1:]:
        changed[names[int.from_bytes(part[:1]) % len(names)]] = part[1:]
    for name in SOMETIMES:
        (folder / name).unlink(missing_ok=True)
    for name, content in changed.items():
        (folder / name).write_bytes(content)

    def read() -> None:
        assert judge_folder(folder, scenario, requirements()).verdict
        try:
            for line in decode_evidence(EvidenceFolder(folder), folder / "wire.pcapng"):
                assert line
        except (UnreadableEvidence, UnreadableCapture) as error:
            assert str(folder) in str(error)

    return sum(map(len, changed.values())), read


def seeds() -> list[bytes]:
    return [
        mutation.pack([bytes((number,)), bytes((index,)) + content])
        for number, (_, _, files) in enumerate(folders())
        for index, content in enumerate([*files.values(), *SOMETIMES.values()])
        if len(content) < 30_000
    ]


def _mutate_part(part: bytes, rng: Random) -> bytes:
    content = part[1:]
    if content[:1] in (b"{", b"["):
        lines = content.count(b"\n{") > 0
        return part[:1] + (mutation.json_lines if lines else mutation.json_text)(content, rng)
    return part[:1] + mutation.octets(content, rng)


TARGET = Target(
    "evidence",
    "folders of evidence, of our engine and of two products",
    seeds,
    prepare,
    lambda data, rng: mutation.of_parts(data, rng, _mutate_part),
)

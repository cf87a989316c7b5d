"""What one command must show: a matrix in which every claim stands on evidence, and evidence that cannot be bent."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from command import ROOT, interop

from harness.evidence.store import folder_name

pytestmark = pytest.mark.lab

ROLES = ("initiator", "responder")
HYBRID = ("x25519-mlkem512", "x25519-mlkem768", "x25519-mlkem1024", "ecp384-mlkem1024")
EVIDENCE = (
    "case.json", "scenario.toml", "wire.pcapng", "trace.jsonl", "secrets.json", "verdict.json",
    "peer/connection/swanctl.conf", "peer/daemon/strongswan.conf", "peer/sas-after.json", "peer/log.txt",
)  # fmt: skip
CASE = "hybrid/x25519-mlkem768@strongswan-6.1@{}"


@pytest.fixture(scope="session")
def matrix(small_run):
    return json.loads((small_run / "matrix.json").read_text())


@pytest.fixture(scope="session")
def cells(matrix):
    return {cell["case"]: cell for cell in matrix["cells"]}


def short(cell) -> tuple:
    return cell["outcome"], cell["verdict"], cell["grade"]


def test_the_matrix_follows_its_published_schema(matrix):
    schema = json.loads((ROOT / "harness" / "results" / "matrix.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(matrix)


def test_every_planned_case_has_a_cell_and_none_is_in_doubt(matrix, cells):
    assert len(cells) == len(matrix["cells"]) == len(matrix["scenarios"]) * 3 * 2
    assert {cell["verdict"] for cell in cells.values()} == {"PASS", "UNSUPPORTED", "SKIPPED"}
    assert all(cell["reason"] for cell in cells.values() if cell["verdict"] != "PASS")
    assert not any(cell["flaky"] or len(cell["attempts"]) > 1 for cell in cells.values())


def test_the_evidence_of_every_cell_is_on_disk(small_run, cells):
    for cell in cells.values():
        sent = cell["verdict"] != "SKIPPED"
        assert bool(cell["evidence"]) == sent
        for name in EVIDENCE if sent else ():
            path = small_run / cell["evidence"] / name
            assert path.stat().st_size > 0, path
    for name in ("matrix.html", "matrix.md", "junit.xml"):
        assert (small_run / name).stat().st_size > 1000


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("scenario", HYBRID)
def test_a_hybrid_tunnel_comes_up_with_6_1_in_both_roles(cells, scenario, role):
    cell = cells[f"hybrid/{scenario}@strongswan-6.1@{role}"]
    assert short(cell) == ("HYBRID", "PASS", "A")


@pytest.mark.parametrize("version", ["5.9", "6.0"])
@pytest.mark.parametrize("scenario", HYBRID)
def test_hybrid_only_is_refused_by_a_peer_without_it(cells, scenario, version):
    cell = cells[f"hybrid/{scenario}@strongswan-{version}@initiator"]
    assert short(cell) == ("REFUSED", "UNSUPPORTED", None)
    assert cells[f"hybrid/{scenario}@strongswan-{version}@responder"]["verdict"] == "SKIPPED"


@pytest.mark.parametrize("version", ["5.9", "6.0"])
def test_hybrid_or_classical_falls_back_to_classical_where_it_must_and_only_there(cells, version):
    assert short(cells[f"hybrid/mlkem768-or-classical@strongswan-{version}@initiator"]) == ("CLASSICAL", "PASS", "A")
    for role in ROLES:
        assert short(cells[f"hybrid/mlkem768-or-classical@strongswan-6.1@{role}"]) == ("HYBRID", "PASS", "A")


def test_nothing_is_hybrid_with_a_peer_that_has_no_ml_kem(cells):
    outcomes = {cell["outcome"] for cell in cells.values() if cell["peer"] in ("strongswan-5.9", "strongswan-6.0")}
    assert outcomes == {"CLASSICAL", "REFUSED", None}


def test_5_9_passes_over_a_proposal_with_an_unknown_transform_type(small_run, cells):
    cell = cells["negotiation/unknown-transform-type-first@strongswan-5.9@initiator"]
    assert short(cell) == ("CLASSICAL", "PASS", "A")
    report = json.loads((small_run / cell["evidence"] / "engine" / "sas.json").read_text())
    assert report["suite"]["proposal_number"] == 2


def test_the_peers_report_the_versions_of_their_names(matrix):
    versions = {peer["name"].removeprefix("strongswan-"): peer["version"] for peer in matrix["peers"]}
    assert set(versions) == {"5.9", "6.0", "6.1"}
    assert all(re.fullmatch(rf"{re.escape(name)}\.\d+", version) for name, version in versions.items())


def test_esp_went_both_ways_in_every_tunnel(small_run, cells):
    for cell in cells.values():
        if cell["outcome"] not in ("HYBRID", "CLASSICAL"):
            continue
        evidence = small_run / cell["evidence"]
        echo = json.loads((evidence / "engine" / "sas.json").read_text())["echo"]
        [sa] = json.loads((evidence / "peer" / "sas.json").read_text())["sas"]
        [child] = sa["children"]
        assert echo["requests_sent"] == echo["replies_received"] == child["packets_in"] == child["packets_out"] == 5


def test_verify_comes_to_the_same_verdicts_offline(small_run, cells):
    done = interop("verify", small_run, DOCKER_HOST="unix:///nonexistent")
    assert (done.returncode, done.stderr) == (0, "")
    said = {case: verdict for verdict, case in (line.split(maxsplit=1) for line in done.stdout.splitlines())}
    assert said == {case: cell["verdict"] for case, cell in cells.items() if cell["evidence"]}


@pytest.fixture
def bent(small_run, tmp_path):
    """A copy of the run with a single case of evidence, to be altered: (the run, the case's folder, its id)."""

    def copy(role: str) -> tuple[Path, Path, str]:
        case, run = CASE.format(role), tmp_path / "copy"
        folder = run / "cases" / folder_name(case)
        shutil.copytree(small_run / "cases" / folder_name(case), folder)
        shutil.copy(small_run / "run.jsonl", run)
        return run, folder, case

    return copy


def verified(run: Path, case: str) -> tuple[str, str]:
    """The verdict that ``verify`` prints, and everything it says of it; it differs from the recorded PASS."""
    done = interop("verify", run, "--case", case)
    assert (done.returncode, done.stderr) == (1, "")
    first, _, rest = done.stdout.partition("\n")
    verdict, told, difference = first.split(maxsplit=2)
    assert told == case
    assert difference.startswith(f"differs: verdict {verdict}, recorded PASS")
    return verdict, rest


def flip(text: str) -> str:
    """Hexadecimal text with one bit of its last octet turned over."""
    return format(int(text, 16) ^ 1, f"0{len(text)}x")


def in_secrets(*path: str | int) -> Callable[[Path], None]:
    def bend(folder: Path) -> None:
        file = folder / "secrets.json"
        content = json.loads(file.read_text())
        owner = content
        for step in path[:-1]:
            owner = owner[step]
        owner[path[-1]] = flip(owner[path[-1]])
        file.write_text(json.dumps(content))

    return bend


def in_table(name: str, column: int) -> Callable[[Path], None]:
    def bend(folder: Path) -> None:
        file = folder / "wireshark" / name
        first, *others = file.read_text().splitlines()
        fields = first.split(",")
        prefix, digits, quote = re.fullmatch(r'("?(?:0x)?)([0-9a-f]+)("?)', fields[column]).groups()
        fields[column] = prefix + flip(digits) + quote
        file.write_text("\n".join([",".join(fields), *others]) + "\n")

    return bend


BENT = {
    "ml-kem-secret": (
        in_secrets("shared_secrets", 1, "secret"),
        "what wire.pcapng has of it does not open with secrets.json",
    ),
    "int-auth-i": (in_secrets("int_auth_initiator", 0), "IntAuth_i in secrets.json is not what the messages"),
    "int-auth-r": (in_secrets("int_auth_responder", 0), "IntAuth_r in secrets.json is not what the messages"),
    "esp-key": (in_secrets("children", 0, "initiator_encryption"), "initiator_encryption of the Child SA"),
    "esp-key-back": (in_secrets("children", 0, "responder_encryption"), "responder_encryption of the Child SA"),
    "esp-table": (in_table("esp_sa", 5), "the Child SA's keys are not in the ESP table"),
    "ike-table": (in_table("1/ikev2_decryption_table", 2), "the keys of generation 1 are not in their table"),
}


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", BENT)
def test_one_octet_of_any_secret_contradicts_the_rest_and_is_named(bent, name, role):
    run, folder, case = bent(role)
    bend, named = BENT[name]
    bend(folder)
    verdict, said = verified(run, case)
    assert verdict == "INCONCLUSIVE"
    assert named in said


def cut(folder: Path, octets: int) -> None:
    path = folder / "wire.pcapng"
    path.write_bytes(path.read_bytes()[:octets])


LOST: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-capture": (lambda folder: (folder / "wire.pcapng").unlink(), "wire.pcapng is missing from the evidence"),
    "no-secrets": (lambda folder: (folder / "secrets.json").unlink(), "secrets.json is missing from the evidence"),
    "no-trace": (lambda folder: (folder / "trace.jsonl").unlink(), "trace.jsonl is missing from the evidence"),
    "no-peer-report": (lambda folder: (folder / "peer" / "sas.json").unlink(), "peer's status says is missing"),
    "no-scenario": (lambda folder: (folder / "scenario.toml").unlink(), "scenario.toml is missing from the evidence"),
    "no-folder": (shutil.rmtree, "is missing"),
    "garbage": (lambda folder: (folder / "wire.pcapng").write_bytes(b"\xff\x00 no capture \n" * 40), "no capture"),
    "empty": (lambda folder: cut(folder, 0), "no capture"),
    "cut-short": (lambda folder: cut(folder, 3001), "wire.pcapng lacks the IKE_"),
    "no-json": (lambda folder: (folder / "secrets.json").write_bytes(b"\xff\xfe{"), "secrets.json"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_is_missing_or_unreadable_is_inconclusive_in_one_line(bent, name):
    run, folder, case = bent("initiator")
    lose, named = LOST[name]
    lose(folder)
    verdict, said = verified(run, case)
    assert verdict == "INCONCLUSIVE"
    assert named in said.splitlines()[-1]
    assert "Traceback" not in said

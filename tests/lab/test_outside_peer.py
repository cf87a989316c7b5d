"""A peer folder from outside of the repository, with a control program in its image: written from peers/README.md."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import interop

SAMPLE = Path(__file__).parent / "outside_peer"
PAIRS = ("pairs/classical", "pairs/ipv6")
SCENARIOS = ("classical/ecp384", "hybrid/x25519-mlkem768", "authentication/wrong-psk", "fragmentation/*")


@pytest.fixture(scope="module")
def outside(docker_client, tmp_path_factory):
    """A copy of the sample in a folder of its own, and a run of it: (DIR, the run's folder, its matrix)."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copytree(SAMPLE, folder / "peers")
    scenarios = [option for name in SCENARIOS for option in ("--scenario", name)]
    done = interop(
        "run", "--peers", folder / "peers", "--peer", "acme-*", *scenarios, "--out", folder / "run", timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "peers", folder / "run", json.loads((folder / "run" / "matrix.json").read_text())


def test_it_joins_the_matrix_in_both_roles(outside):
    _, _, matrix = outside
    cells = {(cell["scenario"], cell["role"]): cell for cell in matrix["cells"]}
    assert {cell["verdict"] for cell in cells.values()} == {"PASS"}
    for role in ("initiator", "responder"):
        assert cells["hybrid/x25519-mlkem768", role]["outcome"] == "HYBRID"
        assert cells["authentication/wrong-psk", role]["outcome"] == "REFUSED"
    (peer,) = matrix["peers"]
    assert (peer["name"], peer["title"], peer["version"]) == ("acme-1.0", "Acme Gateway 1.0", "1.0.3")


def test_it_talks_to_products_that_are_here_over_ipv4_and_ipv6(outside, tmp_path):
    folder, _, _ = outside
    scenarios = [option for name in PAIRS for option in ("--scenario", name)]
    options = ("--peers", folder, "--peer", "acme-1.0", *scenarios, "--role", "pair")
    done = interop("run", *options, "--out", tmp_path / "run", timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = json.loads((tmp_path / "run" / "matrix.json").read_text())["cells"]
    assert {(cell["verdict"], cell["outcome"]) for cell in cells} == {("PASS", "CLASSICAL")}
    ends = {(cell["scenario"], cell["initiator"], cell["responder"]) for cell in cells}
    for scenario in PAIRS:
        assert {(scenario, "acme-1.0", "strongswan-6.1"), (scenario, "strongswan-6.1", "acme-1.0")} <= ends


def test_its_evidence_holds_both_what_it_was_told_and_its_own_configuration(outside):
    _, run, _ = outside
    folder = run / "cases" / "hybrid__x25519-mlkem768@acme-1.0@initiator" / "peer"
    told = json.loads((folder / "connection" / "connection.json").read_text())
    assert told["ike"][0]["addke1"] == ["ml-kem-768"]
    assert "ke1_mlkem768" in (folder / "connection" / "acme.conf").read_text()
    (sa,) = json.loads((folder / "sas.json").read_text())["sas"]
    assert sa["additional_ke"] == ["ml-kem-768"]


def test_a_case_of_it_is_repeated_from_the_recorded_folder_or_from_where_it_is_now(outside, tmp_path):
    folder, run, _ = outside
    case = "classical/ecp384@acme-1.0@initiator"
    again = interop("repro", run, case, "--out", tmp_path / "again", timeout=120)
    assert again.returncode == 0, again.stdout + again.stderr
    moved = folder.rename(folder.with_name("moved"))
    try:
        lost = interop("repro", run, case, "--out", tmp_path / "lost")
        assert lost.returncode == 2
        assert f"{folder}: the run had --peers with this folder, which is not here" in lost.stderr
        found = interop("repro", run, case, "--peers", moved, "--out", tmp_path / "found", timeout=120)
        assert found.returncode == 0, found.stdout + found.stderr
    finally:
        moved.rename(folder)


def test_an_image_of_ones_own_needs_no_dockerfile(outside, tmp_path, docker_client):
    folder, _, matrix = outside
    shutil.copytree(folder, tmp_path / "peers")
    (tmp_path / "peers" / "acme" / "Dockerfile").unlink()
    options = ("--peers", tmp_path / "peers", "--peer", "acme-1.0", "--scenario", "classical/ecp384")
    image = f"acme-1.0={matrix['run']['images']['acme-1.0']}"
    done = interop("run", *options, "--image", image, "--out", tmp_path / "run", timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    without = interop("run", *options, "--out", tmp_path / "without", timeout=120)
    assert without.returncode == 3
    assert "its folder has no Dockerfile" in without.stderr

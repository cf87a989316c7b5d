"""A daemon that a scenario kills: FAIL under that scenario; those beside it are played again without it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import interop

SAMPLE = Path(__file__).parent / "outside_peer"

# The container ends with the status of a crash as soon as the control program asks for it.
START = """rm -f /run/crash
mkfifo /run/crash
charon-systemd &
read -r _ </run/crash
exit 139
"""
WHEN = '"ml-kem-1024" in json.dumps(told["ike"])'
WHEN_IN_A_PAIR = 'told["local_identity"].startswith("responder-")'
CRASH = f"""    reload()
    if {WHEN}:
        Path("/run/crash").write_text("now\\n")
"""
KILLER, NEIGHBOURS = "hybrid/x25519-mlkem1024", ("classical/*", "hybrid/x25519-mlkem768", "lifecycle/*")


@pytest.fixture(scope="module")
def fragile(docker_client, tmp_path_factory):
    """A folder with a peer that ends when it is told of ML-KEM-1024."""
    folder = tmp_path_factory.mktemp("fragile")
    acme = folder / "acme"
    shutil.copytree(SAMPLE / "acme", acme)
    for name, old, new in (
        ("start", "exec charon-systemd\n", START),
        ("peer-control", "    reload()\n    return {\"files\"", CRASH + "    return {\"files\""),
    ):  # fmt: skip
        text = (acme / name).read_text()
        assert old in text
        (acme / name).write_text(text.replace(old, new))
    return folder


def run(folder, out, *options):
    done = interop("run", "--peers", folder, *options, "--jobs", "6", "--out", out, timeout=400)
    cells = json.loads((out / "matrix.json").read_text())["cells"]
    return done, cells


def test_it_fails_under_the_scenario_that_killed_it_and_its_neighbours_do_not(fragile, tmp_path):
    scenarios = [option for name in (KILLER, *NEIGHBOURS) for option in ("--scenario", name)]
    done, cells = run(fragile, tmp_path / "run", "--peer", "acme-1.0", *scenarios)
    assert done.returncode == 1, done.stdout + done.stderr
    killed = [cell for cell in cells if cell["scenario"] == KILLER]
    assert len(killed) == 2
    for cell in killed:
        assert [attempt["verdict"] for attempt in cell["attempts"]] == ["FAIL", "FAIL"]
        [finding] = cell["findings"]
        assert (finding["requirement"], finding["party"]) == ("H03", "acme-1.0")
        assert "is exited (139)" in finding["sentence"]
    beside = [cell for cell in cells if cell["scenario"] != KILLER]
    assert len(beside) > 8
    for cell in beside:
        assert cell["attempts"][-1]["verdict"] == "PASS", cell
        if cell["verdict"] == "ERROR":
            assert "its daemon ended during the case" in cell["reason"]
            assert KILLER in cell["reason"]
        else:
            assert cell["verdict"] == "PASS"
    again = interop("verify", tmp_path / "run")
    assert again.returncode == 1
    assert "differs" not in again.stdout


def test_of_two_products_it_is_the_one_that_ended(fragile, tmp_path):
    text = (fragile / "acme" / "peer-control").read_text()
    folder = tmp_path / "peers"
    shutil.copytree(fragile, folder)
    (folder / "acme" / "peer-control").write_text(text.replace(WHEN, WHEN_IN_A_PAIR))
    case = "pairs/classical@strongswan-6.1+acme-1.0@pair"
    done, [cell] = run(folder, tmp_path / "run", "--case", case)
    assert done.returncode == 1, done.stdout + done.stderr
    assert cell["verdict"] == "FAIL", cell["reason"]
    assert {finding["party"] for finding in cell["findings"]} == {"acme-1.0"}


def test_one_that_dies_in_the_compliance_probe_too_fails_under_each_scenario_that_kills_it(fragile, tmp_path):
    text = (fragile / "acme" / "peer-control").read_text()
    folder = tmp_path / "peers"
    shutil.copytree(fragile, folder)
    (folder / "acme" / "peer-control").write_text(text.replace(WHEN, "True"))
    done, [cell] = run(folder, tmp_path / "run", "--case", "classical/x25519@acme-1.0@initiator")
    assert done.returncode == 1, done.stdout + done.stderr
    assert [attempt["verdict"] for attempt in cell["attempts"]] == ["FAIL", "FAIL"], cell["reason"]
    [finding] = cell["findings"]
    assert (finding["requirement"], finding["party"]) == ("H03", "acme-1.0")

"""The compliance probe against real containers: a known-bad peer is named, and the run goes on without it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command import interop

SAMPLE = Path(__file__).parent / "outside_peer"

BAD = {
    "gone": (
        "start",
        "set -eu\n",
        "set -eu\n[ ! -e /etc/acme-started ] || { echo 'no licence for a second start'; exit 1; }\n"
        "touch /etc/acme-started\n",
        "no licence for a second start",
    ),
    "mute": ("peer-control", '    return {"sas": [', '    return {"states": [', "status: answer: sas is missing"),
    "unread": (
        "peer-control",
        '"state": sa["state"],',
        '"state": sa["state"].title(),',
        "status: answer.sas[0].state: 'Established' is no word of the contract",
    ),
    "blind": (
        "peer-control",
        '"initiator_spi": sa["initiator-spi"],',
        '"initiator_spi": sa["responder-spi"],',
        "its status is not of the tunnel that the wire shows: the peer reports no IKE SA with SPIs",
    ),
    "refusing": ("peer-control", "def load(told):\n", 'def load(told):\n    sys.exit("no licence")\n', "no licence"),
    "other": ("peer-control", 'VERSION = "1.0.3"', 'VERSION = "1.1"', "reports 1.1, not 1.0"),
}  # fmt: skip


@pytest.fixture(scope="module")
def run(docker_client, tmp_path_factory):
    """One run of six bad peers and a good one: its matrix."""
    folder = tmp_path_factory.mktemp("bad")
    for name, (file, old, new, _) in BAD.items():
        shutil.copytree(SAMPLE / "acme", folder / "peers" / name)
        path = folder / "peers" / name / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        toml = folder / "peers" / name / "peer.toml"
        toml.write_text(toml.read_text().replace('family = "acme"', f'family = "{name}"'))
    shutil.copytree(SAMPLE / "acme", folder / "peers" / "acme")
    options = ("--peers", folder / "peers", "--scenario", "classical/ecp384", "--role", "initiator")
    peers = [option for name in (*BAD, "acme") for option in ("--peer", f"{name}-1.0")]
    done = interop("run", *options, *peers, "--out", folder / "run", timeout=400)
    assert done.returncode == 3, done.stdout + done.stderr
    return json.loads((folder / "run" / "matrix.json").read_text())


@pytest.mark.parametrize("name", BAD)
def test_a_bad_peer_is_named_with_what_it_does_not_do_and_not_run(run, name):
    words = BAD[name][3]
    (peer,) = (peer for peer in run["peers"] if peer["name"] == f"{name}-1.0")
    assert peer["probe"].startswith("failed: ")
    assert words in peer["probe"]
    (cell,) = (cell for cell in run["cells"] if cell["peer"] == f"{name}-1.0")
    assert (cell["verdict"], cell["outcome"], len(cell["attempts"])) == ("ERROR", None, 1)
    assert cell["reason"].startswith("compliance probe: ")
    assert words in cell["reason"]
    assert any(note.startswith(f"{name}-1.0 fails the compliance probe") for note in run["run"]["notes"])


def test_the_good_one_beside_them_passes(run):
    (peer,) = (peer for peer in run["peers"] if peer["name"] == "acme-1.0")
    words = "passed: reports version 1.0.3; refuses a wrong pre-shared key; its status shows a tunnel and its packets; "
    assert peer["probe"].startswith(words + "back ")
    (cell,) = (cell for cell in run["cells"] if cell["peer"] == "acme-1.0")
    assert (cell["verdict"], cell["outcome"]) == ("PASS", "CLASSICAL")

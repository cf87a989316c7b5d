"""A peer that floods, and one whose answers never end, beside an innocent one: its verdicts are as without them.

By hand, as often as one likes: ``HOSTILE_ROUNDS=10 pytest tests/lab/test_hostile_peer.py``.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from command import interop

SAMPLE = Path(__file__).parent / "outside_peer"
ROUNDS = int(os.environ.get("HOSTILE_ROUNDS", "1"))
INNOCENT = "strongswan-6.1"
SCENARIOS = ("hybrid/x25519-*", "classical/*", "lifecycle/*")

# Sends all it can for some seconds, to the case's address and to those about it, which are other cases': random octets,
# a header without payloads, and a Delete payload of 65,535 SPIs of no octets.
FLOOD = """\
import ipaddress, os, socket, sys, time
mine = ipaddress.ip_address(sys.argv[1])
header = os.urandom(8) + bytes(8)
bombs = [
    os.urandom(600), bytes(4) + os.urandom(300),
    header + bytes([0, 0x20, 37, 8, 0, 0, 0, 0, 0, 0, 0, 28]),
    header + bytes([42, 0x20, 37, 8, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0, 0, 8, 3, 0, 255, 255]),
]
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = time.monotonic() + 8
while time.monotonic() < end:
    for near in (0, 0, 0, 0, -2, -1, 1, 2):
        for port in (500, 4500):
            for bomb in bombs:
                try:
                    sender.sendto(bomb, (str(mine + near), port))
                except OSError:
                    pass
"""
WHEN = 'any("addke1" in proposal for proposal in told["ike"])'
CHANGES = {
    "flooder": (
        "def load(told):\n",
        f"FLOOD = {FLOOD!r}\n\n\ndef load(told):\n    if {WHEN}:\n"
        "        subprocess.Popen([sys.executable, '-c', FLOOD, told['remote_address']], stdin=subprocess.DEVNULL,\n"
        "                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)\n",
    ),
    "babbler": (
        "def status(told):\n",
        "def status(told):\n    path = CONFIGURATIONS / (told['name'] + '.conf')\n"
        "    while path.exists() and 'mlkem' in path.read_text():\n"
        "        sys.stdout.write('{\"sas\": [' * 8192)\n",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def hostile(docker_client, tmp_path_factory):
    """A folder with both. They behave while nobody asks for ML-KEM, and so pass the compliance probe."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (old, new) in CHANGES.items():
        shutil.copytree(SAMPLE / "acme", folder / name)
        program, sheet = folder / name / "peer-control", folder / name / "peer.toml"
        assert old in program.read_text()
        program.write_text(program.read_text().replace(old, new))
        sheet.write_text(sheet.read_text().replace('family = "acme"', f'family = "{name}"'))
    return folder


def run(out, *options):
    scenarios = [option for name in SCENARIOS for option in ("--scenario", name)]
    roles = ("--role", "initiator", "--role", "responder")
    interop("run", *options, *scenarios, *roles, "--jobs", "8", "--out", out, timeout=400)
    return json.loads((out / "matrix.json").read_text())["cells"]


def concluded(cells):
    """Of each case of the innocent one: what was concluded."""
    return {
        cell["case"]: (cell["verdict"], cell["outcome"], cell["flaky"], [f["sentence"] for f in cell["findings"]])
        for cell in cells
        if cell["peer"] == INNOCENT
    }


@pytest.fixture(scope="module")
def alone(docker_client, tmp_path_factory):
    found = concluded(run(tmp_path_factory.mktemp("alone") / "run", "--peer", INNOCENT))
    assert {verdict for verdict, *_ in found.values()} <= {"PASS", "SKIPPED"}
    return found


@pytest.mark.parametrize("number", range(ROUNDS))
def test_an_innocent_peer_beside_hostile_ones_is_judged_as_without_them(hostile, alone, tmp_path, number):
    peers = ("--peers", hostile, "--peer", INNOCENT, "--peer", "flooder-1.0", "--peer", "babbler-1.0")
    cells = run(tmp_path / "run", *peers)
    assert concluded(cells) == alone
    flooded = [c for c in cells if c["peer"] == "flooder-1.0" and c["scenario"].startswith("hybrid/")]
    assert flooded
    for cell in flooded:
        assert cell["verdict"] == "FAIL", cell["reason"]
        assert {f["party"] for f in cell["findings"] if f["severity"] == "fail"} == {"flooder-1.0"}
    named = [f for cell in flooded for f in cell["findings"] if f["requirement"] == "H04"]
    assert named and all("it floods: " in finding["sentence"] for finding in named)
    endless = [c for c in cells if c["peer"] == "babbler-1.0" and c["scenario"].startswith("hybrid/")]
    assert {cell["verdict"] for cell in endless} == {"ERROR"}

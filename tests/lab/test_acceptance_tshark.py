"""A second decoder on real traffic: tshark opens a hybrid case with its evidence folder alone, and sees what we saw."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from command import ROOT

from harness.evidence.store import EvidenceFolder, folder_name
from harness.oracle.expectation import from_record
from harness.run.inputs import load_inputs
from harness.verify.view import make_view

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed: apt-get install tshark"),
]

SA_INIT, AUTH, INTERMEDIATE, INFORMATIONAL = 34, 35, 43, 37
FIELDS = ("frame.number", "isakmp.exchangetype", "isakmp.messageid", "isakmp.flag_r", "isakmp.length")
CASES = ("hybrid/x25519-mlkem768", "hybrid/ecp384-mlkem1024", "fragmentation/mlkem1024-at-576")


def tshark(folder: Path, generation: int, configuration: Path, *more: str) -> str:
    """The commands of reports/README.md, in the folder of the case."""
    configuration.mkdir(exist_ok=True)
    shutil.copy(folder / "wireshark" / str(generation) / "ikev2_decryption_table", configuration)
    shutil.copy(folder / "wireshark" / "esp_sa", configuration)
    options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    done = subprocess.run(
        ["tshark", "-r", "wire.pcapng", *options, *(more or ["-V"])], cwd=folder, timeout=60, check=True,
        env=os.environ | {"WIRESHARK_CONFIG_DIR": str(configuration)}, capture_output=True, text=True,
    )  # fmt: skip
    assert "Error loading table" not in done.stderr
    return done.stdout


def frames(text: str, exchange: int) -> list[str]:
    return [frame for frame in text.split("\nFrame ") if re.search(rf"Exchange type: .*\({exchange}\)", frame)]


@pytest.fixture(params=["initiator", "responder"])
def evidence(small_run, request):
    """Of each hybrid case in one role."""
    return {
        scenario: small_run / "cases" / folder_name(f"{scenario}@strongswan-6.1@{request.param}") for scenario in CASES
    }


@pytest.mark.parametrize("scenario", CASES)
def test_each_generation_of_keys_opens_its_exchange_and_no_other(evidence, tmp_path, scenario):
    folder = evidence[scenario]
    first, second = (tshark(folder, number, tmp_path / f"keys-{number}") for number in (0, 1))
    for text, opened, closed in ((first, INTERMEDIATE, AUTH), (second, AUTH, INTERMEDIATE)):
        good = [frame for frame in frames(text, opened) if "[correct]" in frame]
        assert len(good) == len(frames(text, opened)) >= 2
        assert not any("[correct]" in frame for frame in frames(text, closed))
    assert "".join(frames(second, AUTH)).count("Payload: Authentication (39)") == 2
    assert "Payload: Key Exchange (34)" in "".join(frames(first, INTERMEDIATE))


@pytest.mark.parametrize("scenario", CASES)
def test_the_inner_echo_is_readable_in_both_directions(evidence, tmp_path, scenario):
    folder = evidence[scenario]
    text = tshark(folder, 1, tmp_path / "keys")
    packets = [frame for frame in text.split("\nFrame ") if "Encapsulating Security Payload" in frame]
    assert all("ESP ICV" in packet and "[correct]" in packet for packet in packets)
    kinds = [kind for packet in packets for kind in re.findall(r"Type: (\d+) \(Echo", packet)]
    assert sorted(kinds) == ["0"] * 5 + ["8"] * 5


@pytest.mark.parametrize("scenario", CASES)
def test_both_decoders_see_the_same_messages(evidence, tmp_path, scenario):
    """Exchange types, message ids and directions of every IKE message or fragment, in order, by frame number."""
    folder = evidence[scenario]
    options = [option for field in FIELDS for option in ("-e", field)]
    table = tshark(folder, 0, tmp_path / "keys", "-T", "fields", *options, "-Y", "isakmp.exchangetype")
    theirs = []
    for line in table.splitlines():
        number, exchange, message_id, response, length = line.split("\t")
        theirs.append((int(number), int(exchange), int(message_id, 0), response == "1", int(length, 0)))
    inputs, store = load_inputs(ROOT), EvidenceFolder(folder)
    facts = store.facts()
    expectation = from_record(facts.expectation, facts.engine)
    view = make_view(inputs.scenarios[scenario], expectation, store.evidence())
    ours = []
    for message in view.messages:
        for piece in message.pieces:
            number, octets = piece.datagram.frame, len(piece.octets)
            ours.append((number, int(message.exchange), message.message_id, message.response, octets))
    assert sorted(ours) == theirs
    assert {exchange for _, exchange, *_ in theirs} == {SA_INIT, INTERMEDIATE, AUTH, INFORMATIONAL}


def test_both_decoders_see_the_same_transforms(evidence, tmp_path):
    """The numbers of what was chosen in IKE_SA_INIT: tshark 4.0 has no names for them, but reads them all the same."""
    folder = evidence["hybrid/ecp384-mlkem1024"]
    filters = ("-Y", f"isakmp.exchangetype == {SA_INIT} && isakmp.flag_r == 1")
    table = tshark(folder, 0, tmp_path / "keys", "-T", "json", *filters)
    chosen = re.findall(r'"isakmp\.tf\.type": "(\d+)".*?"isakmp\.tf\.id(?:\.\w+)?": "(\d+)"', table, re.DOTALL)
    suite = json.loads((folder / "engine" / "sas.json").read_text())["suite"]["transforms"]
    assert {int(kind): int(number) for kind, number in chosen} == {
        int(kind): transform["identifier"] for kind, transform in suite.items()
    }

"""A second decoder: tshark decrypts the conversation from the evidence folder alone, as reports/README.md says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
from case_builder import build, facts_of

from harness.evidence.store import EvidenceFolder
from harness.evidence.wireshark import tables_of


@pytest.fixture(autouse=True)
def _tshark() -> None:
    """On a developer's machine the second decoder may be missing; in CI that would hide what it is there to find."""
    if shutil.which("tshark") is None:
        missing = "tshark is not installed: apt-get install tshark"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)


SUITES = {
    "aes-256-gcm-16": {"ENCR": "aes-256-gcm-16"},
    "aes-128-gcm-16": {"ENCR": "aes-128-gcm-16"},
    "aes-128-cbc": {"ENCR": "aes-128-cbc", "INTEG": "hmac-sha2-256-128"},
    "aes-256-cbc": {"ENCR": "aes-256-cbc", "INTEG": "hmac-sha2-512-256"},
}


def tshark(folder, generation: int, configuration) -> str:
    """The commands of reports/README.md: both tables in one configuration folder, then a verbose decode."""
    configuration.mkdir(exist_ok=True)
    shutil.copy(folder / "wireshark" / str(generation) / "ikev2_decryption_table", configuration)
    shutil.copy(folder / "wireshark" / "esp_sa", configuration)
    options = ["-o", "esp.enable_encryption_decode:TRUE", "-o", "esp.enable_authentication_check:TRUE"]
    environment = os.environ | {"WIRESHARK_CONFIG_DIR": str(configuration)}
    command = ["tshark", "-r", str(folder / "wire.pcapng"), *options, "-V"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    assert "Error loading table" not in done.stderr
    return done.stdout


def exchange(text: str, number: int) -> list[str]:
    """The frames of one exchange type; tshark 4.0 has no name for 43, IKE_INTERMEDIATE."""
    return [f for f in text.split("\nFrame ") if re.search(rf"Exchange type: .*\({number}\)", f)]


INTERMEDIATE, AUTH = 43, 35


@pytest.mark.parametrize("name", SUITES)
def test_every_generation_opens_its_own_exchange_and_no_other(lab, tmp_path, name):
    cipher = SUITES[name]
    folder = lab.record(cipher | lab.hybrid, cipher | {"SN": "no-esn"}).path
    first, second = (tshark(folder, number, tmp_path / f"c{number}") for number in (0, 1))
    for text, opened, closed in ((first, INTERMEDIATE, AUTH), (second, AUTH, INTERMEDIATE)):
        assert all("[correct]" in frame for frame in exchange(text, opened))
        assert not any("[correct]" in frame for frame in exchange(text, closed))
    assert len(exchange(second, AUTH)) == 2
    assert all("Payload: Authentication (39)" in frame for frame in exchange(second, AUTH))
    assert "Payload: Key Exchange (34)" in exchange(first, INTERMEDIATE)[-1]


@pytest.mark.parametrize("numbers", ["no-esn", "esn"])
@pytest.mark.parametrize("name", SUITES)
def test_esp_opens_both_ways(lab, tmp_path, name, numbers):
    folder = lab.record(SUITES[name] | lab.hybrid, SUITES[name] | {"SN": numbers}).path
    text = tshark(folder, 1, tmp_path / "c")
    packets = [frame for frame in text.split("\nFrame ") if "Encapsulating Security Payload" in frame]
    assert len(packets) == 6
    assert all("Internet Control Message Protocol" in packet for packet in packets)
    # tshark 4.0 does not know of 64-bit sequence numbers, so its ICVs are wrong there.
    if numbers == "no-esn":
        assert all("ESP ICV" in packet and "[correct]" in packet for packet in packets)


def test_a_wrong_key_is_seen_as_wrong(lab, tmp_path):
    cipher = SUITES["aes-256-gcm-16"]
    folder = lab.record(cipher | lab.hybrid, cipher | {"SN": "no-esn"}).path
    table = folder / "wireshark" / "1" / "ikev2_decryption_table"
    fields = table.read_text().split(",")
    fields[2] = format(int(fields[2], 16) ^ 1 << 100, "072x")
    table.write_text(",".join(fields))
    request, response = exchange(tshark(folder, 1, tmp_path / "c"), AUTH)
    assert "[correct]" not in request
    assert "[correct]" in response


def recorded(tmp_path, scenario: str, **how):
    """The evidence folder of a case of ``scenarios/``."""
    case = build(scenario, **how)
    folder = EvidenceFolder(tmp_path / "case")
    folder.write_facts(facts_of(case))
    folder.write_conversation(case.conversation, tables_of(case.conversation, facts_of(case)))
    return folder.path


def test_fragments_of_an_intermediate_exchange_open(tmp_path):
    folder = recorded(tmp_path, "fragmentation/mlkem1024-at-576")
    fragments = exchange(tshark(folder, 0, tmp_path / "c"), INTERMEDIATE)
    assert len(fragments) == 8
    assert all("[correct]" in fragment for fragment in fragments)
    assert ["Payload: Key Exchange (34)" in fragment for fragment in fragments].count(True) == 2


def test_esp_without_udp_opens(tmp_path):
    folder = recorded(tmp_path, "hybrid/x25519-mlkem768", esp_port=0)
    packets = [f for f in tshark(folder, 1, tmp_path / "c").split("\nFrame ") if "Encapsulating Security Payload" in f]
    assert len(packets) == 10
    assert all("Internet Control Message Protocol" in p and "[correct]" in p for p in packets)


def test_what_wireshark_cannot_does_no_harm(tmp_path):
    """IKE under ChaCha20-Poly1305: the table is a comment, tshark loads it and shows the message closed."""
    folder = recorded(tmp_path, "classical/x25519")
    (folder / "wireshark" / "esp_sa").write_text("")  # 4.0 has no name for this cipher in ESP either
    auth = exchange(tshark(folder, 0, tmp_path / "c"), AUTH)
    assert len(auth) == 2
    assert not any("Payload: Authentication" in frame for frame in auth)

"""Bad input: one clear line with file and line, exit status 2, no traceback; nothing is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

SCENARIO = "scenarios/hybrid/x25519-mlkem768.toml"
SUITE = "scenarios/suites/smoke.toml"
STRONGSWAN = "peers/strongswan/peer.toml"
TEMPLATE = "peers/strongswan/templates/swanctl.conf.j2"
PROFILE = "peers/profiles/cisco-8000-26.1.1/profile.toml"

MISTAKES = {
    "key": (SCENARIO, "requirement =", "titel = 1\nrequirement =", "unknown key 'titel'"),
    "algorithm": (SCENARIO, '"ml-kem-768"', '"ml-kem-769"', "'ml-kem-769'"),
    "check": (SCENARIO, '"authenticated"', '"autenticated"', "'autenticated'"),
    "requirement": (SCENARIO, '"M01"', '"Z99"', "unknown requirement 'Z99'"),
    "syntax": (SCENARIO, "[offer.ike]", "[offer.ike", ""),
    "value": (SCENARIO, "packets = 5", 'packets = "five"', "packets"),
    "suite-pattern": (SUITE, '"*"', '"nothing/*"', "'nothing/*' matches no scenario"),
    "peer-key": (STRONGSWAN, "title =", "titel = 1\ntitle =", "unknown key 'titel'"),
    "profile-algorithm": (PROFILE, '"aes-256-gcm-16"', '"aes-257-gcm-16"', "'aes-257-gcm-16'"),
}


@pytest.mark.parametrize("command", ["lint", "plan", "run"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_the_data_is_told_with_file_and_line(checkout, interop, edit, name, command):
    file, old, new, words = MISTAKES[name]
    number = edit(file, old, new)
    said = interop(command)
    assert said.status == 2
    assert said.out == ""
    first = said.err.splitlines()[0].removeprefix("ipsec-interop: ")
    assert first.startswith(f"{checkout / file}:{number}: ")
    assert words in first


def test_an_id_given_twice_is_told_with_both_places(checkout, interop):
    shutil.copy(checkout / SCENARIO, checkout / "scenarios" / "hybrid" / "copy.toml")
    said = interop("plan")
    assert said.status == 2
    assert f"is also that of {checkout / 'scenarios' / 'hybrid' / 'copy.toml'}" in said.err


def test_all_mistakes_are_told_at_once(checkout, interop, edit):
    for name in (SCENARIO, "scenarios/classical/x25519.toml"):
        edit(name, "title =", "titel =")
    said = interop("lint")
    assert said.status == 2
    assert said.err.count("unknown key 'titel'") == 2


TEMPLATE_MISTAKES = {
    "variable": ("{{ psk_hex }}", "{{ pre_shared_key }}", "'pre_shared_key' is undefined"),
    "jinja": ("version = 2", "{% fro x in y %}", "Encountered unknown tag 'fro'"),
}


@pytest.mark.parametrize("command", ["lint", "run"])
@pytest.mark.parametrize("name", TEMPLATE_MISTAKES)
def test_a_mistake_in_a_template_is_told_before_anything_starts(checkout, interop, edit, monkeypatch, name, command):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    old, new, words = TEMPLATE_MISTAKES[name]
    number = edit(TEMPLATE, old, new)
    said = interop(command)
    assert said.status == 2
    assert said.error.startswith(f"{checkout / TEMPLATE}:{number}: ")
    assert words in said.error


def test_what_swanctl_could_not_read_is_told_before_anything_starts(checkout, interop, edit):
    edit(TEMPLATE, "version = 2", "version 2")
    said = interop("lint")
    assert said.status == 2
    assert "swanctl.conf:" in said.error


SELECTIONS = {
    "peer": (("--peer", "strongswan-7.*"), "peer 'strongswan-7.*' matches nothing"),
    "scenario": (("--scenario", "hybrid/nothing"), "scenario 'hybrid/nothing' matches nothing"),
    "suite": (("--suite", "smok"), "no suite 'smok'; known: full, smoke, standard"),
    "role": (("--role", "bystander"), "'bystander' is not one of 'initiator', 'responder'"),
    "one-of-two": (("--peer", "strongswan-6.1", "--peer", "nobody"), "peer 'nobody' matches nothing"),
}


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize("name", SELECTIONS)
def test_a_selection_that_matches_nothing_is_an_error(interop, checkout, name, command):
    options, words = SELECTIONS[name]
    said = interop(command, *options)
    assert (said.status, said.out) == (2, "")
    assert words in said.err.splitlines()[-1]


OPTIONS = {
    "image-of-nobody": (("--image", "nobody=x:1"), "--image nobody=x:1: peer 'nobody' matches nothing; "),
    "image-without-name": (("--image", "strongswan-6.1"), "--image strongswan-6.1: it is PEER=IMAGE"),
    "jobs": (("--jobs", "0"), "0 is not in the range"),
    "seed": (("--seed", "x"), "'x' is not a valid integer"),
    "runtime": (("--runtime", "auto"), "'auto' is not one of 'docker', 'local'"),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_makes_no_sense_is_an_error(interop, checkout, name):
    options, words = OPTIONS[name]
    said = interop("run", *options)
    assert (said.status, said.out) == (2, "")
    assert words in said.err.splitlines()[-1]


def test_a_folder_that_holds_something_is_no_place_for_a_run(interop, checkout, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("do not touch")
    said = interop("run", "--out", tmp_path / "mine")
    assert said.status == 2
    assert said.err.splitlines()[-1] == f"Error: --out {tmp_path / 'mine'}: not an empty folder"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_to_is_named(interop, checkout, tmp_path):
    (tmp_path / "file").write_text("in the way")
    said = interop("run", "--out", tmp_path / "file" / "run")
    assert (said.status, said.error) == (2, f"{tmp_path / 'file' / 'run'}: Not a directory")


def test_a_checkout_that_this_user_may_not_write_to_is_named(interop, checkout, monkeypatch):
    def refuse(self, *_args, **_kwargs):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    said = interop("run")
    assert said.status == 2
    assert said.error.startswith(f"{checkout / 'reports' / 'runs'}/")
    assert said.error.endswith(": Permission denied")


@pytest.mark.parametrize("command", [("report",), ("verify",), ("diff", "latest"), ("repro",)])
def test_a_run_that_is_not_there_is_an_error(interop, checkout, command):
    name, *before = command
    more = ["case"] if name == "repro" else []
    said = interop(name, *before, "20200101-000000-abcd", *more)
    assert (said.status, said.out) == (2, "")
    assert said.error.startswith("no run ")
    assert str(checkout / "reports" / "runs") in said.error


RECORDS: dict[str, tuple[bytes | str, str]] = {
    "empty": ("", "no header"),
    "binary": (b"\xff\xfe\x00\x01\n\n", ":1: not JSON"),
    "no-json": ("{}}\n", ":1: not JSON"),
    "no-header": ('{"kind": "case"}\n', ":1: the first line is not a header"),
    "future": ('{"kind": "header", "format": 99, "value": {}}\n', ":1: format 99; this harness reads format 1"),
    "misshapen": ('{"kind": "header", "format": 1, "value": {"id": 3}}\n', ":1: header"),
}


@pytest.mark.parametrize("command", ["report", "verify"])
@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_cannot_be_read_is_told_with_its_line(interop, checkout, tmp_path, name, command):
    content, words = RECORDS[name]
    path = tmp_path / "run.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    said = interop(command, tmp_path)
    assert (said.status, said.out) == (2, "")
    assert said.error.startswith(str(path))
    assert words in said.error


def test_without_docker_a_run_says_so_and_leaves_no_folder(interop, checkout, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    said = interop("run")
    assert (said.status, said.out) == (3, "")
    assert said.error.startswith("Docker does not run or may not be used by this user")
    assert list((checkout / "reports" / "runs").iterdir()) == []


def test_an_unknown_command_or_option_is_an_error(interop):
    for arguments in (("matrix",), ("run", "--turbo")):
        said = interop(*arguments)
        assert (said.status, said.out) == (2, "")
        assert said.err.splitlines()[-1].startswith("Error: No such ")


def test_a_shard_without_a_case_is_told(checkout, interop):
    said = interop("run", "--peer", "strongswan-6.1", "--scenario", "hybrid/x25519-mlkem768", "--shard", "3/3")
    assert said.status == 2
    assert said.error == "--shard 3/3 holds no case: the plan has 2"
    assert not (checkout / "reports").exists()


def test_an_image_for_a_peer_that_there_is_not(checkout, interop):
    said = interop("run", "--image", "strongswan-6.2=x")
    assert said.status == 2
    assert "--image strongswan-6.2=x: peer 'strongswan-6.2' matches nothing; did you mean " in said.error

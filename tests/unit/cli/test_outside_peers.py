"""``--peers``: folders of a user's own join plan, list, lint and run, and mistakes in them are one clear line."""

from __future__ import annotations

import json
import shutil

import pytest
from command import ROOT

from harness.run.inputs import load_inputs
from harness.run.plan import Selection, make_plan, plan_hash

SAMPLE = ROOT / "tests" / "lab" / "outside_peer"


@pytest.fixture
def outside(tmp_path):
    folder = tmp_path / "outside"
    shutil.copytree(SAMPLE, folder)
    return folder


def test_its_peers_join_every_suite_beside_the_peers_that_are_here(interop, outside):
    without, with_them = interop("plan", "--json"), interop("plan", "--json", "--peers", outside)
    cases, more = ([case["case"] for case in json.loads(said.out)] for said in (without, with_them))
    assert set(cases) < set(more)
    assert all("acme-1.0" in case.split("@")[1].split("+") for case in set(more) - set(cases))
    assert "hybrid/x25519-mlkem768@acme-1.0@responder" in more


def test_without_the_option_they_are_not_known(interop):
    assert "peer 'acme-1.0' matches nothing" in interop("plan", "--peer", "acme-1.0").error


def test_list_tells_where_a_peer_comes_from(interop, outside):
    rows = {row["name"]: row for row in json.loads(interop("list", "peers", "--json", "--peers", outside).out)}
    assert rows["acme-1.0"]["from"] == str(outside)
    assert rows["strongswan-6.1"]["from"] == ""


def test_lint_reads_them_too(interop, outside):
    assert interop("lint", "--peers", outside).status == 0
    path = outside / "acme" / "peer.toml"
    path.write_text(path.read_text().replace('sn = ["no-esn"]\n', ""))
    said = interop("lint", "--peers", outside)
    assert said.status == 2
    assert f"{path}:" in said.err
    assert "the capability sheet lacks esp.sn" in said.err


def test_a_name_that_is_taken_is_told_with_both_folders(interop, outside):
    path = outside / "acme" / "peer.toml"
    path.write_text(path.read_text().replace('family = "acme"', 'family = "strongswan"').replace('"1.0"', '"6.1"'))
    said = interop("plan", "--peers", outside)
    assert (said.status, said.out) == (2, "")
    assert f"{path}:1: peer 'strongswan-6.1' is also in {ROOT / 'peers' / 'strongswan'}" in said.error


@pytest.mark.parametrize("command", ["plan", "lint", "run"])
def test_a_folder_that_is_not_there_or_holds_no_peers(interop, tmp_path, command):
    said = interop(command, "--peers", tmp_path / "gone")
    assert (said.status, said.out) == (2, "")
    assert said.error == f"{tmp_path / 'gone'}: --peers: there is no such folder"
    said = interop(command, "--peers", tmp_path)
    assert (said.status, said.out) == (2, "")
    assert f"{tmp_path}:1: holds no peers: no file */peer.toml" in said.error


def test_the_folder_of_one_peer_is_told_from_the_folder_that_holds_it(interop, outside):
    said = interop("plan", "--peers", outside / "acme")
    assert said.error.endswith(f"is one peer's folder; name the one that holds it: {outside}")


def test_the_hash_of_a_plan_knows_what_a_user_brought_and_not_where_from(outside, tmp_path):
    def hashed(folder):
        inputs = load_inputs(ROOT, (folder,))
        return plan_hash(make_plan(inputs, Selection(("classical/*",), ("acme-1.0",))))

    first = hashed(outside)
    shutil.copytree(outside, tmp_path / "elsewhere")
    assert hashed(tmp_path / "elsewhere") == first
    path = outside / "acme" / "peer-control"
    path.write_text(path.read_text() + "# changed\n")
    assert hashed(outside) != first


EXTENSION = 'extends = "strongswan-6.1"\n[[version]]\nversion = "6.2"\ntitle = "strongSwan 6.2"\n'
DESCRIPTIONS = {
    "strongswan-6.2": ("next/peer.toml", EXTENSION),
    "emulated/mine": (
        "profiles/mine/profile.toml",
        (ROOT / "peers" / "profiles" / "cisco-8000-26.1.1" / "profile.toml").read_text(),
    ),
}


@pytest.mark.parametrize("peer", DESCRIPTIONS)
def test_the_hash_of_a_plan_knows_the_file_that_a_user_brought_upon_a_peer_that_is_here(outside, tmp_path, peer):
    name, text = DESCRIPTIONS[peer]
    path = outside / name
    path.parent.mkdir(parents=True)
    path.write_text(text)

    def hashed(folder):
        inputs = load_inputs(ROOT, (folder,))
        return plan_hash(make_plan(inputs, Selection(("classical/*",), (peer,))))

    first = hashed(outside)
    shutil.copytree(outside, tmp_path / "elsewhere")
    assert hashed(tmp_path / "elsewhere") == first
    path.write_text(text + "# changed\n")
    assert hashed(outside) != first

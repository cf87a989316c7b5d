"""Bad input that only Docker can find: told in its own words, with the failing command's last lines; nothing stays."""

from __future__ import annotations

import shutil

import pytest
from command import ROOT, interop, left_behind

pytestmark = pytest.mark.lab

ONE = ("--peer", "strongswan-6.1", "--scenario", "classical/x25519", "--role", "initiator")


@pytest.fixture
def checkout(docker_client, tmp_path):
    """A checkout of one's own, harness and all."""
    for name in ("harness", "peers", "scenarios", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name)
    return tmp_path


def test_a_build_that_fails_shows_the_step_and_the_last_lines_of_its_command(checkout, docker_client):
    dockerfile = checkout / "peers" / "strongswan" / "Dockerfile"
    step = "RUN seq 1 40 && echo the reason >&2 && exit 7"
    dockerfile.write_text(dockerfile.read_text().replace("RUN apt-get", f"{step}\nRUN apt-get", 1))
    done = interop("run", *ONE, root=checkout)
    assert (done.returncode, done.stdout) == (3, "")
    assert "Traceback" not in done.stderr
    [at] = [index for index, line in enumerate(done.stderr.splitlines()) if line.startswith("ipsec-interop: ")]
    first, *tail = done.stderr.splitlines()[at:]
    assert first.startswith("ipsec-interop: image ipsec-interop/strongswan-6.1:")
    assert step in first
    assert "returned a non-zero code: 7" in first
    assert tail[-1] == "the reason"
    assert tail[-2] == "40"
    assert len(tail) <= 15
    assert list((checkout / "reports" / "runs").iterdir()) == []


def test_an_image_that_a_user_names_must_be_there(docker_client, tmp_path):
    done = interop("run", "--out", tmp_path / "run", *ONE, "--image", "strongswan-6.1=nobody/nothing:1")
    assert (done.returncode, done.stdout) == (3, "")
    assert "image 'nobody/nothing:1' is not on this engine" in done.stderr.splitlines()[-1]
    assert not (tmp_path / "run" / "run.jsonl").exists()


def test_a_run_into_the_checkout_points_latest_at_itself(checkout, docker_client):
    done = interop("run", *ONE, root=checkout)
    assert done.returncode == 0, done.stderr
    runs = checkout / "reports" / "runs"
    latest = runs / "latest"
    assert latest.is_symlink()
    assert {path.name for path in runs.iterdir()} == {"latest", latest.resolve().name}
    assert done.stdout.splitlines()[-1] == f"report: {latest.resolve() / 'matrix.html'}"
    assert left_behind(docker_client, latest.resolve().name) == 0
    assert interop("verify", "latest", root=checkout).returncode == 0
    assert interop("report", latest.resolve().name, root=checkout).returncode == 0

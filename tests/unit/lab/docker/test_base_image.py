"""Base images: how the bootstrap goes on, with a stand-in for mmdebstrap and for the engine."""

import threading
from types import SimpleNamespace

import pytest
from docker.errors import BuildError, ImageNotFound

from harness.lab.docker import base_image
from harness.lab.docker.base_image import ensure_base
from harness.lab.errors import ImageBuildFailed

EXPIRED = (
    "E: Release file for http://deb.example/InRelease is expired (invalid since 15d 0h). Updates will not be applied."
)


class Engine:
    """An engine without images; remembers what was imported, built and removed."""

    def __init__(self, present=()):
        self.present = set(present)
        self.imported, self.built, self.removed = [], [], []
        self.images = SimpleNamespace(get=self._get, remove=self._remove, pull=self._pull, build=self._build)
        self.api = SimpleNamespace(import_image=lambda **options: self.imported.append(options))

    def _get(self, name):
        if name not in self.present:
            raise ImageNotFound("none")

    def _remove(self, name, **_options):
        self.removed.append(name)

    def _pull(self, repository, tag):
        self.present.add(f"{repository}:{tag}")

    def _build(self, fileobj, tag, **_options):
        if self.present == {"debian:bad-slim"}:
            raise BuildError("no space left", iter(()))
        self.built.append((tag, fileobj.read().decode().splitlines()))


@pytest.fixture
def offline(monkeypatch):
    monkeypatch.setattr(base_image, "registry_reached", lambda: False)


def stand_in(monkeypatch, tmp_path, script):
    program = tmp_path / "bin" / "mmdebstrap"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n{script}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return lambda: (tmp_path / "calls").read_text().splitlines()


def test_an_image_that_is_there_is_used():
    engine = Engine({"ipsec-interop/base:trixie"})
    assert ensure_base(engine, "trixie", print, threading.Event()) == "ipsec-interop/base:trixie"
    assert not engine.imported


def test_the_users_own_debian_image_is_used_and_kept(offline):
    engine = Engine({"debian:trixie-slim"})
    ensure_base(engine, "trixie", print, threading.Event())
    labelled = ["FROM debian:trixie-slim", "LABEL ipsec-interop=image"]
    assert engine.built == [("ipsec-interop/base:trixie", labelled)]
    assert engine.removed == []


def test_an_image_that_was_pulled_is_labelled_and_its_own_name_goes(monkeypatch):
    monkeypatch.setattr(base_image, "registry_reached", lambda: True)
    engine = Engine()
    ensure_base(engine, "forky", lambda line: None, threading.Event())
    assert engine.built == [("ipsec-interop/base:forky", ["FROM debian:forky-slim", "LABEL ipsec-interop=image"])]
    assert engine.removed == ["debian:forky-slim"]


def test_an_image_that_cannot_be_labelled_is_a_build_that_failed(offline):
    with pytest.raises(ImageBuildFailed, match="its label cannot be set: no space left"):
        ensure_base(Engine({"debian:bad-slim"}), "bad", print, threading.Event())


def test_a_good_bootstrap_runs_once_with_all_checks(offline, monkeypatch, tmp_path):
    calls = stand_in(monkeypatch, tmp_path, "exit 0")
    engine = Engine()
    ensure_base(engine, "trixie", lambda line: None, threading.Event())
    assert len(calls()) == 1
    assert "Valid-Until" not in calls()[0]
    assert engine.imported[0]["repository"] == "ipsec-interop/base"
    assert engine.imported[0]["changes"] == ["LABEL ipsec-interop=image"]


def test_only_an_expired_release_file_lifts_the_date_check_and_it_is_said(offline, monkeypatch, tmp_path):
    calls = stand_in(monkeypatch, tmp_path, f'case "$*" in *Valid-Until*) exit 0;; *) echo "{EXPIRED}"; exit 25;; esac')
    said = []
    ensure_base(Engine(), "forky", said.append, threading.Event())
    assert ["Check-Valid-Until" in call for call in calls()] == [False, True]
    assert any("past their Valid-Until date" in line for line in said)


def test_any_other_failure_is_the_end_with_the_last_lines(offline, monkeypatch, tmp_path):
    calls = stand_in(monkeypatch, tmp_path, "seq 1 40; echo 'E: signature is bad'; exit 25")
    with pytest.raises(ImageBuildFailed) as caught:
        ensure_base(Engine(), "trixie", lambda line: None, threading.Event())
    assert len(calls()) == 1
    assert "mmdebstrap exited with status 25" in str(caught.value)
    assert caught.value.tail.splitlines()[-1] == "E: signature is bad"
    assert len(caught.value.tail.splitlines()) == 15


def test_without_registry_and_mmdebstrap_the_error_names_the_command(offline, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageBuildFailed, match="apt-get install mmdebstrap"):
        ensure_base(Engine(), "trixie", print, threading.Event())

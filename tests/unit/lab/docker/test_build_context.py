"""Image tags name their input exactly."""

import tarfile
from dataclasses import replace

import pytest

from harness.lab.docker.build_context import BuildContext, read_context
from harness.lab.docker.images import peer_context
from harness.lab.docker.tester_image import context_of_tester
from harness.lab.errors import ImageBuildFailed


def test_the_tag_follows_content_arguments_and_mode():
    context = BuildContext("x", {"Dockerfile": (b"FROM a", 0o644)}, {"BASE": "b"})
    assert context.tag == BuildContext("x", {"Dockerfile": (b"FROM a", 0o644)}, {"BASE": "b"}).tag
    others = [
        replace(context, files={"Dockerfile": (b"FROM b", 0o644)}),
        replace(context, files={"Dockerfile": (b"FROM a", 0o755)}),
        replace(context, arguments={"BASE": "c"}),
        replace(context, files={**context.files, "more": (b"", 0o644)}),
    ]
    assert len({context.tag, *(other.tag for other in others)}) == 5
    assert context.tag.startswith("ipsec-interop/x:")


def test_templates_and_facts_of_a_peer_are_not_in_its_image(peer):
    context = peer_context(peer)
    assert set(context.files) == {"Dockerfile", "start"}
    assert context.arguments == {"BASE": "ipsec-interop/base:forky", "PACKAGES": "charon-systemd"}


def test_the_kernel_of_its_own_does_not_follow_the_release_of_the_product(peer):
    arguments = peer_context(replace(peer, suite="bookworm", esp_implementation="kernel")).arguments
    assert arguments["BASE"] == "ipsec-interop/base:bookworm"
    assert (arguments["KERNEL_BASE"], arguments["KERNEL_PACKAGES"]) == ("ipsec-interop/base:forky", "user-mode-linux")


def test_the_pinned_packages_make_the_tag_and_come_with_the_build(peer):
    plain = peer_context(peer)
    context = peer_context(replace(peer, python_packages=("a==1 --hash=sha256:0",)))
    other = peer_context(replace(peer, python_packages=("a==2 --hash=sha256:0",)))
    assert context.files["python-packages.lock"] == (b"a==1 --hash=sha256:0\n", 0o644)
    assert context.complete and plain.complete is None
    assert len({plain.tag, context.tag, other.tag}) == 3


def test_packages_for_an_unknown_release_are_refused(peer):
    context = peer_context(replace(peer, suite="sid", python_packages=("a==1 --hash=sha256:0",)))
    with pytest.raises(ImageBuildFailed, match="can be brought for bookworm, trixie, not for sid"):
        context.complete(context, "x86_64")


def test_the_archive_is_what_docker_reads(peer):
    with tarfile.open(fileobj=peer_context(peer).archive()) as archive:
        assert archive.getnames() == ["Dockerfile", "start"]
        assert archive.getmember("start").mode == 0o755


def test_ignored_files_are_left_out(tmp_path):
    (tmp_path / ".dockerignore").write_text("*.md\n")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "Dockerfile").write_text("y")
    assert list(read_context(tmp_path)) == ["Dockerfile"]


def test_the_testers_tag_follows_the_lock_and_liboqs(root, tmp_path):
    lock, library = tmp_path / "worker.lock", tmp_path / "liboqs.so"
    lock.write_text("a==1\n")
    library.write_bytes(b"ELF")
    folder = root / "peers" / "tester"
    plain = context_of_tester(folder, lock, None, "x86_64")
    with_library = context_of_tester(folder, lock, library, "x86_64")
    lock.write_text("a==2\n")
    assert len({plain.tag, with_library.tag, context_of_tester(folder, lock, None, "x86_64").tag}) == 3
    assert "liboqs/lib/liboqs.so" in with_library.files

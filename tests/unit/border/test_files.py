"""Files written whole, for their owner; and read back up to a limit."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from harness.border.files import append_whole, read_stored, write_whole, write_whole_by


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_written_for_its_owner(tmp_path):
    path = tmp_path / "secrets.json"
    path.write_text("old")
    path.chmod(0o644)
    write_whole(path, "grüß")
    assert path.read_bytes() == "grüß".encode()
    assert mode_of(path) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secrets.json"]


def test_a_full_disk_leaves_what_was_there_and_names_the_path(tmp_path):
    path = tmp_path / "matrix.html"
    path.write_text("of before")

    def full(file):
        file.write(b"half of it")
        file.flush()
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match=r"No space left on device: '.*/matrix\.html'") as error:
        write_whole_by(path, full)
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_text() == "of before"
    assert [each.name for each in tmp_path.iterdir()] == ["matrix.html"]


def test_a_really_full_disk(tmp_path):
    """/dev/full refuses what is flushed at the end, without a path in the error."""
    with pytest.raises(OSError, match=r"/matrix\.html"), Path("/dev/full").open("wb", buffering=0) as full:
        write_whole_by(tmp_path / "matrix.html", lambda _file: full.write(b"x"))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_gone_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        write_whole(tmp_path / "gone" / "x", b"")
    assert error.value.filename == str(tmp_path / "gone" / "x")


def test_read_back(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_stored(path, 5) == b"12345"
    with pytest.raises(OSError, match="5 octets, and 4 are the limit"):
        read_stored(path, 4)
    with pytest.raises(FileNotFoundError):
        read_stored(tmp_path / "y")


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(OSError, match=r"plain file|directory"):
            read_stored(path)


@pytest.fixture
def record(tmp_path):
    path = tmp_path / "run.jsonl"
    with path.open("x") as file:
        append_whole(file.fileno(), path, b"first\n")
        yield path, file.fileno()


def test_what_is_appended_is_there(record):
    path, descriptor = record
    append_whole(descriptor, path, b"second\n")
    assert path.read_bytes() == b"first\nsecond\n"


def test_of_what_cannot_be_appended_nothing_is_left(record, monkeypatch):
    path, descriptor = record
    write = os.write

    def short(number, octets):
        if octets[:1] == b"s":
            return write(number, octets[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match=r"No space left on device: '.*/run\.jsonl'"):
        append_whole(descriptor, path, b"second\n")
    monkeypatch.undo()
    append_whole(descriptor, path, b"third\n")
    assert path.read_bytes() == b"first\nthird\n"


def test_a_file_that_is_gone_or_another_is_not_appended_to(record):
    path, descriptor = record
    path.unlink()
    with pytest.raises(FileNotFoundError) as gone:
        append_whole(descriptor, path, b"second\n")
    path.write_text("of somebody else")
    with pytest.raises(OSError, match="is another file by now") as other:
        append_whole(descriptor, path, b"second\n")
    assert gone.value.filename == other.value.filename == str(path)
    assert path.read_text() == "of somebody else"

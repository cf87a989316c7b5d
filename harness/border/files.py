"""Files of a run: written whole or not at all, for their owner alone; read back up to a limit.

An error names the path, also where the system's own does not (a full disk).
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from io import BufferedWriter
from pathlib import Path

from harness.border.limits import STORED_FILE_OCTETS

PRIVATE = 0o600
"""Mode of what may hold keys: captures, secrets, configurations, what peers say."""
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700


def make_folder(path: Path) -> None:
    """Make a folder that its owner alone may enter, and those above it that are missing; one that is there stays.

    Raises:
        OSError: it cannot be made; the error names it.
    """
    try:
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    except FileNotFoundError:
        make_folder(path.parent)
        path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)


def write_whole(path: Path, content: bytes | str, mode: int = PRIVATE) -> None:
    """Write a file, text as UTF-8. Nobody ever finds half of it under its name.

    Raises:
        OSError: it cannot be written; the error names ``path``, and what was there before is still there.
    """
    octets = content.encode("utf-8") if isinstance(content, str) else content
    write_whole_by(path, lambda file: file.write(octets), mode)


def write_whole_by(path: Path, write: Callable[[BufferedWriter], object], mode: int = PRIVATE) -> None:
    """The same, for what writes into an open file by itself."""
    partial = path.with_name(f".{os.getpid()}-{threading.get_ident()}.partial")
    with naming(path):
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
            with os.fdopen(descriptor, "wb") as file:
                write(file)
            os.replace(partial, path)  # noqa: PTH105  # atomic
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink()
            raise


def append_whole(descriptor: int, path: Path, octets: bytes) -> None:
    """Append to an open file, and have it on the disk: all of it or nothing.

    Raises:
        OSError: it cannot be written, or the file is not at ``path`` any more; the error names ``path``.
    """
    with naming(path):
        found = os.fstat(descriptor)
        if not os.path.samestat(found, path.stat()):
            raise OSError(errno.ESTALE, "is another file by now")
        try:
            os.lseek(descriptor, found.st_size, os.SEEK_SET)
            rest = memoryview(octets)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, found.st_size)
            raise


def read_stored(path: Path, limit: int = STORED_FILE_OCTETS) -> bytes:
    """The octets of a plain file.

    Raises:
        FileNotFoundError: there is none.
        OSError: it is not a plain file, is larger than ``limit``, or cannot be read; the error names it.
    """
    with naming(path):
        # Without O_NONBLOCK the opening of a pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "is not a plain file")
            if found.st_size > limit:
                raise OSError(errno.EFBIG, f"has {found.st_size:,} octets, and {limit:,} are the limit")
            return file.read(found.st_size)  # a buffer of the limit's size would be made even for a small file


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Every OSError of the block names ``path``.

    Raises:
        OSError: of the kind that arose.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror or os.strerror(error.errno), str(path)) from error

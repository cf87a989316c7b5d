"""What a docker build sees: the files of its context, the build arguments, and the tag that names exactly these."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from docker.utils.build import exclude_paths

from harness.lab.docker.engine import REPOSITORY


@dataclass(frozen=True, slots=True)
class BuildContext:
    """The input of one image. Two equal inputs have one tag, so an image is never out of date."""

    name: str  # of the image, below the repository: "strongswan-6.1"
    files: Mapping[str, tuple[bytes, int]]  # by path: content and mode
    arguments: Mapping[str, str] = field(default_factory=dict)
    complete: Callable[[BuildContext, str], BuildContext] | None = field(default=None, compare=False)
    """Adds, just before the build, what the files pin but do not hold (locked packages), for an architecture."""

    @property
    def tag(self) -> str:
        """``ipsec-interop/strongswan-6.1:<first 12 digits of the SHA-256 over files and arguments>``."""
        digest = hashlib.sha256()
        for path, (content, mode) in sorted(self.files.items()):
            digest.update(f"{path}\0{mode & 0o111:o}\0{len(content)}\0".encode() + content)
        for key, value in sorted(self.arguments.items()):
            digest.update(f"{key}={value}\0".encode())
        return f"{REPOSITORY}/{self.name}:{digest.hexdigest()[:12]}"

    def archive(self) -> io.BytesIO:
        """The context as the uncompressed tar file that Docker's build takes."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            for path, (content, mode) in sorted(self.files.items()):
                entry = tarfile.TarInfo(path)
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
        buffer.seek(0)
        return buffer


def read_context(folder: Path) -> dict[str, tuple[bytes, int]]:
    """The files that ``docker build`` would send from ``folder``: all but those its .dockerignore names."""
    ignore = folder / ".dockerignore"
    patterns = ignore.read_text().split() if ignore.exists() else []
    paths = exclude_paths(str(folder), patterns)
    files = {path: folder / path for path in sorted(paths) if (folder / path).is_file()}
    return {
        path: (file.read_bytes(), 0o755 if file.stat().st_mode & 0o100 else 0o644)
        for path, file in files.items()
        if path != ".dockerignore"
    }

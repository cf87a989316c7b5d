"""Python packages that an image needs: pip on this machine brings the pinned files, and the build asks no index."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from harness.lab.docker.build_context import BuildContext
from harness.lab.errors import ImageBuildFailed
from harness.lab.waiting import tail

PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
"""The Python of each Debian release; packages are chosen for it."""

_GLIBC_MINORS = {"bookworm": 36, "trixie": 41}  # wheels for a glibc up to this 2.x run there
_OLDEST_GLIBC_MINOR = 17


def with_packages(context: BuildContext, lock: str, folder: str, suite: str, architecture: str) -> BuildContext:
    """The same context with the packages that its file ``lock`` pins by hash, below ``folder``; its tag is not used.

    ``suite`` is the image's Debian release, ``architecture`` its machine: "x86_64".

    Raises:
        ImageBuildFailed: pip could not get them, with its last lines; or the release's Python is not known.
    """
    if suite not in PYTHON:
        known = ", ".join(sorted(PYTHON))
        raise ImageBuildFailed(context.tag, f"Python packages can be brought for {known}, not for {suite}", "")
    with tempfile.TemporaryDirectory(prefix="ipsec-interop-") as name:
        requirements, target = Path(name) / "requirements.txt", Path(name) / "packages"
        requirements.write_bytes(context.files[lock][0])
        _pip_install(context.tag, requirements, target, suite, architecture)
        packages = {
            str(Path(folder) / path.relative_to(target)): (path.read_bytes(), 0o644)
            for path in target.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    return replace(context, files={**context.files, **packages}, complete=None)


def _pip_install(tag: str, requirements: Path, target: Path, suite: str, machine: str) -> None:
    glibc = range(_OLDEST_GLIBC_MINOR, _GLIBC_MINORS[suite] + 1)
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
        "--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON[suite]}",
        f"--platform=manylinux2014_{machine}", *(f"--platform=manylinux_2_{minor}_{machine}" for minor in glibc),
        f"--target={target}", f"--requirement={requirements}",
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ImageBuildFailed(tag, "pip could not bring the Python packages", tail(done.stderr or done.stdout))

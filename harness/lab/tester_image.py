"""The tester's image: Debian with Python, and the worker's packages brought along from this machine."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from harness.lab.base_image import base_tag
from harness.lab.build_context import BuildContext, read_context
from harness.lab.errors import ImageBuildFailed
from harness.lab.waiting import tail

SUITE = "trixie"
PYTHON = "3.13"  # the Python of that suite; the packages are chosen for it
_GLIBC_MINORS = range(17, 42)  # wheels for these glibc 2.x run on that suite's 2.41

PACKAGES = "packages"
"""Folder of the build context for the Python packages; ``liboqs`` beside it holds the library, where there is one."""


def context_of_tester(folder: Path, lock: Path, liboqs: Path | None, architecture: str) -> BuildContext:
    """The tester's build context without the packages: what its tag is made of.

    ``folder`` has the Dockerfile (peers/tester), ``lock`` pins the packages, ``liboqs`` is the shared library or None.
    """
    files = read_context(folder)
    files["worker.lock"] = (lock.read_bytes(), 0o644)
    if liboqs is not None:
        files["liboqs/lib/liboqs.so"] = (liboqs.read_bytes(), 0o644)
    arguments = {"BASE": base_tag(SUITE), "PYTHON": PYTHON, "ARCHITECTURE": architecture}
    return BuildContext("tester", files, arguments, complete=with_packages)


def with_packages(context: BuildContext) -> BuildContext:
    """The same context with the locked packages in it, as the build needs it; its tag is not used.

    Raises:
        ImageBuildFailed: pip could not get them; its last lines are in the error.
    """
    with tempfile.TemporaryDirectory(prefix="ipsec-interop-") as name:
        folder = Path(name)
        lock = folder / "worker.lock"
        lock.write_bytes(context.files["worker.lock"][0])
        target = folder / PACKAGES
        _pip_install(context, lock, target)
        packages = {
            str(Path(PACKAGES) / path.relative_to(target)): (path.read_bytes(), 0o644)
            for path in target.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
    return BuildContext(context.name, {**context.files, **packages}, context.arguments)


def _pip_install(context: BuildContext, lock: Path, target: Path) -> None:
    machine = context.arguments["ARCHITECTURE"]
    platforms = [f"--platform=manylinux_2_{minor}_{machine}" for minor in _GLIBC_MINORS]
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--no-deps",
        "--require-hashes", "--only-binary=:all:", "--implementation=cp", f"--python-version={PYTHON}",
        f"--platform=manylinux2014_{machine}", *platforms, f"--target={target}", f"--requirement={lock}",
    ]  # fmt: skip
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = "pip could not bring the worker's packages"
        raise ImageBuildFailed(context.tag, reason, tail(done.stderr or done.stdout))

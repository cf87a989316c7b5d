"""The tester's image: Debian with Python, and the worker's packages brought along from this machine."""

from __future__ import annotations

from pathlib import Path

from harness.lab.docker.base_image import base_tag
from harness.lab.docker.build_context import BuildContext, read_context
from harness.lab.docker.python_packages import PYTHON, with_packages

SUITE = "trixie"
_LOCK, _PACKAGES = "worker.lock", "packages"  # beside them ``liboqs`` holds the library, where there is one


def context_of_tester(folder: Path, lock: Path, liboqs: Path | None, architecture: str) -> BuildContext:
    """The tester's build context without the packages: what its tag is made of.

    ``folder`` has the Dockerfile (peers/tester), ``lock`` pins the packages, ``liboqs`` is the shared library or None.
    """
    files = read_context(folder)
    files[_LOCK] = (lock.read_bytes(), 0o644)
    if liboqs is not None:
        files["liboqs/lib/liboqs.so"] = (liboqs.read_bytes(), 0o644)
    arguments = {"BASE": base_tag(SUITE), "PYTHON": PYTHON[SUITE], "ARCHITECTURE": architecture}
    return BuildContext("tester", files, arguments, complete=_complete)


def _complete(context: BuildContext, architecture: str) -> BuildContext:
    return with_packages(context, _LOCK, _PACKAGES, SUITE, architecture)

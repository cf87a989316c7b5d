"""Base images: Debian's slim image where a registry of images is reached, else one bootstrapped from its packages."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound, NotFound

from harness.border.text import decoded
from harness.lab.docker.engine import LABEL, REPOSITORY, connect
from harness.lab.errors import ImageBuildFailed, LabError
from harness.lab.waiting import tail, wait_until

_REGISTRY_TIMEOUT_S = 6.0
_BOOTSTRAP_DEADLINE_S = 600.0
_EXPIRED = "is expired (invalid since"

# Documentation and translations are left out, as Debian's own slim images do; so is dpkg's fsync per file.
_DPKG_OPTIONS = ("path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/man/*", "path-exclude=/usr/share/locale/*",
                 "force-unsafe-io")  # fmt: skip

INSTALL_MMDEBSTRAP = "apt-get install mmdebstrap"

Say = Callable[[str], None]


def base_tag(suite: str) -> str:
    """The name of the base image of a Debian suite: ``ipsec-interop/base:forky``."""
    return f"{REPOSITORY}/base:{suite}"


def ensure_base(client: docker.DockerClient, suite: str, say: Say, cancelled: threading.Event) -> str:
    """Make sure that the base image of ``suite`` exists; returns its name. Pulled if possible, else bootstrapped.

    Raises:
        ImageBuildFailed: it can neither be pulled nor bootstrapped; the message says what is missing.
    """
    tag = base_tag(suite)
    try:
        client.images.get(tag)
    except ImageNotFound:
        if not _pull(client, suite, say):
            _bootstrap(client, suite, say, cancelled)
    return tag


def registry_reached() -> bool:
    """Whether a registry of images answers within a few seconds."""
    try:
        connect(_REGISTRY_TIMEOUT_S).images.get_registry_data("debian:stable-slim")
    except (DockerException, OSError, LabError):
        return False
    return True


def _pull(client: docker.DockerClient, suite: str, say: Say) -> bool:
    """Take ``debian:<suite>-slim`` as the base. The user's own tag of that name is used, never moved or removed."""
    upstream = f"debian:{suite}-slim"
    try:
        client.images.get(upstream)
        ours = False
    except ImageNotFound:
        if not registry_reached():
            return False
        say(f"pulling {upstream}")
        try:
            client.images.pull("debian", tag=f"{suite}-slim")
            ours = True
        except (APIError, NotFound):
            return False
    _label(client, upstream, base_tag(suite))
    if ours:
        client.images.remove(upstream, noprune=True)
    return True


def _label(client: docker.DockerClient, upstream: str, tag: str) -> None:
    """Our label on top: all that is built on the base inherits it, so that what has no name is found again, too."""
    dockerfile = f"FROM {upstream}\nLABEL {LABEL}=image\n"
    try:
        client.images.build(fileobj=BytesIO(dockerfile.encode()), tag=tag, rm=True, forcerm=True)
    except BuildError as error:
        raise ImageBuildFailed(tag, f"its label cannot be set: {error}", "") from error


def _bootstrap(client: docker.DockerClient, suite: str, say: Say, cancelled: threading.Event) -> None:
    if shutil.which("mmdebstrap") is None:
        raise ImageBuildFailed(
            base_tag(suite), f"no image registry is reached and mmdebstrap is missing: {INSTALL_MMDEBSTRAP}", ""
        )
    with tempfile.TemporaryDirectory(prefix="ipsec-interop-") as folder:
        archive = Path(folder) / "base.tar"
        say(f"bootstrapping Debian {suite} from its packages")
        output, status = _mmdebstrap(suite, archive, (), cancelled)
        if status and _EXPIRED in output:
            # The signature was good, only its date has passed: testing's mirror may lag behind. Anything else fails.
            say(f"the package lists of {suite} are past their Valid-Until date; going on without that check")
            archive.unlink(missing_ok=True)
            output, status = _mmdebstrap(suite, archive, ('Acquire::Check-Valid-Until "false"',), cancelled)
        if status:
            raise ImageBuildFailed(base_tag(suite), f"mmdebstrap exited with status {status}", tail(output))
        client.api.import_image(
            src=str(archive), repository=f"{REPOSITORY}/base", tag=suite, changes=[f"LABEL {LABEL}=image"]
        )


def _mmdebstrap(suite: str, archive: Path, apt_options: tuple[str, ...], cancelled: threading.Event) -> tuple[str, int]:
    """Run mmdebstrap; its output and exit status. It is ended when ``cancelled`` is set."""
    command = ["mmdebstrap", "--variant=minbase"]
    command += [f"--dpkgopt={option}" for option in _DPKG_OPTIONS]
    command += [f"--aptopt={option}" for option in apt_options]
    report = archive.with_suffix(".log")
    with report.open("wb") as log:
        process = subprocess.Popen(
            [*command, suite, str(archive)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(
            f"mmdebstrap {suite}", process.poll, deadline_s=_BOOTSTRAP_DEADLINE_S, pattern="its exit", interval_s=0.1,
            state=lambda: "called off" if cancelled.is_set() else "running",
            log=lambda: decoded(report.read_bytes()), cancelled=cancelled,
        )  # fmt: skip
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    return decoded(report.read_bytes()), process.returncode

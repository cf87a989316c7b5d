"""Images of ours: which a run needs, and building the missing ones side by side."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import docker
from docker.errors import APIError, ImageNotFound, NotFound

from harness.border import limits
from harness.border.text import in_a_line, without_middle
from harness.lab.docker import container_limits
from harness.lab.docker.base_image import base_tag, ensure_base
from harness.lab.docker.build_context import BuildContext, read_context
from harness.lab.docker.engine import BROKEN_OFF, engine_of
from harness.lab.docker.python_packages import with_packages
from harness.lab.errors import ImageBuildFailed, LabError
from harness.lab.hosts import own_kernel
from harness.lab.progress import Progress, Silent
from harness.lab.waiting import tail, wait_until
from harness.scenario.peer import Peer

PARALLEL_BUILDS = 2

_KEPT_LINES = 100  # of the output of a build, of which an error shows the end
PYTHON_PACKAGES = "python-packages"
"""Folder of a peer's build context for the packages that its sheet pins (PYTHONPATH of the image); none has none."""

_REQUIREMENTS = "python-packages.lock"

_STEP = re.compile(r"Step \d+/\d+ : ")
_RUNNING_IN = re.compile(r" ---> Running in ([0-9a-f]+)")
_OF_THE_ENGINE = re.compile(r" ---> |Removing intermediate container ")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_RED = "\x1b[91m"  # how the engine marks standard error; it comes in any order beside standard output
_ABORT_DEADLINE_S = 10.0


def peer_context(peer: Peer) -> BuildContext:
    """The build context of a peer's image. An emulated peer has that of the product below its profile."""
    name = peer.profile.rendered_on if peer.profile else peer.name
    arguments = {"BASE": base_tag(peer.suite), "PACKAGES": " ".join(peer.packages)}
    if peer.esp_implementation == "kernel":
        arguments |= {
            "PACKAGES": " ".join((*peer.packages, *own_kernel.PACKAGES)),
            "KERNEL_BASE": base_tag(own_kernel.KERNEL_SUITE),
            "KERNEL_PACKAGES": " ".join(own_kernel.KERNEL_PACKAGES),
        }
    files = read_context(peer.image_folder or peer.folder)
    if not peer.python_packages:
        return BuildContext(name, files, arguments)
    files[_REQUIREMENTS] = ("\n".join((*peer.python_packages, "")).encode(), 0o644)

    def complete(context: BuildContext, architecture: str) -> BuildContext:
        return with_packages(context, _REQUIREMENTS, PYTHON_PACKAGES, peer.suite, architecture)

    return BuildContext(name, files, arguments, complete=complete)


class ImageBuilder:
    """Builds what is missing, two at a time; a base image is made once however many images stand on it."""

    def __init__(self, client: docker.DockerClient, progress: Progress | None = None) -> None:
        self._client = client
        self._progress = progress or Silent()
        self._cancelled = threading.Event()
        self._base_locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def missing(self, contexts: Iterable[BuildContext]) -> list[BuildContext]:
        """Those of ``contexts`` that have no image yet, each tag once."""
        by_tag = {context.tag: context for context in contexts}
        return [context for tag, context in by_tag.items() if not self._exists(tag)]

    def build(self, contexts: Sequence[BuildContext]) -> None:
        """Build every missing image.

        Raises:
            ImageBuildFailed: a build failed; the others are called off. Its last lines are in the error.
        """
        pool = ThreadPoolExecutor(PARALLEL_BUILDS, thread_name_prefix="image")
        try:
            futures = [pool.submit(self._build_one, context) for context in self.missing(contexts)]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        finally:
            self._cancelled.set()
            pool.shutdown(wait=True, cancel_futures=True)
            self._cancelled.clear()

    def _exists(self, tag: str) -> bool:
        try:
            self._client.images.get(tag)
        except ImageNotFound:
            return False
        return True

    def _build_one(self, context: BuildContext) -> None:
        if "Dockerfile" not in context.files:
            words = "its folder has no Dockerfile; write one, or bring an image with --image PEER=IMAGE"
            raise ImageBuildFailed(context.tag, words, "")
        for base in sorted({context.arguments[key] for key in ("BASE", "KERNEL_BASE") if key in context.arguments}):
            self._ensure_base(base)
        with _Timed(self._progress, context.tag):
            self._docker_build(context)

    def _ensure_base(self, tag: str) -> None:
        with self._lock:
            lock = self._base_locks.setdefault(tag, threading.Lock())
        with lock:
            if self._exists(tag):
                return
            with _Timed(self._progress, tag):
                suite = tag.rpartition(":")[2]
                ensure_base(self._client, suite, lambda line: self._progress.advanced(tag, line), self._cancelled)

    def _docker_build(self, context: BuildContext) -> None:
        output: deque[str] = deque(maxlen=_KEPT_LINES)
        errors: deque[str] = deque(maxlen=_KEPT_LINES)
        step, container = "", ""
        complete = context.complete(context, self._architecture()) if context.complete else context
        stream = self._client.api.build(
            fileobj=complete.archive(), custom_context=True, tag=context.tag, buildargs=dict(context.arguments),
            rm=True, forcerm=True, decode=True, container_limits=container_limits.BUILD,
        )  # fmt: skip
        try:
            for event in stream:
                if self._cancelled.is_set():
                    raise ImageBuildFailed(context.tag, "called off", "")
                text = event.get("stream", "")
                line = without_middle(_COLOUR.sub("", text), limits.WORDS)
                if not _OF_THE_ENGINE.match(line):
                    (errors if text.startswith(_RED) else output).append(line)
                if running := _RUNNING_IN.match(line):
                    container = running[1]
                if _STEP.match(line):
                    step = in_a_line(line)
                    self._progress.advanced(context.tag, step)
                if "error" in event:
                    reason = f"{step}: {event['error']}" if step else event["error"]
                    raise ImageBuildFailed(context.tag, _one_line(reason), tail("".join((*output, *errors))))
        except BROKEN_OFF as error:
            raise engine_of(self._client).fault(error, f"the build of {context.tag}") from error
        except APIError as error:
            raise ImageBuildFailed(context.tag, _one_line(str(error)), tail("".join((*output, *errors)))) from error
        finally:
            stream.close()
            self._wait_for_end_of(container)

    def _architecture(self) -> str:
        return str(self._client.info()["Architecture"])

    def _wait_for_end_of(self, container: str) -> None:
        """The engine ends a build whose client has gone, a moment later; do not leave before its container has."""

        def gone() -> bool | None:
            try:
                self._client.containers.get(container)
            except NotFound:
                return True
            return None

        if container:
            wait_until(
                f"build container {container}", gone, deadline_s=_ABORT_DEADLINE_S, pattern="its removal", state=str
            )


class _Timed:
    """Tells ``progress`` when a piece of work starts and, if it succeeded, how long it took."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress, self._name = progress, name

    def __enter__(self) -> None:
        self._start = time.monotonic()
        self._progress.started(self._name)

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._progress.finished(self._name, time.monotonic() - self._start)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def require_image(client: docker.DockerClient, name: str) -> str:
    """The id of an image that a user brings along.

    Raises:
        LabError: the engine does not have it; the message says how to get it there.
    """
    try:
        return str(client.images.get(name).id)
    except ImageNotFound as error:
        raise LabError(f"image {name!r} is not on this engine: docker pull {name}, or docker load") from error

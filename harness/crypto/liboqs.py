"""The only module that touches ``oqs``, the Python binding of liboqs.

Importing the binding where it finds no library makes it clone and build one by itself, and exit the process when that
fails. So the library is looked for first, in the binding's own variable, in the per-user cache that ``make liboqs``
fills and among the system's libraries, and the binding is imported only when one is there.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import logging
import os
import platform
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from harness.crypto.errors import MethodUnavailable
from harness.crypto.random_source import Rng

VERSION = "0.13.0"
BUILD = 2  # one more whenever ALGORITHMS change, so that a library of before is not taken for the new one
ALGORITHMS = ("ML-KEM-512", "ML-KEM-768", "ML-KEM-1024", "sntrup761")
_INSTALL_PATH = "OQS_INSTALL_PATH"
_SYSTEM_RANDOM = b"system"

# What the binding and this module need of the library; older ones lack some of it.
_NEEDED_FUNCTIONS = ("OQS_KEM_keypair_derand", "OQS_SIG_supports_ctx_str", "OQS_randombytes_custom_algorithm")

_RandomBytes = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t)
_lock = threading.Lock()  # the import, and the random source of liboqs, are one per process


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A decapsulation key as liboqs holds it; of ML-KEM the expanded one (FIPS 203 algorithm 16's dk)."""

    octets: bytes = field(repr=False)


def cache_directory() -> Path:
    """Where ``make liboqs`` installs, and where this module looks: one per user, version, build and processor."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ipsec-interop" / "liboqs" / f"{VERSION}-{BUILD}-{platform.machine()}"


def find_library() -> Path | None:
    """The shared library that would be used; None where there is none. Nothing is imported, built or downloaded."""
    named = os.environ.get(_INSTALL_PATH)
    for prefix in (*([Path(named)] if named else []), cache_directory()):
        for folder in ("lib", "lib64"):
            if (prefix / folder / "liboqs.so").is_file():
                return prefix / folder / "liboqs.so"
    system = ctypes.util.find_library("oqs")
    return Path(system) if system else None


def unavailable_reason() -> str | None:
    """Why liboqs cannot be used, in one line with the command that mends it; None when it can."""
    loaded = _load()
    return loaded if isinstance(loaded, str) else None


def keypair(algorithm: str, rng: Rng) -> tuple[bytes, SecretKey]:
    """(encapsulation key, decapsulation key), with the random octets taken from ``rng``."""
    with _binding().KeyEncapsulation(algorithm) as kem, _random_source(rng):
        public = kem.generate_keypair()
        return public, SecretKey(kem.export_secret_key())


def keypair_from_seed(algorithm: str, seed: bytes) -> tuple[bytes, SecretKey]:
    """(encapsulation key, decapsulation key) of ML-KEM from the 64 octets d | z."""
    with _binding().KeyEncapsulation(algorithm) as kem:
        public = kem.generate_keypair_seed(seed)
        return public, SecretKey(kem.export_secret_key())


def encapsulate(algorithm: str, public: bytes, rng: Rng) -> tuple[bytes, bytes]:
    """(ciphertext, shared secret), with the random octets taken from ``rng``. ``public`` must be valid."""
    with _binding().KeyEncapsulation(algorithm) as kem, _random_source(rng):
        ciphertext, shared_secret = kem.encap_secret(public)
        return ciphertext, shared_secret


def decapsulate(algorithm: str, secret_key: SecretKey, ciphertext: bytes) -> bytes:
    """The shared secret."""
    with _binding().KeyEncapsulation(algorithm, secret_key.octets) as kem:
        shared_secret: bytes = kem.decap_secret(ciphertext)
        return shared_secret


def library_version() -> str | None:
    """The version that the loaded library reports; None when there is none."""
    loaded = _load()
    return None if isinstance(loaded, str) else str(loaded.oqs_version())


def _binding() -> Any:
    loaded = _load()
    if isinstance(loaded, str):
        raise MethodUnavailable(loaded)
    return loaded


@cache
def _load() -> Any:
    """The imported binding, or why it cannot be had, in one line."""
    path = find_library()
    if path is None:
        return "liboqs is missing (ML-KEM-512 and sntrup761 need it): run `make liboqs`"
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        return f"liboqs cannot be loaded ({error}): run `make liboqs`"
    lacking = [name for name in _NEEDED_FUNCTIONS if not hasattr(library, name)]
    if lacking:
        return f"liboqs at {path} lacks {', '.join(lacking)}: run `make liboqs`"
    with _lock, _quiet_import_of(path):
        try:
            oqs = import_module("oqs")
        except ImportError:
            return "the Python package liboqs-python is missing: run `pip install liboqs-python`"
    lacking = [name for name in ALGORITHMS if name not in oqs.get_enabled_kem_mechanisms()]
    if lacking:
        return f"liboqs at {path} was built without {', '.join(lacking)}: run `make liboqs`"
    return oqs


@contextmanager
def _quiet_import_of(path: Path) -> Iterator[None]:
    """While the binding is imported, the library at ``path`` is the one that it finds, and it prints nothing.

    The binding asks ``ctypes.util.find_library`` before it looks anywhere else, writes log lines to standard output
    and warns when its version is not the library's; the functions used here are the same in both.
    """
    find, logger = ctypes.util.find_library, logging.getLogger("oqs.oqs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        logger.disabled = True
        ctypes.util.find_library = lambda name: str(path)  # noqa: ARG005
        try:
            yield
        finally:
            ctypes.util.find_library = find


@contextmanager
def _random_source(rng: Rng) -> Iterator[None]:
    """Inside, liboqs takes its random octets from ``rng``. One thread at a time; the system's source comes back after.

    Raises:
        Exception: whatever ``rng`` raised; it cannot pass through the C code, so it is raised at the end.
    """
    failures: list[Exception] = []

    def fill(buffer: int, octets: int) -> None:
        try:
            random_octets = rng(octets)
            if len(random_octets) != octets:
                raise ValueError(f"{octets} random octets are needed, not {len(random_octets)}")
            ctypes.memmove(buffer, random_octets, octets)
        except Exception as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    callback = _RandomBytes(fill)  # must outlive its use in C
    native = _binding().native()
    with _lock:
        native.OQS_randombytes_custom_algorithm(callback)
        try:
            yield
        finally:
            native.OQS_randombytes_switch_algorithm(_SYSTEM_RANDOM)
    if failures:
        raise failures[0]

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from harness.crypto.errors import MethodUnavailable
from harness.crypto.random_source import Rng

VERSION = "0.13.0"
ALGORITHMS = ("ML-KEM-512", "ML-KEM-768", "ML-KEM-1024")
_INSTALL_PATH = "OQS_INSTALL_PATH"
_SYSTEM_RANDOM = b"system"

_lock = threading.RLock()  # the random source of liboqs is one per process


@dataclass(frozen=True, slots=True)
class SecretKey:
    """An expanded decapsulation key (FIPS 203 algorithm 16's dk)."""

    octets: bytes = field(repr=False)


def cache_directory() -> Path:
    """Where ``make liboqs`` installs, and where this module looks: one folder per user, version and processor."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ipsec-interop" / "liboqs" / f"{VERSION}-{platform.machine()}"


def find_library() -> Path | None:
    """The shared library that would be used; None where there is none. Nothing is imported, built or downloaded."""
    named = os.environ.get(_INSTALL_PATH)
    for prefix in [Path(named)] if named else [cache_directory()]:
        for folder in ("lib", "lib64"):
            if (prefix / folder / "liboqs.so").is_file():
                return prefix / folder / "liboqs.so"
    system = ctypes.util.find_library("oqs")
    return Path(system) if system else None


def unavailable_reason() -> str | None:
    """Why liboqs cannot be used, in one line with the command that mends it; None when it can."""
    try:
        _binding()
    except MethodUnavailable as missing:
        return str(missing)
    return None


def keypair_from_seed(algorithm: str, seed: bytes) -> tuple[bytes, SecretKey]:
    """(encapsulation key, decapsulation key) from the 64 octets d | z."""
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

"""Build liboqs, with ML-KEM and sntrup761 alone, into the per-user cache; `make liboqs` runs this.

The C source is the one that the Rust crate ``oqs-sys`` carries: cargo fetches it, checked by cargo's own checksum, and
nothing of Rust is compiled. Where the library is already there, nothing happens.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.crypto import liboqs, ml_kem, sntrup

CRATE, CRATE_VERSION = "oqs-sys", "0.11.0+liboqs-0.13.0"
BUILT = ("KEM_ml_kem_512", "KEM_ml_kem_768", "KEM_ml_kem_1024", "KEM_ntruprime_sntrup761")
SHIM = Path(__file__).parent / "liboqs" / "sig_supports_ctx_str.c"

# A throw-away package that exists only to depend on the crate.
MANIFEST = f"""\
[package]
name = "fetch-liboqs"
version = "0.0.0"
edition = "2021"

[lib]
path = "lib.rs"

[dependencies]
{CRATE} = {{ version = "={CRATE_VERSION}", default-features = false }}
"""


class BuildFailed(Exception):
    """One line for the user."""


def main() -> int:
    """Exit status 0 when the library is there and works, 3 otherwise."""
    try:
        if liboqs.find_library() is None:
            build()
        check()
    except BuildFailed as failure:
        _say(str(failure))
        _say("everything but ML-KEM-512 and sntrup761 works without it")
        return 3
    _say(f"{liboqs.library_version()} at {liboqs.find_library()}")
    return 0


def build() -> None:
    """Fetch the source, build the shared library, install it.

    Raises:
        BuildFailed: a tool is missing, or a step failed.
    """
    cargo = _tool("cargo", "apt-get install cargo")
    compiler = _tool(os.environ.get("CC", "cc"), "apt-get install gcc libc6-dev")
    cmake, ninja = _tool("cmake", "pip install cmake"), _tool("ninja", "pip install ninja")
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ipsec-interop-liboqs-") as folder:
        work = Path(folder)
        source = _fetch_source(cargo, work / "fetch")
        shim = work / "shim.o"
        _run([compiler, "-O2", "-fPIC", "-c", str(SHIM), "-o", str(shim)])
        _run([cmake, "-G", "Ninja", "-S", str(source), "-B", str(work / "build"), f"-DCMAKE_MAKE_PROGRAM={ninja}",
              f"-DCMAKE_C_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=Release", "-DBUILD_SHARED_LIBS=ON",
              "-DOQS_BUILD_ONLY_LIB=ON", "-DOQS_USE_OPENSSL=OFF", "-DOQS_DIST_BUILD=ON",
              f"-DOQS_MINIMAL_BUILD={';'.join(BUILT)}",
              f"-DCMAKE_SHARED_LINKER_FLAGS={shim}"])  # fmt: skip
        _run([cmake, "--build", str(work / "build")])
        _install(work / "build" / "lib" / "liboqs.so")
    _say(f"built in {time.monotonic() - started:.0f} s")


def check() -> None:
    """Load what is there as the harness will, and agree on a secret with each parameter set.

    Raises:
        BuildFailed: it does not load, or two sides disagree.
    """
    reason = liboqs.unavailable_reason()
    if reason is not None:
        raise BuildFailed(reason)
    for method in (*(ml_kem.provider(number, "liboqs") for number in ml_kem.PARAMETER_SETS), sntrup.METHOD):
        pair = method.generate(os.urandom)
        ciphertext, secret = method.encapsulate(pair.public, os.urandom)
        if method.decapsulate(pair, ciphertext) != secret:
            raise BuildFailed(f"{method.number}: the two sides computed different secrets")


def _fetch_source(cargo: str, folder: Path) -> Path:
    folder.mkdir()
    (folder / "Cargo.toml").write_text(MANIFEST)
    (folder / "lib.rs").write_text("")
    environment = {**os.environ, "CARGO_HOME": str(_private_cargo_home(folder))}
    _run([cargo, "fetch"], folder, environment)
    metadata = json.loads(_run([cargo, "metadata", "--format-version=1", "--offline"], folder, environment))
    manifest = next(package["manifest_path"] for package in metadata["packages"] if package["name"] == CRATE)
    return Path(manifest).parent / "liboqs"


def _private_cargo_home(folder: Path) -> Path:
    """A home for cargo that goes away with the build, but has the user's settings (a mirror, a proxy)."""
    private = folder / "cargo-home"
    private.mkdir()
    users = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    for name in ("config.toml", "config"):
        if (users / name).is_file():
            shutil.copy(users / name, private / name)
    return private


def _install(library: Path) -> None:
    """Copy under another name, then rename: a half-written library is never found, and two builds do no harm."""
    target = liboqs.cache_directory() / "lib" / "liboqs.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(f".{os.getpid()}")
    shutil.copyfile(library.resolve(), partial)
    partial.replace(target)


def _say(line: str) -> None:
    sys.stderr.write(f"liboqs: {line}\n")


def _tool(name: str, install: str) -> str:
    """The tool beside this Python (a wheel of the virtual environment), on the path, or where rustup puts cargo."""
    places = (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), str(Path.home() / ".cargo" / "bin"))
    found = shutil.which(name, path=os.pathsep.join(places))
    if found is None:
        raise BuildFailed(f"{name} is missing on this {platform.system()} machine: run `{install}`")
    return found


def _run(command: list[str], cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    if done.returncode:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise BuildFailed(f"`{' '.join(command[:3])} ...` failed with status {done.returncode}:\n{last}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())

"""The adapter around the binding: it never builds or prints, says what is missing, and gives the random source back."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness.crypto import liboqs

REPOSITORY = Path(__file__).parents[3]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_without_library_nothing_is_built_and_the_rest_works(tmp_path: Path) -> None:
    """The binding's own import would clone and build; it must not even be imported."""
    done = run(
        "import sys\n"
        "from harness.crypto.key_exchange import available_methods, key_exchange, unavailable_reason\n"
        "from harness.crypto import liboqs\n"
        "liboqs.ctypes.util.find_library = lambda name: None\n"
        "print(unavailable_reason(35)); print(len(available_methods())); print('oqs' in sys.modules)\n"
        "try: key_exchange(35)\n"
        "except Exception as error: print(type(error).__name__, error)\n",
        XDG_CACHE_HOME=str(tmp_path),
        HOME=str(tmp_path),
        OQS_INSTALL_PATH=str(tmp_path / "nothing"),
    )
    reason = "liboqs is missing (ML-KEM-512 and sntrup761 need it): run `make liboqs`"
    assert done.stdout.splitlines() == [reason, "14", "False", f"MethodUnavailable {reason}"]
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_broken_library_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "liboqs.so").write_bytes(b"not a library")
    done = run(
        "from harness.crypto import liboqs; print(liboqs.unavailable_reason())",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        OQS_INSTALL_PATH=str(tmp_path),
    )
    assert done.stdout.startswith("liboqs cannot be loaded (")
    assert done.stdout.endswith("run `make liboqs`\n")
    assert done.stderr == ""


@pytest.mark.liboqs
def test_import_is_silent_and_takes_the_library_that_was_found() -> None:
    found = liboqs.find_library()
    assert found is not None
    done = run(
        "import ctypes.util, warnings\n"
        "find = ctypes.util.find_library\n"
        "from harness.crypto import liboqs, ml_kem\n"
        "kem = ml_kem.provider(35, 'liboqs')\n"
        "assert ctypes.util.find_library is find\n"
        "import oqs; assert oqs.native()._name, oqs.native()._name\n"
        "import sys; sys.stdout.write(oqs.native()._name)\n"
    )
    assert done.stdout == str(found)
    assert done.stderr == ""


@pytest.mark.liboqs
def test_random_source_is_given_back_after_use_and_after_an_error() -> None:
    public, _ = liboqs.keypair_from_seed("ML-KEM-512", bytes(64))
    fixed = [liboqs.encapsulate("ML-KEM-512", public, lambda octets: b"\7" * octets) for _ in range(2)]
    assert fixed[0] == fixed[1]

    def failing(_octets: int) -> bytes:
        raise OSError("no entropy")

    with pytest.raises(OSError, match="no entropy"):
        liboqs.encapsulate("ML-KEM-512", public, failing)
    with pytest.raises(ValueError, match="32 random octets are needed, not 31"):
        liboqs.encapsulate("ML-KEM-512", public, lambda octets: bytes(octets - 1))
    import oqs

    with oqs.KeyEncapsulation("ML-KEM-512") as kem:
        assert kem.encap_secret(public) != kem.encap_secret(public)


@pytest.mark.liboqs
def test_threads_do_not_share_a_random_source() -> None:
    public, _ = liboqs.keypair_from_seed("ML-KEM-768", bytes(64))
    expected = {n: liboqs.encapsulate("ML-KEM-768", public, lambda octets, n=n: bytes((n,)) * octets) for n in range(4)}
    wrong: list[int] = []

    def work(n: int) -> None:
        for _ in range(50):
            if liboqs.encapsulate("ML-KEM-768", public, lambda octets: bytes((n,)) * octets) != expected[n]:
                wrong.append(n)

    threads = [threading.Thread(target=work, args=(n,)) for n in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.liboqs
def test_secret_keys_do_not_print() -> None:
    _, secret_key = liboqs.keypair_from_seed("ML-KEM-512", bytes(64))
    assert repr(secret_key) == "SecretKey()"
    assert len(secret_key.octets) == 1632

"""Initialization vectors that come again or follow from those before."""

from __future__ import annotations

import os

import pytest

from harness.verify.checks.vectors import Vectors


def fault(vectors: Vectors, vector: bytes, ciphertext: bytes = b"", *, may_count: bool = False, key: int = 1) -> str:
    return vectors.fault(key, vector, ciphertext, vector + ciphertext, may_count=may_count)


def test_vectors_of_chance_are_nobodys_fault():
    vectors = Vectors()
    assert not any(fault(vectors, os.urandom(16), os.urandom(64)) for _ in range(100))


@pytest.mark.parametrize("may_count", [True, False])
def test_a_vector_comes_again(may_count):
    vectors = Vectors()
    assert fault(vectors, b"1" * 16, b"a", may_count=may_count) == ""
    assert fault(vectors, b"1" * 16, b"a", may_count=may_count) == ""  # the same packet once more
    assert "of an earlier one" in fault(vectors, b"1" * 16, b"b", may_count=may_count)
    assert fault(vectors, b"1" * 16, b"b", may_count=may_count, key=2) == ""


@pytest.mark.parametrize("way", ["big", "little"])
def test_a_counter_is_foreseen_in_cbc_alone(way):
    vectors, counters = Vectors(), Vectors()
    first, second = ((1 << 70).to_bytes(16, way), ((1 << 70) + 1).to_bytes(16, way))
    assert fault(vectors, first) == ""
    assert "counts on" in fault(vectors, second)
    assert fault(counters, first, may_count=True) == fault(counters, second, may_count=True) == ""


def test_the_last_block_of_a_ciphertext_is_foreseen():
    vectors, block = Vectors(), os.urandom(16)
    assert fault(vectors, os.urandom(16), os.urandom(32) + block) == ""
    assert fault(vectors, os.urandom(16), os.urandom(32)) == ""
    assert "last block" in fault(vectors, block, os.urandom(32))

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


@pytest.mark.parametrize("way", ["big", "little"])
@pytest.mark.parametrize(("step", "counts"), [(1 << 16, True), (-(1 << 16), True), ((1 << 16) + 1, False)])
def test_what_is_near_the_vector_before_counts_on(way, step, counts):
    """Either way, and not what is far: of vectors of chance none is near."""
    vectors, one = Vectors(), (1 << 70) + (1 << 30)
    assert fault(vectors, one.to_bytes(16, way)) == ""
    assert ("counts on" in fault(vectors, (one + step).to_bytes(16, way))) is counts


def test_a_vector_is_held_against_the_last_one_under_its_key():
    vectors, (one, two, far) = Vectors(), (n.to_bytes(16) for n in (1 << 70, (1 << 70) + 1, 1 << 90))
    assert fault(vectors, one) == fault(vectors, two, key=2) == ""
    assert fault(vectors, far) == fault(vectors, two) == ""


def test_a_last_block_is_foreseen_under_its_key_and_whatever_came_since():
    vectors, (early, late, first) = Vectors(), (os.urandom(16) for _ in range(3))
    assert fault(vectors, first, b"1" * 16 + early) == fault(vectors, os.urandom(16), late) == ""
    assert fault(vectors, early, key=2) == fault(vectors, b"1" * 16) == ""
    assert "last block" in fault(vectors, early)
    assert "last block" in fault(vectors, late)
    assert fault(Vectors(), early, early) == "", "its own is not there yet"

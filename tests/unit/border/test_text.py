"""Text from outside: harmless to a terminal, a reader and a file of UTF-8."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.border.text import decoded, harmless, in_a_line, left_out, without_middle


@given(st.text(st.characters()))
def test_whatever_it_was(text):
    kept = harmless(text)
    assert all(character.isprintable() or character in "\n\t" for character in kept)
    assert kept.encode("utf-8").decode() == kept
    assert harmless(kept) == kept


@given(st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Mn"))))
def test_what_is_printed_stays(text):
    assert harmless(text) == text


def test_what_is_replaced_can_be_seen():
    assert harmless("a\x1b[31mb\0c\x7f\x9b") == "a\\x1b[31mb\\x00c\\x7f\\x9b"
    assert harmless("user\u202etxt.exe\u2066\u200b\ufeff") == "user\\u202etxt.exe\\u2066\\u200b\\ufeff"
    assert harmless("\ud800\U000e0041") == "\\ud800\\U000e0041"
    assert harmless("one\r\ntwo\tthree\rfour\u2028five\x85six") == "one\ntwo\tthree\\x0dfour\\u2028five\\x85six"


def test_octets():
    assert decoded(b"gr\xc3\xbc\xc3\x9f \xff\x1b") == "grüß \ufffd\\x1b"


def test_one_line():
    assert in_a_line("a\n\n b\tc\r\nd ") == "a b c d"
    assert in_a_line("x" * 12, 10) == "xxxxxxxxxx... (2 more characters)"
    assert "\n" not in in_a_line("\x0b\x0c\u2029")


def test_what_is_cut_is_told():
    assert without_middle("0123456789", 10) == "0123456789"
    cut = without_middle("a" * 3000 + "b" * 3000, 1000)
    assert cut == f"{'a' * 500}\n(ipsec-interop: 5,000 characters are left out here)\n{'b' * 500}"
    assert left_out(1, "octets", ": why") == "(ipsec-interop: 1 octets are left out here: why)"

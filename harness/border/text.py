"""Text from outside, made harmless: what a peer says may be shown on a terminal, in a page, and be stored as UTF-8.

A terminal obeys control characters, a reader is deceived by those that turn the direction of writing or that nobody
sees, and a lone surrogate cannot be written as UTF-8 at all. Each is replaced by its escape, so that a person sees what
was there: ``\\x1b``, ``\\u202e``. Line feed and tabulator stay.

Markup (of Rich, Markdown, HTML) is harmless here: whoever writes such a format escapes what it is given.
"""

from __future__ import annotations

import re

from harness.border import limits

_SUSPECT = re.compile(r"[^\n\t\x20-\x7e]")


def harmless(text: str) -> str:
    """``text`` with every character that is not printed as itself replaced by its escape.

    What is harmless already stays as it is. A line ends in a line feed alone.
    """
    return _SUSPECT.sub(_escaped, text.replace("\r\n", "\n"))


def decoded(octets: bytes) -> str:
    """Octets from outside as harmless text. What is no UTF-8 becomes U+FFFD."""
    return harmless(octets.decode("utf-8", errors="replace"))


def in_a_line(text: str, limit: int = limits.WORDS) -> str:
    """Harmless text on one line, with single blanks; beyond ``limit`` characters it says how many more there are."""
    line = " ".join(harmless(text).split())
    return line if len(line) <= limit else f"{line[:limit]}... ({len(line) - limit} more characters)"


def without_middle(text: str, limit: int) -> str:
    """``text``, or its beginning and its end with a line between them that says how much is left out."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-(limit // 2) :]
    return f"{head}\n{left_out(len(text) - len(head) - len(tail), 'characters')}\n{tail}"


def left_out(count: int, unit: str, more: str = "") -> str:
    """The line that stands where something was cut: ``(ipsec-interop: 7 octets are left out here)``."""
    return f"(ipsec-interop: {count:,} {unit} are left out here{more})"


def _escaped(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable():
        return character
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"

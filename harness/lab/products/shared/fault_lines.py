"""The lines of a log in which a program or its kernel tells of a fault of its own."""

from __future__ import annotations

import re
from itertools import islice

from harness.border import limits
from harness.border.text import in_a_line

# A sanitizer's report; what glibc says before it aborts; the products' own words; a kernel's.
_FAULT = re.compile(
    r"(?:ERROR|WARNING|SUMMARY): \w+Sanitizer\b|: runtime error: "
    r"|double free or corruption|free\(\): invalid|malloc\(\): |corrupted size vs|stack smashing detected"
    r"|thread \d+ received \d+|received critical signal|\b[1-9]\d* leaks? detected"
    r"|ASSERTION FAILED|EXPECTATION FAILED|leak detective found [1-9]|\bleak: "
    r"|Kernel panic|Oops: |\bBUG: |segfault at |Segmentation fault|general protection fault"
)

_LOST_CHILD = "lost child: "
_LOST_HOW = re.compile(r" (?:terminated|exited abnormally)")


def is_fault(line: str) -> bool:
    """Whether a line tells of a crash, a failed assertion, a broken memory or a leak."""
    return bool(_FAULT.search(line)) or bool(_LOST_HOW.search(line.partition(_LOST_CHILD)[2]))


def fault_lines(log: str) -> tuple[str, ...]:
    """Such lines of a log, in its order; of a log that is nothing else the first of them."""
    found = (in_a_line(line) for line in log.splitlines() if is_fault(line))
    return tuple(islice(found, limits.FAULT_LINES))

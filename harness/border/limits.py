"""The limits of what comes in from outside, all in one table. Each is generous: a product that behaves is far below it.

What is over a limit is never taken for the whole. An answer is refused; a log is cut, with a line that says what is
left out.
"""

from __future__ import annotations

KIBI, MEBI = 1 << 10, 1 << 20

# Octets that are read of one thing.
ANSWER_OCTETS = 4 * MEBI
"""What a command in a container prints, a control program answers, a control interface says to one request."""
LOG_OCTETS = 4 * MEBI
"""What is kept of a container's log, from its end."""
STDERR_OCTETS = 64 * KIBI
"""What a program says on standard error, for a message: the end of it."""
WORKER_LINE_OCTETS = 16 * MEBI
"""One line of the worker: a whole conversation, its capture in hexadecimal digits; a case's budget is far below."""
STORED_FILE_OCTETS = 512 * MEBI
"""One file of a stored run or of its evidence, read back."""
TOML_OCTETS = 1 * MEBI
"""One scenario, peer, profile, suite or catalogue."""

# Numbers of things.
FOREIGN_FILES = 100
"""Files that a control program says it made of one configuration."""
FAULT_LINES = 1000
"""Lines of a log that tell of a fault."""

CASE_FRAMES, CASE_FRAME_OCTETS = 2000, 2 * MEBI
"""Frames of one case, and their octets: no case of a product that behaves has had 100, or 32 KiB."""
CASE_TRACE_ENTRIES, CASE_TRACE_OCTETS = 2000, 512 * KIBI
"""What our engine notes of one case: no such case has had 50 entries."""

JSON_DEPTH, TOML_DEPTH = 64, 16
"""Lists and tables in each other. Records have eight, scenarios and peers five."""
DIGITS = 20
"""Of a number in what a peer says, and in a record: a counter of 64 bits has twenty."""

# Characters that are shown.
WORDS = 2000
"""A peer's own words in one sentence: a version, a state, why it refused."""
ERROR = 8000
"""The text of one error, the end of a log included."""

# Names of files (octets in UTF-8), and how deep they may be.
NAME_PART_OCTETS = 255
NAME_OCTETS = 1024
NAME_PARTS = 8

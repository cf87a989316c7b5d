"""The names of all checks: what a scenario file may ask for."""

from __future__ import annotations

from harness.verify.checks import CHECKS
from harness.verify.pair.checks import PAIR_CHECKS

CHECK_NAMES = frozenset(CHECKS) | frozenset(PAIR_CHECKS)

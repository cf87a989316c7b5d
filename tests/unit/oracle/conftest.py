"""What the scenario tests share. The check names are the verifier's vocabulary; it stands above this layer."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

CHECKS = frozenset(
    {
        "negotiated-as-predicted", "answer-is-a-subset-of-the-offer", "authenticated", "keys-depend-on-every-exchange",
        "key-exchange-sizes", "esp-both-ways", "fragments-within", "refused-with", "retry-repeats-the-offer",
        "cookie-returned-first", "no-intermediate-exchange", "liveness-answered", "deleted-on-both-sides",
        "message-ids-in-sequence", "peer-agrees",
    }
)  # fmt: skip


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def checks() -> frozenset[str]:
    return CHECKS

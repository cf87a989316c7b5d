"""Where random octets come from: always an argument, so that a fixed source replays a whole exchange bit for bit."""

from __future__ import annotations

from collections.abc import Callable

Rng = Callable[[int], bytes]
"""Called with a number of octets, returns exactly that many random octets (``secrets.token_bytes`` in a real run)."""

"""What the template of a connection is told, whatever product it is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.lab.driver import Connection
from harness.policy.proposals import Policy


def connection_variables(connection: Connection, proposals: Callable[[Policy], list[str]]) -> dict[str, Any]:
    """The variables by name; ``proposals`` spells a policy as the product does.

    A product that is to run with its own defaults is told no proposals.

    Raises:
        Inexpressible: the product has no keyword for an algorithm of the policy.
    """
    return {
        "name": connection.name,
        "local_address": connection.local_address,
        "remote_address": connection.remote_address,
        "local_identity": connection.local_identity,
        "remote_identity": connection.remote_identity,
        "local_ts": connection.local_ts,
        "remote_ts": connection.remote_ts,
        "psk_hex": connection.psk_hex,
        "mobike": connection.mobike,
        "mode": connection.mode.value,
        "ike_proposals": [] if connection.own_defaults else proposals(connection.policy.ike),
        "esp_proposals": [] if connection.own_defaults else proposals(connection.policy.esp),
    }

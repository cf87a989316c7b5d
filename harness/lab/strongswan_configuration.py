"""How strongSwan is configured: strongswan.conf of its daemon, swanctl.conf of one connection."""

from __future__ import annotations

from pathlib import Path

from harness.lab.driver import Connection, DaemonSettings
from harness.lab.strongswan_keywords import proposals
from harness.lab.templates import render
from harness.scenario.peer import Peer


def render_daemon(peer: Peer, settings: DaemonSettings, start_script: str = "") -> str:
    """strongswan.conf of one peer and its daemon-wide settings."""
    return render(
        peer.folder / "templates" / "strongswan.conf.j2",
        version=peer.version,
        esp_implementation=peer.esp_implementation,
        fragment_size=settings.fragment_size,
        cookie_threshold=settings.cookie_threshold,
        start_script=start_script,
    )


def render_connection(templates: Path, connection: Connection) -> str:
    """swanctl.conf of one connection.

    Raises:
        Inexpressible: strongSwan has no keyword for an algorithm of the policy.
        TemplateError: the template uses a variable that is not given.
    """
    return render(
        templates / "swanctl.conf.j2",
        name=connection.name,
        local_address=connection.local_address,
        remote_address=connection.remote_address,
        local_identity=connection.local_identity,
        remote_identity=connection.remote_identity,
        psk_hex=connection.psk_hex,
        mobike=connection.mobike,
        mode=connection.mode.value,
        ike_proposals=[] if connection.own_defaults else proposals(connection.policy.ike),
        esp_proposals=[] if connection.own_defaults else proposals(connection.policy.esp),
        local_ts=connection.local_ts,
        remote_ts=connection.remote_ts,
    )

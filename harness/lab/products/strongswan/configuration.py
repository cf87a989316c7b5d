"""How strongSwan is configured: strongswan.conf of its daemon, swanctl.conf of one connection."""

from __future__ import annotations

from pathlib import Path

from harness.lab.driver import Connection, DaemonSettings
from harness.lab.products.shared.connection_variables import connection_variables
from harness.lab.products.shared.templates import render
from harness.lab.products.strongswan.keywords import proposals
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
    return render(templates / "swanctl.conf.j2", **connection_variables(connection, proposals))

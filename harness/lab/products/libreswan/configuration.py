"""How Libreswan is configured: ipsec.conf and ipsec.secrets, of its daemon and of one connection."""

from __future__ import annotations

from harness.lab.driver import Connection, DaemonSettings
from harness.lab.products.libreswan.keywords import esn_setting, proposals
from harness.lab.products.shared.connection_variables import connection_variables
from harness.lab.products.shared.pem_files import pem_files
from harness.lab.products.shared.templates import render
from harness.registry.transforms import TransformType
from harness.scenario.peer import Peer


def render_daemon(peer: Peer, settings: DaemonSettings) -> dict[str, str]:
    """ipsec.conf and ipsec.secrets of the daemon, by absolute path."""
    templates = peer.folder / "templates"
    return {
        "/etc/ipsec.conf": render(templates / "ipsec.conf.j2", cookie_threshold=settings.cookie_threshold),
        "/etc/ipsec.secrets": render(templates / "ipsec.secrets.j2"),
    }


def render_connection(peer: Peer, connection: Connection) -> dict[str, str]:
    """ipsec.conf and ipsec.secrets of one connection.

    Raises:
        Inexpressible: Libreswan has no keyword for an algorithm of the policy.
        TemplateError: a template uses a variable that is not given.
    """
    templates = peer.folder / "templates"
    variables = connection_variables(connection, proposals) | {
        "local_identity": _identity(connection.local_identity),
        "remote_identity": _identity(connection.remote_identity),
        "version": peer.version,
        "esn": esn_setting(connection.policy.esp),
        "pfs": any(proposal.of(TransformType.KE) for proposal in connection.policy.esp),
        "intermediate": connection.announce_intermediate,
    }
    conf = render(templates / "connection.conf.j2", **variables)
    secrets = render(templates / "connection.secrets.j2", **variables)
    return {"ipsec.conf": conf, "ipsec.secrets": secrets, **pem_files(connection)}


def _identity(identity: str) -> str:
    """``@name`` for a domain name; ``%any`` as it is."""
    return identity if identity.startswith("%") else f"@{identity}"

"""How Libreswan is configured: ipsec.conf and ipsec.secrets, of its daemon and of one connection."""

from __future__ import annotations

from harness.lab.driver import Connection, DaemonSettings
from harness.lab.libreswan_keywords import esn_setting, proposals
from harness.lab.pem_files import pem_files
from harness.lab.templates import render
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
    identities = {
        "local_identity": _identity(connection.local_identity),
        "remote_identity": _identity(connection.remote_identity),
    }
    conf = render(
        templates / "connection.conf.j2",
        version=peer.version,
        name=connection.name,
        local_address=connection.local_address,
        remote_address=connection.remote_address,
        local_ts=connection.local_ts,
        remote_ts=connection.remote_ts,
        ike_proposals=[] if connection.own_defaults else proposals(connection.policy.ike),
        esp_proposals=[] if connection.own_defaults else proposals(connection.policy.esp),
        esn=esn_setting(connection.policy.esp),
        pfs=any(proposal.of(TransformType.KE) for proposal in connection.policy.esp),
        mobike=connection.mobike,
        intermediate=connection.announce_intermediate,
        mode=connection.mode.value,
        psk_hex=connection.psk_hex,
        **identities,
    )
    secrets = render(templates / "connection.secrets.j2", psk_hex=connection.psk_hex, **identities)
    return {"ipsec.conf": conf, "ipsec.secrets": secrets, **pem_files(connection)}


def _identity(identity: str) -> str:
    """``@name`` for a domain name; ``%any`` as it is."""
    return identity if identity.startswith("%") else f"@{identity}"

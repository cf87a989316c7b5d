"""How OpenIKED is configured: iked.conf, with one connection or none, and the files of its certificate."""

from __future__ import annotations

from harness.crypto.certificates import EndCertificate
from harness.lab.driver import Connection
from harness.lab.products.openiked.keywords import proposals
from harness.lab.products.shared.connection_variables import connection_variables
from harness.lab.products.shared.templates import render
from harness.policy.role import Role
from harness.scenario.peer import Peer


def render_daemon(peer: Peer) -> str:
    """iked.conf without a connection."""
    return render(peer.folder / "templates" / "iked.conf.j2")


def render_connection(peer: Peer, connection: Connection) -> str:
    """iked.conf with one connection.

    Raises:
        Inexpressible: OpenIKED has no keyword for an algorithm of the policy.
        TemplateError: the template uses a variable that is not given.
    """
    variables = connection_variables(connection, proposals) | {
        "active": connection.role is Role.INITIATOR,
        "local_address": connection.local_address.replace("%", ""),
        "remote_address": connection.remote_address.replace("%", ""),
        "local_ts": connection.local_inner,
        "remote_ts": connection.remote_inner,
    }
    return render(peer.folder / "templates" / "connection.conf.j2", **variables)


def certificate_files(connection: Connection) -> dict[str, str]:
    """The files below /etc/iked that hold certificate, key and authority; empty where there is no certificate.

    There is one key, that of the connection: iked does without none, so that the next one takes its place.
    """
    proof = connection.authentication
    if not isinstance(proof, EndCertificate):
        return {}
    return {
        "ca/ca.crt": proof.authority,
        f"certs/{connection.local_identity}.crt": proof.certificate,
        "private/local.key": proof.private_key,
    }

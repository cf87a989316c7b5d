"""Certificates as strongSwan takes them over vici: the messages that stand for the files of swanctl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.crypto.certificates import EndCertificate
from harness.lab.driver import Connection


def vici_credentials(connection: Connection) -> Iterator[tuple[str, dict[str, Any]]]:
    """The commands that give the daemon the authority's certificate, and the connection's own with its key."""
    proof = connection.authentication
    if isinstance(proof, EndCertificate):
        yield "load-cert", {"type": "X509", "flag": "CA", "data": proof.authority}
        yield "load-cert", {"type": "X509", "flag": "NONE", "data": proof.certificate}
        yield "load-key", {"type": "ecdsa", "data": proof.private_key}


def with_certificates(message: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, Any]:
    """A ``load-conn`` message with the content of the certificates in the place of the names of their files."""
    filled = {}
    for name, body in message.items():
        local = body["local"]
        if "certs" in local:
            local = {**local, "certs": [files[each] for each in local["certs"]]}
        filled[name] = {**body, "local": local}
    return filled

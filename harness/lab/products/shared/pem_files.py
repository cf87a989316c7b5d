"""The certificate of a connection as files, for products that name them after it."""

from __future__ import annotations

from harness.crypto.certificates import EndCertificate
from harness.lab.driver import Connection


def pem_files(connection: Connection) -> dict[str, str]:
    """Certificate, key and authority in PEM by file name; empty where there is no certificate."""
    proof = connection.authentication
    if not isinstance(proof, EndCertificate):
        return {}
    name = connection.name
    return {f"{name}.pem": proof.certificate, f"{name}.key.pem": proof.private_key, "ca.pem": proof.authority}

"""Certificates as Libreswan takes them: in the NSS database of its host, by a name of their own."""

from __future__ import annotations

import base64
import shlex

from harness.crypto.certificates import EndCertificate
from harness.lab.driver import Connection

_DATABASE = "sql:/var/lib/ipsec/nss"
_AUTHORITY = "interop-test-authority"
_PASSWORD = "in-transit"  # noqa: S105 - PKCS #12 needs one; the key is made for the run and ends with it


def files(connection: Connection) -> dict[str, str]:
    """What the database is given, by file name; empty where there is no certificate."""
    proof = connection.authentication
    if not isinstance(proof, EndCertificate):
        return {}
    name = connection.name
    return {f"{name}.pem": proof.certificate, f"{name}.key.pem": proof.private_key, "ca.pem": proof.authority}


def import_script(connection: Connection) -> str:
    """The commands that put authority, certificate and key there; "" where there is no certificate."""
    proof = connection.authentication
    if not isinstance(proof, EndCertificate):
        return ""
    bundle = base64.b64encode(proof.pkcs12(connection.name, _PASSWORD)).decode()
    path = f"/run/cases/{connection.name}.p12"
    return (
        f"echo {shlex.quote(proof.authority)} | certutil -A -a -d {_DATABASE} -n {_AUTHORITY} -t CT,, && "
        f"echo {bundle} | base64 -d >{path} && "
        f"pk12util -i {path} -d {_DATABASE} -W {_PASSWORD} && rm {path}"
    )


def delete_script(name: str) -> str:
    """The command that takes the certificate and its key out again."""
    return f"certutil -F -d {_DATABASE} -n {name}; "

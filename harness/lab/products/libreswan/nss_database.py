"""Certificates as Libreswan takes them: in the NSS database of its host, by a name of their own."""

from __future__ import annotations

import base64

from harness.crypto.certificates import EndCertificate
from harness.lab.driver import Connection
from harness.lab.hosts.commands import output_of, shell
from harness.lab.hosts.host import CommandHost

_DATABASE = "sql:/var/lib/ipsec/nss"
_AUTHORITY = "interop-test-authority"
_PASSWORD = "in-transit"  # noqa: S105 - PKCS #12 needs one; the key is made for the run and ends with it

# Arguments: the authority's certificate, certificate and key in PKCS #12 and base64, a path for the latter.
_ADD = f"""\
printf '%s\\n' "$1" | certutil -A -a -d {_DATABASE} -n {_AUTHORITY} -t CT,, &&
printf %s "$2" | base64 -d >"$3" &&
pk12util -i "$3" -d {_DATABASE} -W {_PASSWORD} && rm "$3"
"""


def add(container: CommandHost, connection: Connection) -> None:
    """Put authority, certificate and key there; nothing where there is no certificate.

    Raises:
        PeerUnreachable: the database does not take them.
    """
    proof = connection.authentication
    if isinstance(proof, EndCertificate):
        name = connection.name
        bundle = base64.b64encode(proof.pkcs12(name, _PASSWORD)).decode()
        command = shell(_ADD, proof.authority, bundle, f"/run/cases/{name}.p12")
        output_of(container, f"certificate of {name}", command)


def delete(container: CommandHost, connection: Connection) -> None:
    """Take the connection's certificate and its key out again, if they are there."""
    if isinstance(connection.authentication, EndCertificate):
        container.run(["certutil", "-F", "-d", _DATABASE, "-n", connection.name])

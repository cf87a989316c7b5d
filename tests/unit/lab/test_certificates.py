"""A connection with a certificate, as each product takes it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.crypto.certificates import Authority
from harness.lab import nss_database
from harness.lab.drivers import driver_family
from harness.lab.strongswan_credentials import credential_files, vici_credentials, with_certificates
from harness.lab.swanctl_syntax import connections, parse
from harness.scenario.peer_file import load_peers

END = Authority("test authority", datetime(2026, 11, 21, tzinfo=UTC)).issue("peer.lab")


@pytest.fixture
def certified(connection):
    return replace(connection, authentication=END, own_defaults=True)


@pytest.mark.parametrize(
    ("name", "has", "lacks"),
    [
        ("strongswan-6.1", "auth = pubkey", "secret"),
        ("libreswan-5.2", "leftcert=case-7", "authby=secret"),
        ("openiked-7.4", "srcid peer.lab", "psk"),
    ],
)
def test_no_other_means_to_authenticate_is_configured(root, certified, name, has, lacks):
    peer = load_peers(root / "peers")[name]
    files = driver_family(peer.driver).connection_files(peer, certified)
    configuration = next(iter(files.values()))
    assert has in configuration and lacks not in configuration
    assert {END.certificate, END.authority, END.private_key} <= set(files.values())
    assert "PSK" not in "".join(files.values()).partition("-----BEGIN")[0]


def test_strongswan_gets_the_content_of_its_files(root, certified):
    peer = load_peers(root / "peers")["strongswan-6.1"]
    files = driver_family("vici").connection_files(peer, certified)
    (message,) = connections(parse(files["swanctl.conf"]))
    assert message["case-7"]["local"]["certs"] == ["case-7.pem"]
    (filled,) = with_certificates(message, files).values()
    assert filled["local"]["certs"] == [END.certificate]
    assert [(command, told["data"]) for command, told in vici_credentials(certified)] == [
        ("load-cert", END.authority),
        ("load-cert", END.certificate),
        ("load-key", END.private_key),
    ]


def test_a_pre_shared_key_needs_no_files(connection):
    assert credential_files(connection) == {} == nss_database.files(connection)
    assert nss_database.import_script(connection) == "" and list(vici_credentials(connection)) == []


def test_libreswan_imports_and_forgets_by_the_connections_name(certified):
    script = nss_database.import_script(certified)
    assert "certutil -A" in script and "pk12util -i /run/cases/case-7.p12" in script and "&& rm " in script
    assert nss_database.delete_script("case-7").startswith("certutil -F")

"""A connection with a certificate, as each product takes it."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from harness.crypto.certificates import Authority
from harness.lab.drivers import driver_family
from harness.lab.errors import PeerUnreachable
from harness.lab.products.libreswan import nss_database
from harness.lab.products.shared.pem_files import pem_files
from harness.lab.products.strongswan.credentials import vici_credentials, with_certificates
from harness.lab.products.strongswan.swanctl_syntax import connections, parse
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
    assert pem_files(connection) == {}
    assert list(vici_credentials(connection)) == []


class Container:
    """Where every program succeeds, or fails with these words."""

    name = "libreswan"

    def __init__(self, words=""):
        self.words = words
        self.ran = []

    def run(self, command):
        self.ran.append(list(command))
        return int(bool(self.words)), self.words


def test_libreswan_imports_and_forgets_by_the_connections_name(certified):
    container = Container()
    nss_database.add(container, certified)
    nss_database.delete(container, certified)
    (_, _, script, _, *values), delete = container.ran
    assert "certutil -A" in script and 'pk12util -i "$3"' in script
    assert values[0] == END.authority and values[2] == "/run/cases/case-7.p12"
    assert END.authority not in script and "case-7" not in script
    assert delete[:2] == ["certutil", "-F"] and delete[-1] == "case-7"


def test_libreswan_needs_no_database_for_a_pre_shared_key(connection):
    container = Container()
    nss_database.add(container, connection)
    nss_database.delete(container, connection)
    assert container.ran == []


def test_a_database_that_takes_no_certificate_is_an_error_in_its_words(certified):
    with pytest.raises(PeerUnreachable, match="libreswan: certificate of case-7: SEC_ERROR_BAD_DATABASE"):
        nss_database.add(Container("SEC_ERROR_BAD_DATABASE"), certified)

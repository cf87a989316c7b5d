"""A connection, as every driver is given it."""

from dataclasses import replace

import pytest

from harness.lab.errors import ConfigurationSyntax


@pytest.mark.parametrize("name", ["a.b", "a/b", "a b", ""])
def test_a_name_that_is_no_section_is_refused(connection, name):
    with pytest.raises(ConfigurationSyntax, match="connection name"):
        replace(connection, name=name)


def test_the_connection_does_not_show_its_key(connection):
    assert repr(bytes.fromhex(connection.psk_hex)) not in repr(connection)
    assert "psk" not in repr(connection)


@pytest.mark.parametrize(("inner", "selector"), [("10.98.0.7", "10.98.0.7/32"), ("fd00::7", "fd00::7/128")])
def test_the_traffic_selectors_are_of_one_host(connection, inner, selector):
    assert replace(connection, local_inner=inner).local_ts == selector
    assert replace(connection, remote_inner=inner).remote_ts == selector

"""What strongSwan is told: the rendered files."""

import shutil
from dataclasses import replace

import pytest

from harness.lab.driver import DaemonSettings
from harness.lab.errors import TemplateError
from harness.lab.products.strongswan.configuration import render_connection, render_daemon
from harness.lab.products.strongswan.swanctl_syntax import connections, parse, shared_keys


def test_the_connection_says_only_what_the_case_asks_for(peer, connection):
    message = connections(parse(render_connection(peer.folder / "templates", connection)))[0]["case-7"]
    assert message["version"] == "2"
    assert message["proposals"] == ["aes256gcm16-prfsha256-curve25519-ke1_mlkem768"]
    assert message["local_addrs"] == ["172.18.0.3"]
    assert message["remote_addrs"] == ["172.18.128.7"]
    assert (message["mobike"], message["fragmentation"], message["unique"]) == ("no", "yes", "never")
    assert message["local"] == {"auth": "psk", "id": "peer.lab"}
    assert message["remote"] == {"auth": "psk", "id": "engine-7.lab"}
    assert {message[key] for key in ("rekey_time", "reauth_time", "over_time", "dpd_delay")} == {"0s"}
    child = message["children"]["case-7"]
    assert child["esp_proposals"] == ["aes256gcm16-noesn"]
    assert (child["local_ts"], child["remote_ts"]) == (["10.99.0.1/32"], ["10.98.0.7/32"])
    assert (child["mode"], child["start_action"], child["rekey_time"]) == ("tunnel", "none", "0s")


def test_the_key_is_octets_whatever_they_are(peer, connection):
    [key] = shared_keys(parse(render_connection(peer.folder / "templates", connection)))
    assert key["data"] == b"\x00key"
    assert key["owners"] == ["peer.lab", "engine-7.lab"]


def test_mobike_and_ipv6_inner_hosts(peer, connection):
    other = replace(connection, mobike=True, local_inner="fd00::1", remote_inner="fd00::2")
    message = connections(parse(render_connection(peer.folder / "templates", other)))[0]["case-7"]
    assert message["mobike"] == "yes"
    assert message["children"]["case-7"]["remote_ts"] == ["fd00::2/128"]


def test_daemon_settings_make_the_text_differ_and_defaults_stay_the_products(peer):
    plain = render_daemon(peer, DaemonSettings())
    assert "fragment_size" not in plain
    assert "cookie_threshold = 0" in plain
    assert "    fragment_size = 576\n" in render_daemon(peer, DaemonSettings(fragment_size=576))
    assert "    cookie_threshold = 1\n" in render_daemon(peer, DaemonSettings(cookie_threshold=1))


def test_each_version_is_told_only_what_it_knows(peer):
    assert "cookie_threshold_ip" not in render_daemon(replace(peer, version="5.9"), DaemonSettings())
    assert "cookie_threshold_ip" in render_daemon(peer, DaemonSettings())
    assert "kernel-libipsec" not in render_daemon(replace(peer, esp_implementation="kernel"), DaemonSettings())


def test_a_missing_template_variable_is_one_line_with_file_and_line(peer, connection, tmp_path):
    shutil.copytree(peer.folder / "templates", tmp_path / "templates")
    template = tmp_path / "templates" / "swanctl.conf.j2"
    text = template.read_text().replace("{{ mobike", "{{ mobile")
    text = text.replace('mobike = {{ "yes" if mobike', 'mobike = {{ "yes" if mobile')
    template.write_text(text)
    line = 1 + next(n for n, row in enumerate(text.splitlines()) if "mobile" in row)
    with pytest.raises(TemplateError) as caught:
        render_connection(tmp_path / "templates", connection)
    assert str(caught.value) == f"{template}:{line}: 'mobile' is undefined"

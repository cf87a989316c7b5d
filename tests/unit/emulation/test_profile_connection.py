"""Daemon-wide settings of a case."""

from dataclasses import replace

from harness.emulation.profile_connection import daemon_settings
from harness.lab.docker_runtime import project_root
from harness.lab.driver import DaemonSettings
from harness.scenario.model import Settings
from harness.scenario.peer_file import load_peers


def test_a_plain_peer_has_only_what_the_scenario_asks_for():
    peer = load_peers(project_root() / "peers")["strongswan-6.1"]
    assert daemon_settings(peer, Settings()) == DaemonSettings()
    assert daemon_settings(peer, Settings(fragment_size=576)) == DaemonSettings(fragment_size=576)
    assert daemon_settings(peer, Settings(require_cookie=True)) == DaemonSettings(cookie_threshold=1)


def test_a_profile_brings_its_fragment_size_unless_the_scenario_tests_one():
    peers = load_peers(project_root() / "peers")
    emulated = next(peer for peer in peers.values() if peer.profile)
    emulated = replace(emulated, profile=replace(emulated.profile, fragment_size=1200))
    assert daemon_settings(emulated, Settings()).fragment_size == 1200
    assert daemon_settings(emulated, Settings(fragment_size=576)).fragment_size == 576

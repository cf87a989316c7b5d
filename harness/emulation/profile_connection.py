"""What a vendor's profile and a scenario together ask of the daemon that wears the profile."""

from __future__ import annotations

from harness.lab.driver import DaemonSettings
from harness.scenario.model import Settings
from harness.scenario.peer import Peer

COOKIE_THRESHOLD = 1
"""One half-open IKE SA makes strongSwan demand cookies: the least that still lets it be set up (5.9, 6.0, 6.1)."""


def daemon_settings(peer: Peer, settings: Settings) -> DaemonSettings:
    """The daemon-wide settings of a case. What the scenario tests comes before what the vendor documents."""
    documented = peer.profile.fragment_size if peer.profile else None
    return DaemonSettings(
        fragment_size=settings.fragment_size or documented,
        cookie_threshold=COOKIE_THRESHOLD if settings.require_cookie else None,
    )

"""Templates tried before anything starts: a mistake in one is told once, with file and line, not by every case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from harness.lab.driver import Connection, DaemonSettings
from harness.lab.drivers import driver_family
from harness.lab.errors import Inexpressible
from harness.policy.role import Role
from harness.run.case import Case
from harness.run.configure import connection, daemon_settings, make_ends
from harness.scenario.peer import Peer

_ADDRESSES = ("192.0.2.2", "192.0.2.1")  # of no machine (RFC 5737)


def try_templates(cases: Iterable[Case]) -> None:
    """Render both configurations of every case that will be sent, and keep nothing.

    What a product has no word for concerns its case alone, which says so when it is played.

    Raises:
        TemplateError: a template does not parse or uses a variable that it is not given; file and line.
        ConfigurationSyntax: what was rendered is not what its product reads.
    """
    for case in cases:
        if case.expectation.skipped:
            continue
        for peer, daemon, configured in _configurations(case):
            family = driver_family(peer.driver)
            family.daemon_files(peer, daemon)
            with suppress(Inexpressible):
                family.connection_files(peer, configured)


def _configurations(case: Case) -> Iterator[tuple[Peer, DaemonSettings, Connection]]:
    ends = make_ends(case, 1, *_ADDRESSES)
    for role in Role:
        peer = case.party(role)
        if isinstance(peer, Peer):
            yield peer, daemon_settings(case, peer), connection(case, ends, role, peer)

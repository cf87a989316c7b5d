"""Templates tried before anything starts: a mistake in one is told once, with file and line, not by every case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from harness.lab.driver import Connection, DaemonSettings
from harness.lab.drivers import driver_family
from harness.lab.errors import Inexpressible
from harness.run.pair_parties import halves, pair_daemon_settings
from harness.run.pair_plan import PairCase
from harness.run.parties import connection, daemon_settings, make_secrets
from harness.run.plan import AnyCase
from harness.scenario.peer import Peer

_ADDRESSES = ("192.0.2.2", "192.0.2.1")  # of no machine (RFC 5737): engine, peer


def try_templates(cases: Iterable[AnyCase]) -> None:
    """Render both configurations of every case that will be sent, and keep nothing.

    What a product has no word for concerns its case alone, which says so when it is played.

    Raises:
        TemplateError: a template does not parse or uses a variable that it is not given; file and line.
        ConfigurationSyntax: what was rendered is not what its product reads.
    """
    for case in cases:
        if case.expectation.skipped:
            continue
        for peer, daemon, half in _halves(case):
            family = driver_family(peer.driver)
            family.daemon_files(peer, daemon)
            with suppress(Inexpressible):
                family.connection_files(peer, half)


def _halves(case: AnyCase) -> Iterator[tuple[Peer, DaemonSettings, Connection]]:
    if isinstance(case, PairCase):
        yield from zip(case.peers, pair_daemon_settings(case), halves(case, 1, _ADDRESSES), strict=True)
    else:
        yield case.peer, daemon_settings(case), connection(case, 1, *_ADDRESSES, make_secrets(case))

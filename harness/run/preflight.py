"""Templates tried before anything starts: a mistake in one is told once, with file and line, not by every case."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from harness.lab.drivers import driver_family
from harness.lab.errors import Inexpressible
from harness.run.parties import connection, daemon_settings, make_secrets
from harness.run.plan import Case

_ADDRESSES = ("192.0.2.2", "192.0.2.1")  # of no machine (RFC 5737): engine, peer


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
        family = driver_family(case.peer.driver)
        family.daemon_files(case.peer, daemon_settings(case))
        with suppress(Inexpressible):
            family.connection_files(case.peer, connection(case, 1, *_ADDRESSES, make_secrets(case)))

"""Whether a product is done with a step, by its own word: what it reported before the step, and what it reports now."""

from __future__ import annotations

from collections.abc import Collection

from harness.evidence.peer_report import PeerReport


def up(now: PeerReport) -> bool:
    """It has an IKE SA with a Child SA that is in use. One that cannot tell is taken at its last message."""
    return now.silent or any(sa.stands and sa.installed for sa in now.sas)


def gone(now: PeerReport) -> bool:
    """It has no IKE SA any more."""
    return not now.sas


def renewed(before: PeerReport, now: PeerReport, stuck: Collection[str], *, ike: bool) -> bool:
    """It uses as many SAs as before, none of those, and the old IKE SA has been deleted, which takes a while.

    ``ike`` tells whether the IKE SA was to be rekeyed, or the Child SA. A product that shows no SPIs is taken at its
    state. ``stuck`` are IKE SAs whose end was waited for in vain before, by the initiator's SPI.
    """
    here = [sa for sa in now.sas if sa.stands or sa.initiator_spi not in stuck]
    old, new = _spis(before, ike=ike), _spis(now, ike=ike)
    return up(now) and len(here) == 1 and (None in old or (len(new) == len(old) and not new & old))


def not_standing(now: PeerReport) -> set[str]:
    """The initiator's SPIs of IKE SAs that it still has, and no longer uses."""
    return {sa.initiator_spi for sa in now.sas if not sa.stands and sa.initiator_spi is not None}


def _spis(report: PeerReport, *, ike: bool) -> set[str | None]:
    """The SPIs of what it has in use: its IKE SAs, or its Child SAs."""
    sas = [sa for sa in report.sas if sa.stands]
    return {sa.initiator_spi for sa in sas} if ike else {child.spi_in for sa in sas for child in sa.installed}

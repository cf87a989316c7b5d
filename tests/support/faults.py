"""A lab in which something breaks under a case."""

from __future__ import annotations

from contextlib import contextmanager


class Sabotaged:
    """A driver that breaks something just before it does one thing for a case."""

    def __init__(self, driver, before, sabotage):
        self._driver, self._before, self._sabotage = driver, before, sabotage

    def __getattr__(self, name):
        if name == self._before and self._sabotage is not None:
            sabotage, self._sabotage = self._sabotage, None
            sabotage()
        return getattr(self._driver, name)


class FaultyLab:
    """The lab of the tests, with one fault in the first case that leases a peer."""

    def __init__(self, lab, before, sabotage):
        self._lab, self._before, self._sabotage = lab, before, sabotage
        self.leased = []

    def __getattr__(self, name):
        return getattr(self._lab, name)

    @contextmanager
    def lease(self, peer, daemon=None):
        with self._lab.lease(peer, daemon) as running:
            if not self.leased:
                running.driver = Sabotaged(running.driver, self._before, lambda: self._sabotage(running))
            self.leased.append(running.container.name)
            yield running

"""The one error of the codec."""

from __future__ import annotations


class MalformedMessage(ValueError):
    """Octets that are no IKEv2 message: what was expected, what stood there, and where."""

    def __init__(self, where: str, expected: str, got: object) -> None:
        super().__init__(f"{where}: expected {expected}, got {got}")
        self.where = where
        self.expected = expected
        self.got = str(got)


def need(condition: bool, where: str, expected: str, got: object) -> None:
    """Raise MalformedMessage unless the condition holds.

    Its arguments are made even when all is well, so that the payloads of every message raise by themselves instead.
    """
    if not condition:
        raise MalformedMessage(where, expected, got)

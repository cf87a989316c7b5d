"""What can go wrong in cryptography, and whose fault it is.

MethodUnavailable(Exception)          this machine lacks something; the message names the command that mends it
InvalidKeyExchangeData(ValueError)    the other side's Key Exchange Data breaks the method's rules
IntegrityError(Exception)             an integrity check value did not verify
"""

from __future__ import annotations


class MethodUnavailable(Exception):
    """An algorithm that this machine cannot compute. The message says what is missing and which command mends it."""


class InvalidKeyExchangeData(ValueError):
    """Key Exchange Data that a receiver must refuse: wrong length, point not on the curve, coefficient out of range.

    ``expected`` and ``got`` each complete the sentence of a finding; neither holds secrets.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected = expected
        self.got = got


class IntegrityError(Exception):
    """An integrity check value (ICV) or authentication tag did not verify; nothing was decrypted."""

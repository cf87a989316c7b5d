from __future__ import annotations

from harness.crypto.errors import InvalidKeyExchangeData


def test_refusals_carry_both_halves_of_the_sentence() -> None:
    refusal = InvalidKeyExchangeData("a ciphertext of 768 octets", "767 octets")
    assert str(refusal) == "expected a ciphertext of 768 octets, got 767 octets"
    assert (refusal.expected, refusal.got) == ("a ciphertext of 768 octets", "767 octets")
    assert isinstance(refusal, ValueError)

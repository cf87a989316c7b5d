"""Values from outside, of whatever form: how deep they nest, and what is a number."""

from __future__ import annotations

import re

from harness.border import limits

_DIGITS = re.compile(rf"[0-9]{{1,{limits.DIGITS}}}")


def is_deeper(value: object, most: int) -> bool:
    """Whether lists and tables lie in each other deeper than ``most``: who walks through could run out of stack.

    It is found without a recursion, one level after the other.
    """
    level = [value]
    for _ in range(most):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level = inner
    return any(isinstance(each, dict | list) for each in level)


def whole_number(text: str) -> int | None:
    """The number that decimal digits stand for; None where they are none, or too many for any counter.

    ``int`` accepts other digits, too, and refuses a long number only after it has read it.
    """
    return int(text) if _DIGITS.fullmatch(text) else None

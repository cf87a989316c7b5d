"""The requirement that fits a case: RFC 9242 and RFC 9370 say nothing where no additional key exchange takes place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness.registry.messages import ExchangeType
from harness.verify.view import View

_PLAIN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "authenticated": MappingProxyType({"I08": "K03", "I09": "K03"}),
        "keys-depend-on-every-exchange": MappingProxyType({"I07": "K01", "A06": "K01"}),
    }
)
"""What two checks speak for, in the place of RFC 9242 and RFC 9370, where there is no additional key exchange."""


def fitting(view: View, check: str, requirement: str) -> str:
    """A check's requirement as it fits the case: without an additional key exchange only RFC 7296 applies.

    IntAuth is due wherever an IKE_INTERMEDIATE took place, with a key exchange or without.
    """
    suites = (view.suite,) if view.suite is not None else view.expectation.ike
    if any(suite.additional_key_exchanges for suite in suites):
        return requirement
    if check == "authenticated" and view.find(ExchangeType.IKE_INTERMEDIATE, response=True):
        return requirement
    return _PLAIN.get(check, {}).get(requirement, requirement)

"""What a seeded defect may break beside its own requirement. Any other sentence in a verdict would be a wrong one."""

from __future__ import annotations

from collections.abc import Mapping

ALWAYS = frozenset({"", "B29"})
"""That nothing came up as predicted has no sentence; a deletion that is spoilt is not answered as it is to be (B29)."""

BESIDE: Mapping[str, frozenset[str]] = {
    "": frozenset({"E01"}),  # what goes out in another mode than was configured is not answered
    "A04": frozenset({"B06"}),  # the second one was not offered so
    "A08": frozenset({"B20"}),  # it comes while the request before it is not answered
    "A15": frozenset({"K04"}),  # another method has another size
    "A16": frozenset({"A02"}),  # who chooses what is to be skipped announces nothing, either
    "B02": frozenset({"K04", "B54"}),  # IKE_SA_INIT has one KE payload, neither none nor two
    "B06": frozenset({"A02", "A04"}),  # a key exchange that was not offered is not announced, and comes twice
    "B16": frozenset({"B39"}),  # of another version the rest of the header is not read as ours
    "B18": frozenset({"A02", "B56", "K06"}),  # other octets in the place of the announcement, or under the same vector
    "B19": frozenset({"A02"}),
    "B22": frozenset({"B39", "B54"}),  # the SPIs do not fit that number, nor do the payloads of another exchange
    "B29": frozenset({"B54"}),  # what the answer to a deletion is not to hold may have no place in its exchange
    "B33": frozenset({"K03", "B08"}),  # the AUTH beside the error is none; nor was anything to be refused
    "B42": frozenset({"B54"}),  # nor are the payloads those of the exchange
    "B46": frozenset({"E01"}),
    "B48": frozenset({"I01", "F01"}),  # the notify's own document says so, too
    "B51": frozenset({"B50"}),  # what is the wrong way round is not within the offer
    "B53": frozenset({"B54"}),  # what cannot be parsed is not there
    "B54": frozenset({"B02"}),  # without an SA payload no method is offered
    "B61": frozenset({"I07", "K01"}),  # what is in clear is under no keys
    "B66": frozenset({"B02"}),  # without that type no method is offered
    "E01": frozenset({"E08"}),
    "E03": frozenset({"E01"}),
    "E04": frozenset({"E01"}),  # a reply that is no IP packet answers nothing
    "E08": frozenset({"E01"}),
    "F02": frozenset({"I08", "K03"}),  # the first message is not the one that AUTH covers
    "F03": frozenset({"B60", "F04"}),  # its Next Payload is that of another number; what is dropped is no response
    "F04": frozenset({"B53"}),  # what is named otherwise cannot be parsed
    "F05": frozenset({"B15"}),
    "F08": frozenset({"F04", "K06"}),
    "I01": frozenset({"B48"}),
    "I04": frozenset({"A15", "I08"}),  # the message of that number has no KE payload; AUTH covers the number
    "I06": frozenset({"I07"}),  # what is in clear is under no keys
    "I07": frozenset({"B61"}),
    "K01": frozenset({"B61"}),
}
"""By the requirement of the row, each with the reason."""


def allowed(requirement: str) -> frozenset[str]:
    """The requirements that the findings of such a row may name."""
    return ALWAYS | BESIDE.get(requirement, frozenset()) | {requirement}

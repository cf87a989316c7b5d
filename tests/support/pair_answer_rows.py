"""Answers of two products: with what in them, in which exchange, to what, or none; as defects and as not.

As in ``pair_defect_rows``, verdict, party and sentences were written before a row was played.
"""

from __future__ import annotations

from dataclasses import replace

from pair_alterations import ANSWER, each, edited, having
from pair_builder import SECOND
from pair_defect_rows import CLASSICAL, FAIL, HYBRID, REKEY, Alter, PairDefect

from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, TransformType
from harness.wire.payloads import Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal

COOKIE = Notify(NotifyType.COOKIE, b"cookie")


def with_key_length(kind: TransformType, bits: int) -> Alter:
    """The answer has this Key Length beside each transform of a type, or, with none, no attribute."""
    attributes = (Attribute(AttributeType.KEY_LENGTH, bits),) if bits else ()

    def change(proposal: Proposal) -> Proposal:
        kept = (replace(t, attributes=attributes) if t.type == kind else t for t in proposal.transforms)
        return replace(proposal, transforms=tuple(kept))

    of_each = each(SecurityAssociation, lambda sa: replace(sa, proposals=tuple(map(change, sa.proposals))))
    return edited(of_each, ANSWER)


ROWS: list[PairDefect] = [
    # What an answer holds (RFC 7296 sections 2.6, 3.3.5, 3.3.6).
    PairDefect("the PRF that is chosen has a Key Length", (HYBRID, CLASSICAL, REKEY), with_key_length(
        TransformType.PRF, 256), FAIL, SECOND, "B06"),
    PairDefect("the method that is chosen has a Key Length", (CLASSICAL,), with_key_length(TransformType.KE, 256),
               FAIL, SECOND, "B06"),
    PairDefect("the additional method has a Key Length", (HYBRID,), with_key_length(TransformType.ADDKE1, 768),
               FAIL, SECOND, "B06"),
    PairDefect("the cipher that is chosen has no Key Length", (CLASSICAL,), with_key_length(TransformType.ENCR, 0),
               FAIL, SECOND, "B06"),
    PairDefect("its Key Length is no key's", (CLASSICAL,), with_key_length(TransformType.ENCR, 100),
               FAIL, SECOND, "B06"),
    PairDefect("a choice beside a cookie", (HYBRID, CLASSICAL), edited(having(COOKIE), ANSWER), FAIL, SECOND, "B54"),
    PairDefect("a cookie before the choice", (REKEY,), edited(lambda payloads: [COOKIE, *payloads], ANSWER),
               FAIL, SECOND, "B54"),
]  # fmt: skip

LEGITIMATE: list[tuple[str, str, Alter]] = []

"""Words for where two policies part."""

from harness.oracle.applicability import nothing_in_common
from harness.policy.proposals import ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.registry.transforms import TransformType

KE, ADDKE1 = TransformType.KE, TransformType.ADDKE1


def proposal(**lists: str) -> ProposalPolicy:
    kinds = {key: TransformType[key.upper()] for key in lists}
    return ProposalPolicy({kind: tuple(algorithm(kind, n) for n in lists[key].split()) for key, kind in kinds.items()})


def test_the_closest_two_proposals_tell_what_is_missing():
    offer = (proposal(encr="aes-128-cbc", ke="modp2048"), proposal(encr="aes-256-gcm-16", ke="ecp384"))
    accept = (proposal(encr="aes-256-gcm-16", ke="ecp384", addke1="ml-kem-768 ml-kem-1024"),)
    assert nothing_in_common(offer, accept, "A", "B") == "ADDKE1: A offers none, B accepts ml-kem-768, ml-kem-1024"


def test_each_type_without_common_ground_is_named():
    words = nothing_in_common((proposal(encr="3des", ke="ecp256"),), (proposal(encr="null", ke="ecp384"),), "A", "B")
    assert words == "ENCR: A offers 3des, B accepts null; KE: A offers ecp256, B accepts ecp384"

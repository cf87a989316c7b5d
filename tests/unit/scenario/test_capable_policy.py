from harness.policy.proposals import PartyPolicy, Policy, ProposalPolicy
from harness.registry.algorithms import algorithm
from harness.scenario.capable_policy import without_unsupported
from harness.scenario.peer import Capabilities
from harness.scenario.vocabulary import TRANSFORM_KEYS, transform_type


def proposal(**lists: str) -> ProposalPolicy:
    named = {key.replace("_", "-"): names.split() for key, names in lists.items()}
    kinds = {key: transform_type(key) for key in named}
    return ProposalPolicy({kinds[k]: tuple(algorithm(kinds[k], n) for n in names) for k, names in named.items()})


def capabilities(ke: str = "curve25519 ecp384", additional: bool = True) -> Capabilities:
    lists = {"encr": "aes-256-gcm-16 aes-256-cbc", "prf": "hmac-sha2-256", "integ": "hmac-sha2-256-128", "ke": ke}
    sheet = {
        TRANSFORM_KEYS[key]: frozenset(algorithm(TRANSFORM_KEYS[key], name) for name in names.split())
        for key, names in (lists | {"sn": "no-esn"}).items()
    }
    return Capabilities(ike=sheet, esp=sheet, additional_key_exchange=additional)


BASE = {"encr": "aes-256-gcm-16", "prf": "hmac-sha2-256"}
ESP = (proposal(encr="aes-256-gcm-16", sn="no-esn"),)


def rendered(*offer: ProposalPolicy, sheet: Capabilities) -> Policy:
    return without_unsupported(PartyPolicy(offer, ESP), sheet).ike


def test_what_the_build_has_stays_as_it_is():
    offer = proposal(**BASE, ke="curve25519", addke1="ecp384 none")
    assert rendered(offer, sheet=capabilities()) == (offer,)


def test_a_method_that_the_build_lacks_is_left_out():
    assert rendered(proposal(**BASE, ke="ml-kem-768 ecp384", addke1="ml-kem-768 curve25519"), sheet=capabilities()) == (
        proposal(**BASE, ke="ecp384", addke1="curve25519"),
    )


def test_an_emptied_additional_type_is_dropped_and_none_alone_is_empty():
    plain = (proposal(**BASE, ke="curve25519"),)
    assert rendered(proposal(**BASE, ke="curve25519", addke1="ml-kem-768"), sheet=capabilities()) == plain
    assert rendered(proposal(**BASE, ke="curve25519", addke1="ml-kem-768 none"), sheet=capabilities()) == plain


def test_a_build_without_multiple_key_exchanges_loses_all_of_them():
    offer = proposal(**BASE, ke="curve25519", addke1="ecp384")
    assert rendered(offer, sheet=capabilities(additional=False)) == (proposal(**BASE, ke="curve25519"),)


def test_proposals_that_become_equal_are_one():
    hybrid, plain = proposal(**BASE, ke="ecp384", addke1="ml-kem-768"), proposal(**BASE, ke="ecp384")
    assert rendered(hybrid, plain, sheet=capabilities()) == (plain,)


def test_a_proposal_that_cannot_be_said_is_dropped_not_weakened():
    strange = proposal(**BASE, ke="curve25519", transform_type_241="private-use-1024")
    other = proposal(encr="chacha20-poly1305", prf="hmac-sha2-256", ke="curve25519")
    plain = proposal(**BASE, ke="curve25519")
    assert rendered(strange, other, plain, sheet=capabilities()) == (plain,)


def test_a_product_is_never_left_without_any_key_exchange():
    offer = proposal(**BASE, ke="ml-kem-512")
    assert rendered(offer, sheet=capabilities()) == (proposal(**BASE, ke="curve25519"),)
    assert rendered(offer, sheet=capabilities(ke="ecp384")) == (proposal(**BASE, ke="ecp384"),)


def test_the_child_half_is_cut_by_its_own_sheet():
    both = PartyPolicy(
        (proposal(**BASE, ke="ecp384"),),
        (proposal(encr="chacha20-poly1305", sn="no-esn"), proposal(encr="aes-256-cbc aes-128-cbc",
         integ="hmac-sha2-256-128", sn="esn no-esn")),
    )  # fmt: skip
    assert without_unsupported(both, capabilities()).esp == (
        proposal(encr="aes-256-cbc", integ="hmac-sha2-256-128", sn="no-esn"),
    )

"""Libreswan's spelling of every algorithm. Its status writes the same words in upper case."""

from __future__ import annotations

from harness.lab.errors import Inexpressible
from harness.lab.products.shared.keywords import Keywords
from harness.policy.proposals import Policy, ProposalPolicy
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, Integrity, SequenceNumbers, TransformType

_KINDS = TransformType

KEYWORDS = Keywords(
    "Libreswan",
    {
        _KINDS.ENCR: {
            "3des": "3des_cbc",
            "chacha20-poly1305": "chacha20_poly1305",
            **{
                f"aes-{bits}-{ours}": f"{theirs}_{bits}"
                for bits in (128, 192, 256)
                for ours, theirs in (
                    ("cbc", "aes_cbc"), ("ctr", "aes_ctr"), ("gcm-16", "aes_gcm_16"), ("gcm-12", "aes_gcm_12"),
                    ("gcm-8", "aes_gcm_8"), ("ccm-16", "aes_ccm_16"),
                )
            },
        },
        _KINDS.PRF: {
            "hmac-md5": "hmac_md5", "hmac-sha1": "hmac_sha1", "aes128-xcbc": "aes_xcbc",
            **{f"hmac-sha2-{bits}": f"hmac_sha2_{bits}" for bits in (256, 384, 512)},
        },
        _KINDS.INTEG: {
            "hmac-md5-96": "hmac_md5_96", "hmac-sha1-96": "hmac_sha1_96", "aes-xcbc-96": "aes_xcbc_96",
            "aes-cmac-96": "aes_cmac_96",
            **{f"hmac-sha2-{bits}-{bits // 2}": f"hmac_sha2_{bits}_{bits // 2}" for bits in (256, 384, 512)},
        },
        _KINDS.KE: {
            **{f"modp{bits}": f"modp{bits}" for bits in (1024, 1536, 2048, 3072, 4096, 6144, 8192)},
            "ecp256": "dh19", "ecp384": "dh20", "ecp521": "dh21", "curve25519": "dh31",
            "none": "none", "ml-kem-512": "ml_kem_512", "ml-kem-768": "ml_kem_768", "ml-kem-1024": "ml_kem_1024",
        },
    },
)  # fmt: skip

# The order in which a proposal is written: encryption, integrity, pseudorandom function, key exchange.
_ORDER = (_KINDS.ENCR, _KINDS.INTEG, _KINDS.PRF, _KINDS.KE)


def proposals(policy: Policy) -> list[str]:
    """A policy as Libreswan's list of proposals, in order: ``aes_gcm_16_256-hmac_sha2_256-dh31;addke1=ml_kem_768``.

    Additional key exchanges are written as releases from 5.4 on read them; older ones say that they do not.

    Raises:
        Inexpressible: a transform has no keyword, or a type cannot be written.
    """
    return [_proposal(proposal) for proposal in policy]


def _proposal(proposal: ProposalPolicy) -> str:
    if unknown := [k for k in proposal.transforms if k not in (*_ORDER, *ADDITIONAL_KEY_EXCHANGES, _KINDS.SN)]:
        raise Inexpressible(f"Libreswan has no word for transform type {unknown[0].name}")
    words = []
    for kind in _ORDER:
        # INTEG NONE beside an AEAD is the absence of the transform (RFC 7296 section 3.3.3): it is not written.
        wanted = [a for a in proposal.of(kind) if not (kind == _KINDS.INTEG and a.identifier == Integrity.NONE)]
        if wanted:
            words.append("+".join(KEYWORDS.keyword(kind, algorithm) for algorithm in wanted))
    additional = [
        f";{kind.name.lower()}=" + "+".join(KEYWORDS.keyword(_KINDS.KE, algorithm) for algorithm in proposal.of(kind))
        for kind in ADDITIONAL_KEY_EXCHANGES
        if proposal.of(kind)
    ]
    return "-".join(words) + "".join(additional)


def esn_setting(policy: Policy) -> str:
    """Libreswan's ``esn=``: yes, no or either, for all proposals of a connection together."""
    asked = {algorithm.identifier for proposal in policy for algorithm in proposal.of(_KINDS.SN)}
    if len(asked) > 1:
        return "either"
    return "yes" if SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS in asked else "no"

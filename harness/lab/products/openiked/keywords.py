"""OpenIKED's spelling of every algorithm, and its blocks of transforms."""

from __future__ import annotations

from harness.lab.errors import Inexpressible
from harness.lab.products.shared.keywords import Keywords
from harness.policy.proposals import Policy, ProposalPolicy
from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, Integrity, TransformType

_KINDS = TransformType

KEYWORDS = Keywords(
    "OpenIKED",
    {
        _KINDS.ENCR: {
            "3des": "3des", "null": "null", "chacha20-poly1305": "chacha20-poly1305",
            **{
                f"aes-{bits}-{ours}": f"aes-{bits}{theirs}"
                for bits in (128, 192, 256)
                for ours, theirs in (("cbc", ""), ("ctr", "-ctr"), ("gcm-16", "-gcm"), ("gcm-12", "-gcm-12"))
            },
        },
        _KINDS.PRF: {
            name: name for name in ("hmac-md5", "hmac-sha1", "hmac-sha2-256", "hmac-sha2-384", "hmac-sha2-512")
        },
        _KINDS.INTEG: {
            "hmac-md5-96": "hmac-md5", "hmac-sha1-96": "hmac-sha1",
            **{f"hmac-sha2-{bits}-{bits // 2}": f"hmac-sha2-{bits}" for bits in (256, 384, 512)},
        },
        _KINDS.KE: {
            "none": "none", "curve25519": "curve25519", "sntrup761x25519": "sntrup761x25519",
            **{f"modp{bits}": f"modp{bits}" for bits in (768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)},
            **{f"ecp{bits}": f"ecp{bits}" for bits in (256, 384, 521)},
            **{f"brainpoolp{bits}r1": f"brainpool{bits}" for bits in (256, 384, 512)},
        },
        _KINDS.SN: {"no-esn": "noesn", "esn": "esn"},
    },
)  # fmt: skip

# iked has no word for additional key exchanges. They are written by their names all the same: if a scenario wants one
# configured that a build lacks, iked itself is to say that it does not know it.
_ADDITIONAL = {kind: kind.name.lower() for kind in ADDITIONAL_KEY_EXCHANGES}

_WORDS = {_KINDS.ENCR: "enc", _KINDS.PRF: "prf", _KINDS.INTEG: "auth", _KINDS.KE: "group", _KINDS.SN: "", **_ADDITIONAL}


def proposals(policy: Policy) -> list[str]:
    """A policy as the blocks after ``ikesa`` or ``childsa``: ``enc aes-256-gcm prf hmac-sha2-256 group curve25519``.

    Raises:
        Inexpressible: a transform has no keyword, or a type cannot be written.
    """
    return [_proposal(proposal) for proposal in policy]


def _proposal(proposal: ProposalPolicy) -> str:
    words: list[str] = []
    for kind, algorithms in proposal.transforms.items():
        if kind not in _WORDS:
            raise Inexpressible(f"OpenIKED has no word for transform type {kind.name}")
        for algorithm in algorithms:
            # INTEG NONE beside an AEAD is the absence of the transform (RFC 7296 section 3.3.3): it is not written.
            if not (kind == _KINDS.INTEG and algorithm.identifier == Integrity.NONE):
                word = algorithm.name(kind) if kind in _ADDITIONAL else KEYWORDS.keyword(kind, algorithm)
                words += [_WORDS[kind], word]
    return " ".join(filter(None, words))

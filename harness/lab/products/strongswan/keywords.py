"""Every algorithm in strongSwan's two spellings: the keyword of a proposal, and the name that its status shows."""

from __future__ import annotations

from harness.lab.errors import Inexpressible
from harness.policy.proposals import Policy, ProposalPolicy
from harness.registry.algorithms import Algorithm, algorithm
from harness.registry.transforms import Integrity, TransformType

_KEYWORDS: dict[TransformType, dict[str, tuple[str, str]]] = {
    TransformType.ENCR: {
        "3des": ("3des", "3DES_CBC"),
        "null": ("null", "NULL"),
        "chacha20-poly1305": ("chacha20poly1305", "CHACHA20_POLY1305"),
        **{
            f"aes-{bits}-{ours}": (f"aes{bits}{keyword}", name)
            for bits in (128, 192, 256)
            for ours, keyword, name in (
                ("cbc", "", "AES_CBC"),
                ("ctr", "ctr", "AES_CTR"),
                ("ccm-8", "ccm8", "AES_CCM_8"),
                ("ccm-12", "ccm12", "AES_CCM_12"),
                ("ccm-16", "ccm16", "AES_CCM_16"),
                ("gcm-8", "gcm8", "AES_GCM_8"),
                ("gcm-12", "gcm12", "AES_GCM_12"),
                ("gcm-16", "gcm16", "AES_GCM_16"),
            )
        },
        **{
            f"camellia-{bits}-{ours}": (f"camellia{bits}{keyword}", f"CAMELLIA_{name}")
            for bits in (128, 192, 256)
            for ours, keyword, name in (
                ("cbc", "", "CBC"),
                ("ctr", "ctr", "CTR"),
                ("ccm-8", "ccm8", "CCM_8"),
                ("ccm-12", "ccm12", "CCM_12"),
                ("ccm-16", "ccm16", "CCM_16"),
            )
        },
    },
    TransformType.PRF: {
        "hmac-md5": ("prfmd5", "PRF_HMAC_MD5"),
        "hmac-sha1": ("prfsha1", "PRF_HMAC_SHA1"),
        "aes128-xcbc": ("prfaesxcbc", "PRF_AES128_XCBC"),
        "hmac-sha2-256": ("prfsha256", "PRF_HMAC_SHA2_256"),
        "hmac-sha2-384": ("prfsha384", "PRF_HMAC_SHA2_384"),
        "hmac-sha2-512": ("prfsha512", "PRF_HMAC_SHA2_512"),
        "aes128-cmac": ("prfaescmac", "PRF_AES128_CMAC"),
    },
    TransformType.INTEG: {
        "hmac-md5-96": ("md5", "HMAC_MD5_96"),
        "hmac-sha1-96": ("sha1", "HMAC_SHA1_96"),
        "aes-xcbc-96": ("aesxcbc", "AES_XCBC_96"),
        "aes-cmac-96": ("aescmac", "AES_CMAC_96"),
        "hmac-sha2-256-128": ("sha256", "HMAC_SHA2_256_128"),
        "hmac-sha2-384-192": ("sha384", "HMAC_SHA2_384_192"),
        "hmac-sha2-512-256": ("sha512", "HMAC_SHA2_512_256"),
    },
    TransformType.KE: {
        "none": ("none", "NONE"),
        **{f"modp{bits}": (f"modp{bits}", f"MODP_{bits}") for bits in (768, 1024, 1536, 2048, 3072, 4096, 6144, 8192)},
        **{f"ecp{bits}": (f"ecp{bits}", f"ECP_{bits}") for bits in (256, 384, 521)},
        **{f"brainpoolp{bits}r1": (f"ecp{bits}bp", f"ECP_{bits}_BP") for bits in (256, 384, 512)},
        "curve25519": ("curve25519", "CURVE_25519"),
        "curve448": ("curve448", "CURVE_448"),
        **{f"ml-kem-{size}": (f"mlkem{size}", f"ML_KEM_{size}") for size in (512, 768, 1024)},
    },
    TransformType.SN: {"no-esn": ("noesn", "NO_EXT_SEQ"), "esn": ("esn", "EXT_SEQ")},
}


def _family(kind: TransformType) -> TransformType:
    return TransformType.KE if kind.is_key_exchange else kind


_KEYWORD: dict[tuple[TransformType, Algorithm], str] = {
    (kind, algorithm(kind, ours)): keyword for kind, rows in _KEYWORDS.items() for ours, (keyword, _) in rows.items()
}


def keyword(kind: TransformType, wanted: Algorithm) -> str:
    """The keyword of one transform in a proposal: ``aes256gcm16``, ``prfsha256``, ``ke1_mlkem768``, ``ke1_none``.

    Raises:
        Inexpressible: strongSwan has no keyword for it.
    """
    found = _KEYWORD.get((_family(kind), wanted))
    if found is None:
        raise Inexpressible(f"strongSwan has no proposal keyword for {kind.name} {wanted.name(kind)}")
    if kind.is_additional_key_exchange:
        return f"ke{kind - TransformType.ADDKE1 + 1}_{found}"
    return found


def proposals(policy: Policy) -> list[str]:
    """A policy as strongSwan's list of proposals, in order: ``aes256gcm16-prfsha256-curve25519-ke1_mlkem768``.

    Raises:
        Inexpressible: a transform has no keyword.
    """
    return [_proposal(proposal) for proposal in policy]


def _proposal(proposal: ProposalPolicy) -> str:
    return "-".join(
        keyword(kind, wanted)
        for kind, algorithms in proposal.transforms.items()
        for wanted in algorithms
        # INTEG NONE beside an AEAD is the absence of the transform (RFC 7296 section 3.3.3): it is not written.
        if not (kind == TransformType.INTEG and wanted.identifier == Integrity.NONE)
    )


_SIZED = ("aes-", "camellia-")
"""Ciphers that strongSwan reports by one name, with the length of the key beside it."""

_REPORTED: dict[tuple[TransformType, str], str] = {
    (kind, reported): ours
    for kind, rows in _KEYWORDS.items()
    for ours, (_, reported) in rows.items()
    if not ours.startswith(_SIZED) or kind != TransformType.ENCR
}
_REPORTED_SIZED = {
    (reported, int(ours.split("-")[1])): ours
    for ours, (_, reported) in _KEYWORDS[TransformType.ENCR].items()
    if ours.startswith(_SIZED)
}


def reported_name(kind: TransformType, reported: str, key_bits: int | None = None) -> str | None:
    """Our spelling of an algorithm that strongSwan's status names; None where we have none."""
    if kind == TransformType.ENCR and key_bits is not None and (reported, key_bits) in _REPORTED_SIZED:
        return _REPORTED_SIZED[reported, key_bits]
    return _REPORTED.get((_family(kind), reported))

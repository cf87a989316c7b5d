"""Decryption tables for Wireshark and tshark, in the form of their preference files (uat).

Tried with 4.0.17 and 4.6.9. One unknown name makes Wireshark reject a whole table, so what it has no name for is
written as a comment: neither version decrypts IKEv2 under ChaCha20-Poly1305; ESP under it is known to 4.6, not to 4.0.
"""

from __future__ import annotations

from harness.evidence.model import CaseFacts, ChildSecrets, Conversation, EngineReport, KeyGeneration, Secrets
from harness.policy.proposals import Suite
from harness.registry.algorithms import Algorithm
from harness.registry.transforms import Encryption, Integrity, SequenceNumbers, TransformType

_ENCRYPTION = {
    (Encryption.ENCR_AES_CBC, 128): "AES-CBC-128 [RFC3602]",
    (Encryption.ENCR_AES_CBC, 192): "AES-CBC-192 [RFC3602]",
    (Encryption.ENCR_AES_CBC, 256): "AES-CBC-256 [RFC3602]",
    (Encryption.ENCR_AES_GCM_16, 128): "AES-GCM-128 with 16 octet ICV [RFC5282]",
    (Encryption.ENCR_AES_GCM_16, 192): "AES-GCM-192 with 16 octet ICV [RFC5282]",
    (Encryption.ENCR_AES_GCM_16, 256): "AES-GCM-256 with 16 octet ICV [RFC5282]",
}
_INTEGRITY = {
    Integrity.NONE: "NONE [RFC4306]",
    Integrity.AUTH_HMAC_SHA1_96: "HMAC_SHA1_96 [RFC2404]",
    Integrity.AUTH_HMAC_SHA2_256_128: "HMAC_SHA2_256_128 [RFC4868]",
    Integrity.AUTH_HMAC_SHA2_384_192: "HMAC_SHA2_384_192 [RFC4868]",
    Integrity.AUTH_HMAC_SHA2_512_256: "HMAC_SHA2_512_256 [RFC4868]",
}
_ESP_ENCRYPTION = {
    Encryption.ENCR_AES_CBC: "AES-CBC [RFC3602]",
    # Without a word on the ICV, 4.0 takes AES-GCM to have none and reads the trailer from the wrong place.
    Encryption.ENCR_AES_GCM_16: "AES-GCM with 16 octet ICV [RFC4106]",
    Encryption.ENCR_CHACHA20_POLY1305: "ChaCha20 with Poly1305 [RFC7634]",
}
_ESP_INTEGRITY = {
    Integrity.NONE: "NULL",
    Integrity.AUTH_HMAC_SHA1_96: "HMAC-SHA-1-96 [RFC2404]",
    Integrity.AUTH_HMAC_SHA2_256_128: "HMAC-SHA-256-128 [RFC4868]",
    Integrity.AUTH_HMAC_SHA2_384_192: "HMAC-SHA-384-192 [RFC4868]",
    Integrity.AUTH_HMAC_SHA2_512_256: "HMAC-SHA-512-256 [RFC4868]",
}


def tables_of(conversation: Conversation, facts: CaseFacts) -> dict[str, str]:
    """Every table of a case that the worker brought back, by its name below ``wireshark/``."""
    ends = facts.initiator.address, facts.responder.address
    return decryption_tables(conversation.secrets, conversation.report, *ends)


def decryption_tables(
    secrets: Secrets, report: EngineReport, initiator_address: str, responder_address: str
) -> dict[str, str]:
    """Every table of a case by its name below ``wireshark/``; none where no suite was agreed on."""
    suite = report.suite or report.negotiated
    if suite is None:
        return {}
    spis = (secrets.initiator_spi, secrets.responder_spi)
    tables = {
        f"{number}/ikev2_decryption_table": ikev2_table(suite, spis, keys)
        for number, keys in enumerate(secrets.generations)
    }
    if secrets.children:
        tables["esp_sa"] = "".join(esp_table(one, initiator_address, responder_address) for one in secrets.children)
    return tables


def ikev2_table(suite: Suite, spis: tuple[bytes, bytes], keys: KeyGeneration) -> str:
    """One line of ``ikev2_decryption_table``: SPIs, SK_ei, SK_er, cipher, SK_ai, SK_ar, integrity algorithm.

    Wireshark finds the line by the SPI pair, so each generation of keys needs a table of its own.
    """
    encr = suite.get(TransformType.ENCR) or Algorithm(0)
    integ = suite.get(TransformType.INTEG) or Algorithm(Integrity.NONE)
    cipher = _ENCRYPTION.get((Encryption(encr.identifier), encr.key_length or 0))
    authentication = _INTEGRITY.get(Integrity(integ.identifier))
    names = (cipher or encr.name(TransformType.ENCR), authentication or integ.name(TransformType.INTEG))
    hexes = [octets.hex() for octets in (*spis, keys.sk_ei, keys.sk_er, keys.sk_ai, keys.sk_ar)]
    line = ",".join([*hexes[:4], f'"{names[0]}"', *hexes[4:], f'"{names[1]}"'])
    return (line if cipher and authentication else _as_comment(line)) + "\n"


def _as_comment(line: str) -> str:
    return f"# Wireshark has no name for one of these algorithms: {line}"


def esp_table(child: ChildSecrets, initiator_address: str, responder_address: str) -> str:
    """The two lines of ``esp_sa`` for a Child SA, the initiator's packets first."""
    encr = child.suite.get(TransformType.ENCR) or Algorithm(0)
    integ = child.suite.get(TransformType.INTEG) or Algorithm(Integrity.NONE)
    sn = child.suite.get(TransformType.SN)
    # Wireshark 4.0 warns of a ninth field, later ones take 32 bits for granted: it stands only where it says more.
    extended = sn is not None and sn.identifier == SequenceNumbers.EXTENDED_SEQUENCE_NUMBERS
    cipher = _ESP_ENCRYPTION.get(Encryption(encr.identifier))
    authentication = _ESP_INTEGRITY.get(Integrity(integ.identifier))
    names = (cipher or encr.name(TransformType.ENCR), authentication or integ.name(TransformType.INTEG))
    there = (initiator_address, responder_address, child.responder_spi)
    back = (responder_address, initiator_address, child.initiator_spi)
    keys = (
        (child.initiator_encryption, child.initiator_integrity),
        (child.responder_encryption, child.responder_integrity),
    )
    lines = []
    for (source, destination, spi), (encryption, integrity) in zip((there, back), keys, strict=True):
        authentication_key = f"0x{integrity.hex()}" if integrity else ""
        fields = ["IPv4", source, destination, f"0x{spi.hex()}", names[0], f"0x{encryption.hex()}"]
        fields += [names[1], authentication_key, *(["64-bit"] if extended else [])]
        line = ",".join(f'"{field}"' for field in fields)
        lines.append(line if cipher and authentication else _as_comment(line))
    return "\n".join(lines) + "\n"

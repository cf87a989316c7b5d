"""Exchange types, payload types and protocol identifiers (IANA "IKEv2 Parameters"; RFC 7296 sections 3.1 to 3.3)."""

from __future__ import annotations

from harness.registry.open_enum import OpenEnum


class ExchangeType(OpenEnum):
    """Exchange Types, one octet (RFC 7296 section 3.1; RFC 9242 section 6; RFC 9370 section 3)."""

    IKE_SA_INIT = 34
    IKE_AUTH = 35
    CREATE_CHILD_SA = 36
    INFORMATIONAL = 37
    IKE_SESSION_RESUME = 38
    IKE_INTERMEDIATE = 43
    IKE_FOLLOWUP_KE = 44


class PayloadType(OpenEnum):
    """Payload Types, one octet (RFC 7296 section 3.2; RFC 7383 section 2.5; RFC 8019 section 8.2)."""

    NO_NEXT_PAYLOAD = 0
    SA = 33
    KE = 34
    IDi = 35
    IDr = 36
    CERT = 37
    CERTREQ = 38
    AUTH = 39
    NONCE = 40
    NOTIFY = 41
    DELETE = 42
    VENDOR_ID = 43
    TSi = 44
    TSr = 45
    SK = 46
    CP = 47
    EAP = 48
    SKF = 53
    PS = 54


class Protocol(OpenEnum):
    """Security Protocol Identifiers, one octet (RFC 7296 section 3.3.1)."""

    NONE = 0
    IKE = 1
    AH = 2
    ESP = 3

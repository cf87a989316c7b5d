"""One file per payload, and the dispatch from payload type to parser."""

from __future__ import annotations

from collections.abc import Callable

from harness.registry.messages import PayloadType
from harness.wire.payload import Payload
from harness.wire.payloads.authentication import Authentication
from harness.wire.payloads.certificate import Certificate, CertificateRequest
from harness.wire.payloads.configuration import Configuration
from harness.wire.payloads.delete import Delete
from harness.wire.payloads.encrypted import Encrypted, EncryptedFragment
from harness.wire.payloads.identification import IdentificationInitiator, IdentificationResponder
from harness.wire.payloads.key_exchange import KeyExchange
from harness.wire.payloads.nonce import Nonce
from harness.wire.payloads.notify import Notify
from harness.wire.payloads.opaque import ExtensibleAuthentication, Unknown, VendorId
from harness.wire.payloads.security_association import SecurityAssociation
from harness.wire.payloads.traffic_selector import TrafficSelectorsInitiator, TrafficSelectorsResponder

PARSERS: dict[int, Callable[[bytes, int], Payload]] = {
    PayloadType.SA: SecurityAssociation.parse,
    PayloadType.KE: KeyExchange.parse,
    PayloadType.IDi: IdentificationInitiator.parse,
    PayloadType.IDr: IdentificationResponder.parse,
    PayloadType.CERT: Certificate.parse,
    PayloadType.CERTREQ: CertificateRequest.parse,
    PayloadType.AUTH: Authentication.parse,
    PayloadType.NONCE: Nonce.parse,
    PayloadType.NOTIFY: Notify.parse,
    PayloadType.DELETE: Delete.parse,
    PayloadType.VENDOR_ID: VendorId.parse,
    PayloadType.TSi: TrafficSelectorsInitiator.parse,
    PayloadType.TSr: TrafficSelectorsResponder.parse,
    PayloadType.CP: Configuration.parse,
    PayloadType.EAP: ExtensibleAuthentication.parse,
}
"""Body octets and flags octet to payload. SK and SKF are parsed by the chain, as they need the Next Payload field."""

__all__ = [
    "PARSERS",
    "Authentication",
    "Certificate",
    "CertificateRequest",
    "Configuration",
    "Delete",
    "Encrypted",
    "EncryptedFragment",
    "ExtensibleAuthentication",
    "IdentificationInitiator",
    "IdentificationResponder",
    "KeyExchange",
    "Nonce",
    "Notify",
    "SecurityAssociation",
    "TrafficSelectorsInitiator",
    "TrafficSelectorsResponder",
    "Unknown",
    "VendorId",
]

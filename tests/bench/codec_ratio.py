"""Our codec against Scapy's: the same IKE_SA_INIT request and the same bare INFORMATIONAL, built and parsed.

Building includes making the objects, on both sides: a message is made once, for one datagram.
"""

from __future__ import annotations

from typing import Any

from clock import in_turns, profile_of
from scapy.contrib import ikev2

from harness.registry.messages import ExchangeType, PayloadType, Protocol
from harness.registry.notifications import NotifyType
from harness.registry.transforms import AttributeType, KeyExchangeMethod, TransformType
from harness.wire.message import INITIATOR, Header, Message
from harness.wire.payloads import Encrypted, KeyExchange, Nonce, Notify, SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

SPI_I, SPI_R, NO_SPI = bytes(range(1, 9)), bytes(range(11, 19)), bytes(8)
PUBLIC, NONCE, HASH = bytes(range(32)), bytes(range(32, 64)), bytes(range(20))
SEALED = bytes(range(25))  # IV, Pad Length and ICV of AES-GCM: an empty INFORMATIONAL


def our_init() -> bytes:
    transforms = (
        Transform(TransformType.ENCR, 20, (Attribute(AttributeType.KEY_LENGTH, 256),)),
        Transform(TransformType.PRF, 5),
        Transform(TransformType.KE, 31),
        Transform(TransformType.ADDKE1, 36),
    )
    payloads = (
        SecurityAssociation((Proposal(1, Protocol.IKE, transforms),)),
        KeyExchange(KeyExchangeMethod.CURVE25519, PUBLIC),
        Nonce(NONCE),
        Notify(NotifyType.NAT_DETECTION_SOURCE_IP, HASH),
        Notify(NotifyType.NAT_DETECTION_DESTINATION_IP, HASH),
        Notify(NotifyType.IKEV2_FRAGMENTATION_SUPPORTED),
        Notify(NotifyType.INTERMEDIATE_EXCHANGE_SUPPORTED),
    )
    return Message(Header(SPI_I, NO_SPI, ExchangeType.IKE_SA_INIT, INITIATOR, 0), payloads).to_bytes()


def scapy_init() -> bytes:
    transforms = (
        ikev2.IKEv2_Transform(transform_type=1, transform_id=20, length=12, key_length=256)
        / ikev2.IKEv2_Transform(transform_type=2, transform_id=5)
        / ikev2.IKEv2_Transform(transform_type=4, transform_id=31)
        / ikev2.IKEv2_Transform(transform_type=6, transform_id=36)
    )
    proposal = ikev2.IKEv2_Proposal(proposal=1, proto=1, trans_nb=4, trans=transforms)
    return bytes(
        ikev2.IKEv2(init_SPI=SPI_I, resp_SPI=NO_SPI, exch_type=34, flags=8, id=0, next_payload=33)
        / ikev2.IKEv2_SA(next_payload=34, prop=proposal)
        / ikev2.IKEv2_KE(next_payload=40, group=31, ke=PUBLIC)
        / ikev2.IKEv2_Nonce(next_payload=41, nonce=NONCE)
        / ikev2.IKEv2_Notify(next_payload=41, type=16388, notify=HASH)
        / ikev2.IKEv2_Notify(next_payload=41, type=16389, notify=HASH)
        / ikev2.IKEv2_Notify(next_payload=41, type=16430)
        / ikev2.IKEv2_Notify(next_payload=0, type=16438)
    )


def our_informational() -> bytes:
    header = Header(SPI_I, SPI_R, ExchangeType.INFORMATIONAL, INITIATOR, 2)
    return Message(header, (Encrypted(PayloadType.NO_NEXT_PAYLOAD, SEALED),)).to_bytes()


def scapy_informational() -> bytes:
    header = ikev2.IKEv2(init_SPI=SPI_I, resp_SPI=SPI_R, exch_type=37, flags=8, id=2, next_payload=46)
    return bytes(header / ikev2.IKEv2_Encrypted(next_payload=0, load=SEALED))


def measure() -> dict[str, Any]:
    """Microseconds and ratios; the ratios of the IKE_SA_INIT are the ones with a goal."""
    init, informational = our_init(), our_informational()
    assert init == scapy_init(), "Scapy builds other octets for the same message"
    assert informational == scapy_informational()
    message, packet = Message.parse(init), ikev2.IKEv2(init)
    assert message.to_bytes() == init == bytes(packet)
    times = in_turns(
        {
            "our build": (our_init, 1000),
            "scapy build": (scapy_init, 20),
            "our parse": (lambda: Message.parse(init), 1000),
            "scapy parse": (lambda: ikev2.IKEv2(init), 100),
            "our write": (message.to_bytes, 1000),
            "our informational build": (our_informational, 2000),
            "scapy informational build": (scapy_informational, 50),
            "our informational parse": (lambda: Message.parse(informational), 2000),
            "scapy informational parse": (lambda: ikev2.IKEv2(informational), 200),
        }
    )

    def ratio(what: str) -> dict[str, float]:
        ours, theirs = times[f"our {what}"], times[f"scapy {what}"]
        return {"ours_us": round(ours, 2), "scapy_us": round(theirs, 2), "ratio": round(theirs / ours, 2)}

    kinds = {"build": "build", "parse": "parse", "informational_build": "informational build"}
    kinds["informational_parse"] = "informational parse"
    return {
        "octets": len(init),
        "write_only_us": round(times["our write"], 2),
        **{name: ratio(what) for name, what in kinds.items()},
    }


def profile() -> str:
    """Where the time of building and parsing one IKE_SA_INIT goes."""
    return profile_of(lambda: Message.parse(our_init()), 2000)

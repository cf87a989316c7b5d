"""SA payload: proposals, transforms, attributes in both formats, and whatever a newer peer puts into them."""

from __future__ import annotations

from harness.registry.messages import Protocol
from harness.registry.transforms import AttributeType, TransformType
from harness.wire.payloads import SecurityAssociation
from harness.wire.payloads.security_association import Attribute, Proposal, Transform

KEY_LENGTH_256 = Attribute(AttributeType.KEY_LENGTH, 256)


def both_ways(body: str, meaning: SecurityAssociation) -> None:
    octets = bytes.fromhex(body)
    assert SecurityAssociation.parse(octets) == meaning
    assert meaning.body() == octets


def test_a_hybrid_proposal() -> None:
    both_ways(
        "0000002c 01010004"
        "0300000c 01000014 800e0100"  # ENCR 20 with Key Length 256
        "03000008 02000005"
        "03000008 0400001f"
        "00000008 06000024",  # ADDKE1 36
        SecurityAssociation(
            (
                Proposal(
                    1,
                    Protocol.IKE,
                    (
                        Transform(TransformType.ENCR, 20, (KEY_LENGTH_256,)),
                        Transform(TransformType.PRF, 5),
                        Transform(TransformType.KE, 31),
                        Transform(TransformType.ADDKE1, 36),
                    ),
                ),
            )
        ),
    )


def test_two_proposals_with_spis_and_one_without_transforms() -> None:
    both_ways(
        "02000014 01030401 01020304 00000008 05000000 0000000c 02030400 05060708",
        SecurityAssociation(
            (
                Proposal(1, Protocol.ESP, (Transform(TransformType.SN, 0),), b"\1\2\3\4"),
                Proposal(2, Protocol.ESP, (), b"\5\6\7\x08"),
            )
        ),
    )


def test_reserved_octets_survive_in_proposal_and_transform() -> None:
    both_ways(
        "00aa0010 01010001 00bb0008 02cc0005",
        SecurityAssociation(
            (Proposal(1, Protocol.IKE, (Transform(TransformType.PRF, 5, reserved=(0xBB, 0xCC)),), reserved=0xAA),)
        ),
    )


def test_unknown_transform_type_protocol_and_identifier_survive() -> None:
    both_ways(
        "00000010 07c80001 00000008 f000ffff",
        SecurityAssociation((Proposal(7, Protocol(200), (Transform(TransformType(240), 65535),)),)),
    )


def test_attributes_in_short_and_long_format_survive() -> None:
    attributes = (
        Attribute(AttributeType(99), b"\1\2\3"),
        KEY_LENGTH_256,
        Attribute(AttributeType(0x7FFF), 0),
        Attribute(AttributeType.KEY_LENGTH, b""),  # the long format where the short one belongs
    )
    transform = Transform(TransformType.ENCR, 20, attributes)
    both_ways(
        "00000023 01010001 0000001b 01000014 0063 0003 010203 800e 0100 ffff 0000 000e 0000",
        SecurityAssociation((Proposal(1, Protocol.IKE, (transform,)),)),
    )
    assert transform.key_length == 256


def test_key_length_is_none_without_the_attribute() -> None:
    assert Transform(TransformType.PRF, 5).key_length is None
    assert Transform(TransformType.ENCR, 20, (Attribute(AttributeType(13), 256),)).key_length is None
    assert Transform(TransformType.ENCR, 20, (Attribute(AttributeType.KEY_LENGTH, b"\1\0"),)).key_length is None

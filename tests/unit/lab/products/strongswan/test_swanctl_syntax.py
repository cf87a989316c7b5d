"""The text of swanctl.conf and the vici messages made of it."""

import pytest

from harness.lab.errors import ConfigurationSyntax
from harness.lab.products.strongswan.swanctl_syntax import connections, parse, shared_keys

TEXT = """\
# a comment
connections {
    case-1 {
        version = 2   # IKEv2
        proposals = aes256gcm16-prfsha256-curve25519-ke1_mlkem768, aes256gcm16-prfsha256-curve25519
        remote {
            id = a b
        }
    }
    case-2 {
        local_addrs = %any
    }
}
secrets {
    ike-case-1 {
        id-1 = here
        id-2 = there
        secret = 0x00ff
    }
}
"""


def test_lists_are_lists_and_the_rest_is_text():
    assert connections(parse(TEXT)) == [
        {
            "case-1": {
                "version": "2",
                "proposals": [
                    "aes256gcm16-prfsha256-curve25519-ke1_mlkem768",
                    "aes256gcm16-prfsha256-curve25519",
                ],
                "remote": {"id": "a b"},
            }
        },
        {"case-2": {"local_addrs": ["%any"]}},
    ]


def test_a_secret_is_octets_with_its_owners():
    assert shared_keys(parse(TEXT)) == [
        {"id": "ike-case-1", "type": "IKE", "data": b"\x00\xff", "owners": ["here", "there"]}
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("connections {\n  version 2\n}", "f:2: not a statement"),
        ("a {\n  b = 1\n  b = 2\n}", "f:3: 'b' is given twice"),
        ("a {\n", "f:1: a section is not closed"),
        ("a {\n}\n}\n", "f:3: a closing brace too many"),
        ('a = "quoted"', "f:1: not a statement"),
        ("a { b = 1 }", "f:1: not a statement"),
    ],
)
def test_what_is_no_statement_is_refused_with_file_and_line(text, message):
    with pytest.raises(ConfigurationSyntax, match=message):
        parse(text, "f")


def test_a_secret_in_another_notation_is_refused():
    with pytest.raises(ConfigurationSyntax, match=r"secrets\.ike-x"):
        shared_keys({"secrets": {"ike-x": {"secret": "0sAAAA"}}})

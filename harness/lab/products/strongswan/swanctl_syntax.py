"""swanctl.conf as text and as vici messages: what a person reads in the evidence is what the daemon is told.

The text has one statement a line: ``section {``, ``}``, ``key = value``, ``# comment``. Values hold no quotes.
"""

from __future__ import annotations

import re
from typing import Any

from harness.lab.errors import ConfigurationSyntax

Section = dict[str, Any]

# Keys whose value swanctl splits at commas before it hands them to the daemon.
_LISTS = frozenset(
    {
        "local_addrs", "remote_addrs", "proposals", "esp_proposals", "ah_proposals", "local_ts", "remote_ts",
        "vips", "pools", "certs", "cacerts", "pubkeys", "groups",
    }
)  # fmt: skip

_STATEMENT = re.compile(r"(?P<open>[\w-]+)\s*\{|(?P<close>\})|(?P<key>[\w-]+)\s*=\s*(?P<value>[^\s\"{}][^\"{}]*)")


def parse(text: str, name: str = "swanctl.conf") -> Section:
    """The sections of a swanctl.conf.

    Raises:
        ConfigurationSyntax: a line is no statement, a key is given twice, or braces do not match.
    """
    root: Section = {}
    stack = [root]
    number = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        match = _STATEMENT.fullmatch(line)
        if match is None:
            raise ConfigurationSyntax(f"{name}:{number}: not a statement: {line!r}")
        if match["close"]:
            stack.pop()
            if not stack:
                raise ConfigurationSyntax(f"{name}:{number}: a closing brace too many")
            continue
        key = match["open"] or match["key"]
        if key in stack[-1]:
            raise ConfigurationSyntax(f"{name}:{number}: {key!r} is given twice")
        if match["open"]:
            stack[-1][key] = {}
            stack.append(stack[-1][key])
        else:
            stack[-1][key] = _value(key, match["value"].strip())
    if len(stack) > 1:
        raise ConfigurationSyntax(f"{name}:{number}: a section is not closed")
    return root


def connections(sections: Section) -> list[Section]:
    """The ``load-conn`` messages of a parsed file, one for each connection."""
    return [{name: body} for name, body in sections.get("connections", {}).items()]


def shared_keys(sections: Section) -> list[Section]:
    """The ``load-shared`` messages of a parsed file: one for each ``ike...`` section of ``secrets``.

    Raises:
        ConfigurationSyntax: a secret is not written in hexadecimal (``0x...``).
    """
    messages = []
    for name, body in sections.get("secrets", {}).items():
        secret = body.get("secret", "")
        if not re.fullmatch(r"0x([0-9a-f]{2})+", secret):
            raise ConfigurationSyntax(f"secrets.{name}: the secret must be written as 0x and hexadecimal digits")
        owners = [value for key, value in body.items() if key.startswith("id")]
        messages.append({"id": name, "type": "IKE", "data": bytes.fromhex(secret[2:]), "owners": owners})
    return messages


def _value(key: str, text: str) -> str | list[str]:
    return [item.strip() for item in text.split(",")] if key in _LISTS else text

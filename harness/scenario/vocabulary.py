"""The closed vocabulary of scenario files: the keys of every table, for the loader and for the JSON Schema."""

from __future__ import annotations

from harness.registry.transforms import ADDITIONAL_KEY_EXCHANGES, TransformType

SCENARIO_KEYS = frozenset(
    {
        "id", "title", "requirement", "roles", "role-reason", "steps", "subject", "parties", "expects",
        "deviation", "settings", "offer", "accept", "expect",
    }
)  # fmt: skip
POLICY_KEYS = frozenset({"ike", "esp"})
SETTINGS_KEYS = frozenset(
    {
        "fragment-size", "require-cookie", "wrong-psk", "ip-version", "authentication", "mobike", "mode",
        "announce-intermediate", "as-written",
    }
)  # fmt: skip
EXPECT_KEYS = frozenset({"check", "requirement"})
SUITE_KEYS = frozenset({"title", "scenarios", "without", "peers"})
REQUIREMENT_KEYS = frozenset({"source", "section", "level", "text"})
LEVELS = frozenset({"MUST", "SHOULD", "MAY", "INFORMATION"})

TRANSFORM_KEYS: dict[str, TransformType] = {
    "encr": TransformType.ENCR,
    "prf": TransformType.PRF,
    "integ": TransformType.INTEG,
    "ke": TransformType.KE,
    "sn": TransformType.SN,
    **{kind.name.lower(): kind for kind in ADDITIONAL_KEY_EXCHANGES},
}
UNKNOWN_TRANSFORM_PREFIX = "transform-type-"  # followed by the number of a type that no registry names, 13 to 255

SMALLEST_FRAGMENT, LARGEST_FRAGMENT = 500, 65535  # octets of a whole IP datagram


def transform_type(key: str) -> TransformType | None:
    """The transform type that a key of a proposal names, None when it names none.

    ``transform-type-241`` is how a scenario offers a type that nobody knows (RFC 7296 section 3.3.6).
    """
    if key in TRANSFORM_KEYS:
        return TRANSFORM_KEYS[key]
    number = key.removeprefix(UNKNOWN_TRANSFORM_PREFIX)
    if number == key or not (number.isascii() and number.isdigit()) or number.startswith("0"):
        return None
    kind = TransformType(int(number))
    return kind if not kind.is_known and kind.value <= 255 else None


def transform_key(kind: TransformType) -> str:
    """The key that names a transform type in a proposal; the inverse of ``transform_type``."""
    return kind.name.lower() if kind.is_known else f"{UNKNOWN_TRANSFORM_PREFIX}{kind.value}"

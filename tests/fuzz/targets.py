"""Every reader of foreign octets and files, by name."""

from __future__ import annotations

import importlib

from target import Target

_PLACES = {
    "wire": ("wire_target", "TARGET"),
    "sessions": ("session_targets", "WITHOUT_KEYS"),
    "keyed": ("session_targets", "WITH_KEYS"),
    "keys": ("key_target", "TARGET"),
    "esp": ("esp_target", "TARGET"),
    "captures": ("capture_target", "TARGET"),
    "judge": ("judge_target", "TARGET"),
    "evidence": ("evidence_target", "TARGET"),
    "records": ("record_target", "TARGET"),
    "toml": ("toml_target", "TARGET"),
    "answers": ("answer_targets", "PROGRAM_ANSWERS"),
    "statuses": ("answer_targets", "STATUS_ANSWERS"),
}
NAMES = tuple(_PLACES)


def load(name: str) -> Target:
    """The target; it is imported only now, so that what it reads with can be instrumented first."""
    module, attribute = _PLACES[name]
    target: Target = getattr(importlib.import_module(module), attribute)
    assert target.name == name
    return target

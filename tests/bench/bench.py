"""Ratios of one run: the engine over its raw cryptography, our codec over Scapy's, handshakes with a real strongSwan.

``python tests/bench/bench.py`` prints them and writes ``bench.json`` into the root of the repository. Absolute times
depend on the machine and its load; the ratios hardly do, as both sides of each are measured in turns.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "bench"), str(ROOT / "tests" / "support")]

import codec_ratio  # noqa: E402
import engine_ratio  # noqa: E402

GOALS = {
    "engine_over_raw_cryptography": ("at most", 4.0),
    "codec_build_over_scapy": ("at least", 100.0),
    "codec_parse_over_scapy": ("at least", 20.0),
}


def strongswan() -> dict[str, Any]:
    """Handshakes per second against one warm strongSwan, or why there are none."""
    from harness.lab.errors import LabError

    try:
        import peer_rate

        return dict(peer_rate.measure())
    except (ImportError, LabError) as error:
        return {"not measured": f"needs the lab (Docker and its images): {error}"}


def reached(name: str, ratio: float) -> bool:
    sense, goal = GOALS[name]
    return ratio <= goal if sense == "at most" else ratio >= goal


def main() -> None:
    engine, codec = engine_ratio.measure(), codec_ratio.measure()
    ratios = {
        "engine_over_raw_cryptography": engine["ratio"],
        "codec_build_over_scapy": codec["build"]["ratio"],
        "codec_parse_over_scapy": codec["parse"]["ratio"],
    }
    for name, ratio in ratios.items():
        sense, goal = GOALS[name]
        verdict = "reached" if reached(name, ratio) else "NOT reached"
        print(f"{name:32} {ratio:8.2f}   goal: {sense} {goal:g}, {verdict}")
    missed = {
        "engine_over_raw_cryptography": engine_ratio.profile,
        "codec_build_over_scapy": codec_ratio.profile,
        "codec_parse_over_scapy": codec_ratio.profile,
    }
    profiles = {name: missed[name]() for name, ratio in ratios.items() if not reached(name, ratio)}
    for name, text in profiles.items():
        print(f"\nwhere the time of {name} goes:\n{text}")
    rate = strongswan()
    for scenario, measured in rate.items():
        value = measured if isinstance(measured, str) else f"{measured['per_second']:.0f} handshakes per second"
        print(f"one warm strongSwan, {scenario}: {value}")
    results = {
        "python": platform.python_version(),
        "ratios": ratios,
        "goals": {name: {"sense": sense, "value": goal, "reached": reached(name, ratios[name])}
                  for name, (sense, goal) in GOALS.items()},
        "engine": engine,
        "codec": codec,
        "strongswan": rate,
        "profiles": profiles,
    }  # fmt: skip
    (ROOT / "bench.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

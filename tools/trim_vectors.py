"""Cut published test vectors down to what is kept under tests/vectors: whole tests are dropped, none is altered.

trim_vectors.py wycheproof SOURCE_FOLDER        writes tests/vectors/wycheproof/*.json
trim_vectors.py ikev2 SOURCE_FILE               writes tests/vectors/nist/ikev2.fax
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

VECTORS = Path(__file__).parent.parent / "tests" / "vectors"

# How many tests of each kind (same flags, same result, same comment but for its digits) are kept.
WYCHEPROOF = {
    **{f"mlkem_{size}_{kind}": 2 for size in (512, 768, 1024) for kind in ("test", "encaps_test")},
    **{f"mlkem_{size}_keygen_seed_test": 5 for size in (512, 768, 1024)},
    **dict.fromkeys(("x25519_test", "x448_test"), 1),
    **{f"ecdh_{curve}_ecpoint_test": 1 for curve in ("secp256r1", "secp384r1", "secp521r1")},
}


def wycheproof(source: Path) -> None:
    """Keep the first tests of each kind of each file."""
    for name, kept in WYCHEPROOF.items():
        document = json.loads((source / f"{name}.json").read_text())
        seen: Counter[tuple[str, ...]] = Counter()
        for group in document["testGroups"]:
            tests = []
            for test in group["tests"]:
                comment = re.sub(r"\d+", "", test.get("comment", ""))
                kind = (*test.get("flags", ()), test["result"], comment)
                seen[kind] += 1
                if seen[kind] <= kept:
                    tests.append(test)
            group["tests"] = tests
        document["numberOfTests"] = sum(len(group["tests"]) for group in document["testGroups"])
        (VECTORS / "wycheproof" / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")


def ikev2(source: Path) -> None:
    """Keep the first two counts of each section (digest and lengths) of NIST's file, with its head."""
    head, *sections = re.split(r"(?m)^(?=\[g\^ir length)", source.read_text().replace("\r", ""))
    kept = []
    for section in sections:
        preamble, *counts = re.split(r"(?m)^(?=COUNT = )", section)
        kept.append(preamble + "".join(counts[:2]))
    (VECTORS / "nist" / "ikev2.fax").write_text(head + "".join(kept))


if __name__ == "__main__":
    {"wycheproof": wycheproof, "ikev2": ikev2}[sys.argv[1]](Path(sys.argv[2]))

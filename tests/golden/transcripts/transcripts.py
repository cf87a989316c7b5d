"""Golden transcripts: every datagram between two engines with a fixed random source and fixed times.

They say that our octets for given parameters never change unnoticed. ``python tests/golden/transcripts/transcripts.py``
writes them again, on purpose; look at the difference before committing it. ML-KEM comes from liboqs here, the one
provider whose encapsulation takes its randomness from the caller.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
sys.path[:0] = [str(FOLDER.parents[2]), str(FOLDER.parents[1] / "support")]

from engine_arrows import arrow, from_initiator  # noqa: E402
from engine_pair import EnginePair, pair, policy, proposal, run  # noqa: E402

from harness.crypto.key_exchange import replayable_key_exchange  # noqa: E402

CBC = {"encr": "aes-256-cbc", "integ": "hmac-sha2-256-128"}
ESP_CBC = (proposal(sn="esn", **CBC),)

WITHOUT_LIBOQS: dict[str, dict[str, Any]] = {
    "x25519": {"offer": policy(ke="curve25519")},
    "ecp384-after-a-cookie-cbc": {
        "offer": policy(ke="ecp384", prf="hmac-sha2-384", **CBC),
        "esp": ESP_CBC,
        "responder_require_cookie": True,
    },
}
WITH_LIBOQS: dict[str, dict[str, Any]] = {
    "x25519-mlkem768": {"offer": policy(ke="curve25519", addke1="ml-kem-768")},
    "x25519-mlkem1024-at-576": {"offer": policy(ke="curve25519", addke1="ml-kem-1024"), "fragment_octets": 576},
}
TRANSCRIPTS = WITHOUT_LIBOQS | WITH_LIBOQS


def engines(name: str) -> EnginePair:
    """A pair that has not begun, set up as the transcript says."""
    return pair(**TRANSCRIPTS[name], key_exchange=replayable_key_exchange)


def record(name: str) -> list[dict[str, str]]:
    """A handshake, a sign of life from each end, and the end: one entry a datagram."""
    both = run(engines(name))
    both.initiator.send_liveness(0.0)
    both.deliver()
    both.responder.send_liveness(0.0)
    both.deliver()
    both.initiator.delete(0.0)
    both.deliver()
    return [
        {
            "from": "initiator" if from_initiator(datagram) else "responder",
            "message": arrow(datagram)[3:],
            "datagram": datagram.payload.hex(),
        }
        for datagram in both.wire
    ]


def file_of(name: str) -> Path:
    return FOLDER / f"{name}.jsonl"


def read(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in file_of(name).read_text(encoding="utf-8").splitlines()]


def write(name: str) -> None:
    text = "".join(json.dumps(entry) + "\n" for entry in record(name))
    file_of(name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    for each in TRANSCRIPTS:
        write(each)
        print(file_of(each).relative_to(FOLDER.parents[2]))

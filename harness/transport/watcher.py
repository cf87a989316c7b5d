"""The watcher process: captures what passes a product's interface, beside it in its network, driven by JSON lines.

``{"case": C, "do": "watch", "addresses": [...]}`` begins a case; ``{"case": C, "do": "collect"}`` ends it and is
answered by ``{"case": C, "frames": [...], "drops": N}``.
"""

from __future__ import annotations

import asyncio
import json
import sys

from harness.json_codec import to_json
from harness.transport.capture import Capture

_LINE_OCTETS = 1 << 20


async def serve(reader: asyncio.StreamReader, capture: Capture) -> None:
    """Handle one JSON object a line until the input ends."""
    watched: dict[str, tuple[str, ...]] = {}
    while line := await reader.readline():
        request = json.loads(line)
        case = str(request["case"])
        if request["do"] == "watch":
            watched[case] = tuple(request["addresses"])
            capture.watch(*watched[case])
            _answer({"case": case, "watching": True})
        elif request["do"] == "collect" and case in watched:
            frames, drops = capture.collect(*watched.pop(case))
            _answer({"case": case, "frames": to_json(frames), "drops": drops})


def _answer(content: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE_OCTETS)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    capture = Capture(loop)
    _answer({"case": "", "ready": True})
    await serve(reader, capture)


if __name__ == "__main__":
    asyncio.run(_main())

"""Where the command begins: Ctrl-C is one clear line also while the rest of it is still being imported."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command ``ipsec-interop``."""
    try:
        from harness.cli.main import main as command  # noqa: PLC0415  # half a second of imports

        command()
    except KeyboardInterrupt:
        print("ipsec-interop: interrupted", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()

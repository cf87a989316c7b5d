"""Where the command begins: Ctrl-C is one clear line also while the rest of it is still being imported."""

from __future__ import annotations

from harness.cli.interruption import heard, heed, leave


def main() -> None:
    """Run the command ``ipsec-interop``."""
    heed()
    try:
        from harness.cli.main import main as command  # noqa: PLC0415  # half a second of imports

        command()
    except KeyboardInterrupt:
        leave()
    except Exception:
        if heard():
            leave()
        raise


if __name__ == "__main__":
    main()

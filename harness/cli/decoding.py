"""``ipsec-interop decode``."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.output import out
from harness.evidence.store import EvidenceFolder
from harness.run.decode import decode_capture, decode_evidence


@click.command()
@click.argument("pcap", type=click.Path(exists=True, path_type=Path))
@click.option("--keys", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="The evidence folder with secrets.json; by default the capture's own folder.")  # fmt: skip
def decode(pcap: Path, keys: Path | None) -> None:
    """Show the IKE messages of a capture, decrypted where secrets are at hand."""
    folder = keys or pcap.parent
    lines = (
        decode_evidence(EvidenceFolder(folder), pcap) if (folder / "secrets.json").is_file() else decode_capture(pcap)
    )
    for line in lines:
        out(line)

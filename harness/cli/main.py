"""The command ``ipsec-interop``. stdout is data, stderr is progress; every error a user can make is one clear line."""

from __future__ import annotations

import sys

import click

from harness.cli.decoding import decode
from harness.cli.doctor import doctor
from harness.cli.laboratory import lab
from harness.cli.lint import lint
from harness.cli.listing import listing
from harness.cli.planning import plan
from harness.cli.reporting import diff, report
from harness.cli.running import repro, run
from harness.cli.verifying import verify
from harness.evidence.capture import UnreadableCapture
from harness.evidence.store import UnreadableEvidence
from harness.json_codec import RecordError
from harness.lab.errors import LabError
from harness.results.judgement import ExitStatus
from harness.scenario.selection import NothingSelected
from harness.scenario.toml_source import InvalidData

_BAD_INPUT = (InvalidData, NothingSelected, RecordError, UnreadableEvidence, UnreadableCapture, FileNotFoundError)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ipsec-interop")
def cli() -> None:
    """Interoperability test harness for post-quantum IPsec."""


for command in (doctor, listing, plan, run, report, verify, diff, repro, decode, lint, lab):
    cli.add_command(command)


def main() -> None:
    """Run the command; the exit status is DESIGN's: 0 as expected, 1 not, 2 bad input, 3 lab or harness error."""
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitStatus.BAD_INPUT)
    except _BAD_INPUT as error:
        _say(str(error))
        sys.exit(ExitStatus.BAD_INPUT)
    except LabError as error:
        _say(str(error))
        sys.exit(ExitStatus.LAB_ERROR)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        sys.exit(ExitStatus.LAB_ERROR)


def _say(text: str) -> None:
    print(f"ipsec-interop: {text}", file=sys.stderr)


if __name__ == "__main__":
    main()

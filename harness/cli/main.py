"""The command ``ipsec-interop``. stdout is data, stderr is progress; every error a user can make is one clear line."""

from __future__ import annotations

import signal
import sys
import traceback

import click
from docker.errors import DockerException

from harness.border.names import UnsafeName
from harness.cli.decoding import decode
from harness.cli.doctor import doctor
from harness.cli.interruption import heard, leave
from harness.cli.laboratory import lab
from harness.cli.lint import lint
from harness.cli.listing import listing
from harness.cli.output import err, flush, of_system, write_in_any_encoding
from harness.cli.planning import plan
from harness.cli.repeating import repro
from harness.cli.reporting import diff, report
from harness.cli.running import run
from harness.cli.verifying import verify
from harness.evidence.capture import UnreadableCapture
from harness.evidence.store import UnreadableEvidence
from harness.json_codec import RecordError
from harness.lab.errors import ConfigurationSyntax, LabError, TemplateError
from harness.results.judgement import ExitStatus
from harness.run.resume import NotResumable
from harness.scenario.selection import NothingSelected
from harness.scenario.toml_source import InvalidData

_BAD_DATA = (InvalidData, NotResumable, NothingSelected, RecordError, UnreadableEvidence, UnreadableCapture, UnsafeName)
_BAD_TEMPLATE = (TemplateError, ConfigurationSyntax)
_BAD_PATH = (FileNotFoundError, PermissionError, NotADirectoryError, IsADirectoryError, FileExistsError)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ipsec-interop")
def cli() -> None:
    """Interoperability test harness for post-quantum IPsec."""


for command in (doctor, listing, plan, run, report, verify, diff, repro, decode, lint, lab):
    cli.add_command(command)


def main() -> None:
    """Run the command; the exit status is DESIGN's: 0 as expected, 1 not, 2 bad input, 3 lab or harness error."""
    write_in_any_encoding()
    try:
        _command()
    finally:
        flush()


def _command() -> None:
    try:
        cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(ExitStatus.BAD_INPUT)
    except (*_BAD_DATA, *_BAD_TEMPLATE) as error:
        _say(str(error))
        sys.exit(ExitStatus.BAD_INPUT)
    except LabError as error:
        _say(str(error))
        sys.exit(ExitStatus.LAB_ERROR)
    except (KeyboardInterrupt, click.Abort):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left to interrupt but this process's own end
        leave()
    except (OSError, DockerException) as error:
        _say(of_system(error))
        sys.exit(ExitStatus.BAD_INPUT if isinstance(error, _BAD_PATH) else ExitStatus.LAB_ERROR)
    except Exception:  # noqa: BLE001  # a bug of ours keeps its traceback, and is not taken for a verdict
        if heard():
            leave()
        err(traceback.format_exc().rstrip())
        sys.exit(ExitStatus.LAB_ERROR)


def _say(text: str) -> None:
    err(f"ipsec-interop: {text}")


if __name__ == "__main__":
    main()

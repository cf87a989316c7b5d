"""Errors of the lab. Each prints as one clear line; none of them ever says anything about a peer's conformance.

LabError
|- DockerUnavailable      the engine cannot be reached, or does not answer any more
|- EngineTooSlow          the engine has missed the deadline of a call, and lives
|- NetworkUnavailable     the engine has no address range left for a network
|- ImageBuildFailed       a build step failed; carries the last lines that the failing command printed
|- TemplateError          a template uses a variable that it is not given, or does not parse
|- ConfigurationSyntax    a rendered configuration is not what its product's syntax allows
|- Inexpressible          a policy holds something that the product's configuration cannot say
|- ConfigurationRefused   the product does not take the configuration of a connection
|- PeerDied               the peer's daemon ended, or does not answer any more, while a case was played
|- PeerUnreachable        the peer's control interface is gone or refuses a command
|  `- TooMuchSaid         an answer is longer than the limit
|- WrongAnswer            the control program of a peer answers what its contract does not allow
|- UnreadableStatus       a driver does not understand what its product's status says
|- NotReady               a condition was not met by its deadline
|- WrongVersion           the daemon is not the version that the peer's name says
|- WrongSheet             the daemon's build has other key exchange methods than its capability sheet says
`- WorkerLost             the worker process ended
"""

from __future__ import annotations

from harness.border import limits
from harness.border.text import harmless, without_middle
from harness.evidence.interruption import Death

_LINE_SHOWN = 300  # characters of a line that a driver cannot read


class LabError(Exception):
    """The lab or its surroundings broke: a case that meets one is an ERROR, never a peer's fault.

    Its text may quote a peer, so it is harmless, and never longer than a reader takes in.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(without_middle(harmless(message), limits.ERROR))


class DockerUnavailable(LabError):
    """Docker's engine cannot be reached."""


class EngineTooSlow(LabError):
    """Docker's engine has missed the deadline of a call, though it lives. Others may succeed."""


class NetworkUnavailable(LabError):
    """No network could be made for the run."""


class ImageBuildFailed(LabError):
    """An image could not be built. ``tail`` holds the last lines of the failing command."""

    def __init__(self, image: str, reason: str, tail: str) -> None:
        self.image, self.reason, self.tail = image, reason, tail
        super().__init__(f"image {image}: {reason}" + (f"\n{tail}" if tail else ""))


class TemplateError(LabError):
    """A template could not be rendered; the message begins with file and line."""


class ConfigurationSyntax(LabError):
    """A rendered configuration does not follow its syntax; the message begins with file and line."""


class Inexpressible(LabError):
    """A policy asks for something that the product's configuration has no word for."""


class ConfigurationRefused(LabError):
    """A product does not take a connection's configuration. A result, where a scenario asks for just that."""


class PeerUnreachable(LabError):
    """A peer's control interface does not answer, or answers that a command failed."""


class PeerDied(LabError):
    """A peer's daemon ended while a case was played. Whether that is its fault is for whoever has seen it twice."""

    def __init__(self, death: Death) -> None:
        self.death = death
        super().__init__(death.sentence)


class TooMuchSaid(PeerUnreachable):
    """What a peer answers has no end, or none within the limit: nothing of it is taken, as a part is not the whole."""


class WrongAnswer(LabError):
    """A peer's control program breaks its contract; the message names the peer's container, the verb and the field."""


class UnreadableStatus(LabError):
    """A driver does not wholly understand what its product says of its SAs; the message ends in the line it is about.

    What cannot be read is not taken for "no SA": a new wording of a product is nobody's fault but the driver's.
    """

    def __init__(self, command: str, line: str, why: str = "") -> None:
        shown = line.strip()
        shown = shown[:_LINE_SHOWN] + "..." if len(shown) > _LINE_SHOWN else shown
        super().__init__(f"{command}: the driver cannot read this{f' ({why})' if why else ''}: {shown!r}")


class NotReady(LabError):
    """A condition was not met by its deadline. Shows the state, what was waited for, and the end of the log."""

    def __init__(self, what: str, deadline_s: float, state: str, pattern: str, log_tail: str) -> None:
        self.what, self.state, self.pattern, self.log_tail = what, state, pattern, log_tail
        line = f"{what}: not ready within {deadline_s:g} s; state: {state}; waited for: {pattern}"
        super().__init__(line + (f"; log ends:\n{log_tail}" if log_tail else ""))


class WrongVersion(LabError):
    """A daemon reports another version than the one that its peer is named after."""


class WrongSheet(LabError):
    """A capability sheet is not what the running build can do: what is predicted from it would be wrong."""


class WorkerLost(LabError):
    """The worker ended or its channel broke. The message carries the end of its standard error."""

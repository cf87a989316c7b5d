"""Errors of the lab. Each prints as one clear line; none of them ever says anything about a peer's conformance.

LabError
|- DockerUnavailable      the engine cannot be reached
|- NetworkUnavailable     the engine has no address range left for a network
|- ImageBuildFailed       a build step failed; carries the last lines that the failing command printed
|- TemplateError          a template uses a variable that it is not given, or does not parse
|- ConfigurationSyntax    a rendered configuration is not what its product's syntax allows
|- Inexpressible          a policy holds something that the product's configuration cannot say
|- ConfigurationRefused   the product does not take the configuration of a connection
|- PeerUnreachable        the peer's control interface is gone or refuses a command
|- WrongAnswer            the control program of a peer answers what its contract does not allow
|- NotReady               a condition was not met by its deadline
|- WrongVersion           the daemon is not the version that the peer's name says
|- WrongSheet             the daemon's build has other key exchange methods than its capability sheet says
`- WorkerLost             the worker process ended
"""

from __future__ import annotations


class LabError(Exception):
    """The lab or its surroundings broke: a case that meets one is an ERROR, never a peer's fault."""


class DockerUnavailable(LabError):
    """Docker's engine cannot be reached."""


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


class WrongAnswer(LabError):
    """A peer's control program breaks its contract; the message names the peer's container, the verb and the field."""


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

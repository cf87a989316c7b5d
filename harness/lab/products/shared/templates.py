"""Configuration templates: Jinja2, in which a variable that is not given is an error with file and line."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from harness.lab.errors import LabError, TemplateError


def render(template: Path, **variables: Any) -> str:
    """Render one template file.

    Raises:
        TemplateError: the file is missing, does not parse, or uses a variable that is not in ``variables``.
    """
    try:
        return _environment(template.parent).get_template(template.name).render(**variables)
    except jinja2.TemplateNotFound as error:
        raise TemplateError(f"{template}: there is no such template") from error
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"{template}:{error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        raise TemplateError(f"{template}:{_line(error.__traceback__, template)}: {error.message}") from error
    except LabError:  # of a function that the template was given
        raise
    except Exception as error:  # whatever the template does: its author is to be told, and is perhaps somebody else
        words = f"{type(error).__name__}: {error}"
        raise TemplateError(f"{template}:{_line(error.__traceback__, template)}: {words}") from error


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """One for each folder: it keeps what it has compiled, and compiles again what has changed on disk.

    A template is somebody else's where ``--peers`` brings it: it reaches what it is given, and nothing of this machine.
    """
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _line(traceback: TracebackType | None, template: Path) -> int:
    """The innermost line of the template that the error passed through; Jinja2 maps its frames back to the file."""
    line = 0
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == str(template):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line

"""A template that somebody else wrote: it does nothing on this machine, and what breaks in it is one clear line."""

from __future__ import annotations

import pytest

from harness.lab.errors import TemplateError
from harness.lab.products.shared.templates import render


def test_a_template_runs_no_program(tmp_path):
    template, mark = tmp_path / "x.conf.j2", tmp_path / "mark"
    template.write_text(f"{{{{ cycler.__init__.__globals__.os.system('touch {mark}') }}}}")
    with pytest.raises(TemplateError, match=r"x\.conf\.j2"):
        render(template)
    assert not mark.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"{{ 1 / 0 }}",
        b'{% include "x.conf.j2" %}',
        b'{{ "%d" % "x" }}',
        b"\xff",
        b"{% for i in range(10**9) %}{% endfor %}",
    ],
)
def test_whatever_breaks_in_a_template_names_it(tmp_path, content):
    template = tmp_path / "x.conf.j2"
    template.write_bytes(content)
    with pytest.raises(TemplateError, match=r"x\.conf\.j2:\d+: "):
        render(template)

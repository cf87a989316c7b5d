"""Names of files from outside: plain and inside their folder, or refused."""

from __future__ import annotations

import pytest

from harness.border.names import UnsafeName, inside, plain_name, plain_part, shown_as_text

REFUSED = (
    "", "/", "/etc/passwd", "//host/share", "../x", "../../x", "a/../b", "a/..", "..", ".", "./a", "a//b", "a/",
    ".hidden", "a/.git/config", "a\0b", "a\nb", "a\x1b[2Jb", "\ud800", "a\u202eb", "..\\..\\x", "C:\\x", "C:x", "a:b",
    "a*", "a?", "a|b", "<a>", 'a"b', "a ", " a", "a.", "a /b", "x" * 256, "\u00e9" * 128, "/".join("abcdefghi"),
    "/".join(["x" * 200] * 6),
)  # fmt: skip


@pytest.mark.parametrize("name", REFUSED, ids=ascii)
def test_refused(name, tmp_path):
    with pytest.raises(UnsafeName, match="file name"):
        plain_name(name)
    with pytest.raises(UnsafeName):
        inside(tmp_path, name)


@pytest.mark.parametrize(
    "name", ["swanctl.conf", "a/b/c.txt", "peer 1 (old).conf", "..a"[2:], "gr\u00fc\u00df.conf", "-rf", "~", "a..b"]
)
def test_taken(name, tmp_path):
    assert plain_name(name) == name
    assert inside(tmp_path, name) == tmp_path / name


def test_one_part():
    assert plain_part("a__b@c@initiator") == "a__b@c@initiator"
    with pytest.raises(UnsafeName, match="one part"):
        plain_part("a/b")


def test_the_reason_is_one_short_harmless_line():
    with pytest.raises(UnsafeName) as error:
        plain_name("\x1b]0;\ud800" * 100_000)
    text = str(error.value)
    assert text.isprintable() and len(text) < 1500
    assert text.encode("utf-8")


def test_a_link_may_not_lead_out(tmp_path):
    folder = tmp_path / "evidence"
    (folder / "within").mkdir(parents=True)
    (tmp_path / "secret").write_text("of somebody else")
    (folder / "out").symlink_to(tmp_path)
    (folder / "file").symlink_to(tmp_path / "secret")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "same").symlink_to(folder / "within")
    for name in ("out/secret", "out/new", "file", "circle", "circle/x"):
        with pytest.raises(UnsafeName, match="leads out"):
            inside(folder, name)
    assert inside(folder, "same/new") == folder / "same" / "new"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("swanctl.conf", "swanctl.conf"), ("a/b.json", "a/b.json"), ("index.html", "index.html.txt"),
        ("index.HTML", "index.HTML.txt"), ("picture.svg", "picture.svg.txt"), ("page.xhtml", "page.xhtml.txt"),
        ("data.xml", "data.xml.txt"), ("noscript", "noscript.txt"), ("a.conf/b", "a.conf/b.txt"),
        ("index.html.conf", "index.html.conf"),
    ],
)  # fmt: skip
def test_no_browser_takes_it_for_a_page(name, kept):
    assert shown_as_text(name) == kept
    assert shown_as_text(kept) == kept

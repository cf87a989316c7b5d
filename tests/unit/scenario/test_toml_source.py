from pathlib import Path

import pytest
from budget import assert_within_budget

from harness.scenario.toml_source import InvalidData, key_lines, read_toml

TEXT = '''# comment with [brackets] and key = 1
id = "a"   # b = 2

[offer.ike]
encr = [
    "x", # ] not the end
    "y",
]
ke = ["z"]
"quoted key" = 'single # no comment'

[[expect]]
check = """
[not-a-table]
also = "not a key"
"""
after = 1
[[expect]]
check = { inline = "yes", more = [1, 2] }
a.b = 3
  [expect.nested]
  deep = 1
'''


def test_every_header_and_key_has_its_line():
    lines = key_lines(TEXT)
    expected = {
        ("id",): "id =",
        ("offer", "ike"): "[offer.ike]",
        ("offer",): "[offer.ike]",
        ("offer", "ike", "encr"): "encr =",
        ("offer", "ike", "ke"): "ke =",
        ("offer", "ike", "quoted key"): '"quoted key"',
        ("expect", 0): "[[expect]]",
        ("expect", 0, "check"): 'check = """',
        ("expect", 0, "after"): "after =",
        ("expect", 1, "check"): "check = {",
        ("expect", 1, "a"): "a.b",
        ("expect", 1, "a", "b"): "a.b",
        ("expect", 1, "nested"): "[expect.nested]",
        ("expect", 1, "nested", "deep"): "deep",
    }
    text = TEXT.splitlines()
    assert {path: text[lines[path] - 1].strip().startswith(start) for path, start in expected.items()} == dict.fromkeys(
        expected, True
    )
    assert not any("also" in path or "not-a-table" in path for path in lines)


@pytest.mark.parametrize(
    ("value", "following"),
    [
        ('"""a\n"quoted" b"""', 3),
        ('"""ends in quotes"""""', 2),
        ("'''\nliteral \\ '''", 3),
        (r'"escaped \" = quote"', 2),
        ("'C:\\'", 2),
        ("[\n[1,\n2],\n]", 5),
        ("{ a = [ '}' ] }", 2),
        ("2026-11-21T00:00:00Z # end", 2),
    ],
)
def test_a_value_ends_where_toml_says(value, following):
    import tomllib

    text = f"first = {value}\nsecond = 1\n"
    assert tomllib.loads(text)["second"] == 1
    assert key_lines(text)["second",] == following


def test_windows_line_ends_count_once():
    assert key_lines("a = 1\r\n\r\n[t]\r\nb = 2\r\n") == {("a",): 1, ("t",): 3, ("t", "b"): 4}


def test_a_key_without_a_line_takes_that_of_what_encloses_it(tmp_path: Path):
    path = tmp_path / "x.toml"
    path.write_text("\n[offer]\nike = { encr = [1] }\n")
    source = read_toml(path)
    assert source.line(("offer", "ike", "encr")) == 3
    assert source.line(("nothing",)) == 1


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a = 1\nb = = 2\n", 2, "not TOML"),
        (b"a = 1\na = 2\n", 2, "not TOML"),
        (b'a = 1\n\nb = "open\n', 3, "not TOML"),
        (b"[open", 1, "not TOML"),
        (b"a = 1\nb = '\xff'\n", 2, "not UTF-8"),
        (b"a = 1\nb = " + b"7" * 5000, 2, "not TOML: Exceeds the limit"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, 1, "nests tables and arrays deeper than 16"),
        (b"a = " + b"{a=" * 5000 + b"1" + b"}" * 5000, 1, "nests tables and arrays deeper than 16"),
        (b".".join([b"a"] * 5000) + b" = 1", 1, "nests tables and arrays deeper than 16"),
        (b"[" + b".".join([b"a"] * 5000) + b"]", 1, "nests tables and arrays deeper than 16"),
        (b".".join([b"a"] * 30) + b" = 1", 1, "nests tables and arrays deeper than 16"),
        ('"\u2028"'.join([".a" * 900 + "."] * 9)[1:].encode() + b"a = 1", 1, "nests tables and arrays deeper than 16"),
        (b"a = " + b"[" * 17 + b"]" * 17, 1, "nests tables and arrays deeper than 16"),
        (b"a = 1979-02-31", 1, "not TOML"),
        (b"#" * (1 << 20) + b"\n", 1, "cannot be read: has 1,048,577 octets, and 1,048,576 are the limit"),
    ],
)
def test_a_broken_file_says_path_line_and_why(tmp_path: Path, content, line, words):
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(InvalidData) as caught:
        read_toml(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_one_clear_line(tmp_path: Path):
    with pytest.raises(InvalidData, match=r"x\.toml:1: cannot be read: No such file"):
        read_toml(tmp_path / "x.toml")


@pytest.mark.parametrize("text", [r"\u001b[2J", r"\u0000", r"\u202e", r"\u200b", r"\u2028"])
def test_a_character_that_is_not_printed_is_a_mistake_with_its_line(tmp_path: Path, text):
    path = tmp_path / "x.toml"
    for where, content in ((2, f'a = 1\nb = "x{text}"\n'), (3, f'\n\nb = ["x", "{text}"]\n'), (1, f'"{text}" = 1\n')):
        path.write_text(content)
        with pytest.raises(InvalidData, match=rf"x\.toml:{where}: holds a character that is not printed") as error:
            read_toml(path)
        assert str(error.value).isprintable()


COSTLY = {
    "dotted keys": b"\n".join(b"a.b.c.d.e.f.g%d = 1" % n for n in range(800)),
    "keys of many dots": b"\n".join(b"a" + b".b" * 13 + b".c%d = 1" % n for n in range(440)),
    "prose of many dots": b"\n".join(b"# " + b"192.0.2.1, " * 12 for _ in range(120)),
    "headers": b"\n".join(b"[a.b.c.d.e.f.g%d]" % n for n in range(900)),
    "arrays of tables": b"[[a]]\n" * 2700,
    "nested arrays of tables": b"[[a]]\n[[a.b]]\n" * 1000,
    "a long array": b"a = [" + b"1," * 8000 + b"]",
    "many short arrays": b"a = [" + b"[]," * 5000 + b"]",
    "a long string": b'a = "' + rb"\u0041" * 2700 + b'"',
    "quotes": b"a = '''" + b"''\n" * 5000 + b"'''",
    "a long key": b"a" * 16000 + b" = 1",
    "comments": b"#\n" * 8000,
    "many keys": b"\n".join(b"k%d=1" % n for n in range(2200)),
}


@pytest.mark.parametrize("what", COSTLY)
def test_what_reading_costs(tmp_path: Path, what):
    path = tmp_path / "x.toml"
    path.write_bytes(COSTLY[what])
    assert read_toml(path).data is not None  # not refused
    assert_within_budget(len(COSTLY[what]), lambda: read_toml(path))


@pytest.mark.parametrize(
    "text",
    [
        b"a." * 8000 + b"a = 1",
        b"[" + b"a." * 8000 + b"a]",
        b"a = " + b"[" * 16000,
        b"\n".join(b"a." * 990 + b"a%d = 1" % n for n in range(8)),
    ],
)
def test_what_refusing_costs(tmp_path: Path, text):
    path = tmp_path / "x.toml"
    path.write_bytes(text)

    def refused() -> None:
        with pytest.raises(InvalidData):
            read_toml(path)

    assert_within_budget(len(text), refused)

from pathlib import Path

import pytest

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

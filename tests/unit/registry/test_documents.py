"""The documents of requirements: their links, and what is refused of a source or a section."""

import pytest

from harness.registry.documents import DOCUMENTS, section_links, section_problem, source_problem

DRAFT = "draft-ietf-ipsecme-ikev2-mlkem-08"


@pytest.mark.parametrize(
    ("source", "section", "links"),
    [
        ("RFC 9370", "2.2.1", (("2.2.1", "https://www.rfc-editor.org/rfc/rfc9370#section-2.2.1"),)),
        (
            "RFC 7296",
            "2.7, C.2",
            (
                ("2.7", "https://www.rfc-editor.org/rfc/rfc7296#section-2.7"),
                ("C.2", "https://www.rfc-editor.org/rfc/rfc7296#appendix-C.2"),
            ),
        ),
        (DRAFT, "A", (("A", f"https://datatracker.ietf.org/doc/html/{DRAFT}#appendix-A"),)),
        ("RFC 9999", "1", ()),
        ("this project", "", ()),
        ("RFC 9370", "9.9, 2.2.4", (("2.2.4", "https://www.rfc-editor.org/rfc/rfc9370#section-2.2.4"),)),
        ("RFC 9370", '2"><script>', ()),
    ],
)
def test_each_section_has_its_address(source, section, links):
    assert section_links(source, section) == links


@pytest.mark.parametrize("source", ["RFC 9370", DRAFT, "this project", "implementations"])
def test_a_known_source(source):
    assert source_problem(source) == ""


@pytest.mark.parametrize("source", ["RFC9370", "rfc 9370", "RFC 9371", "draft-ietf-ipsecme-ikev2-mlkem", ""])
def test_a_source_that_nobody_knows(source):
    assert source_problem(source).startswith(f"unknown document {source!r}; known: RFC 3602, ")


@pytest.mark.parametrize("section", ["1", "2.2.5.1", "2.2.1, 2.2.4", "A.2", "2.2.1,C"])
def test_sections_that_there_are(section):
    assert section_problem("RFC 9370", section) == ""


@pytest.mark.parametrize(
    ("source", "section", "words"),
    [
        ("RFC 9370", "", "a requirement of RFC 9370 names its section"),
        ("RFC 9370", "2.2.6", "RFC 9370 has no section 2.2.6"),
        ("RFC 9370", "2.2.1, 7", "RFC 9370 has no section 7"),
        ("RFC 9370", "2.2.1.", "'2.2.1.' is no section"),
        ("RFC 9370", "2.2.1,", "'' is no section"),
        ("RFC 9370", "section 2", "'section 2' is no section"),
        ("RFC 9242", "2.2.1", "RFC 9242 has no section 2.2.1"),
        (DRAFT, "2.3", f"{DRAFT} has no section 2.3"),
        ("this project", "1", "'this project' is no document, so it has no section '1'"),
    ],
)
def test_sections_that_there_are_not(source, section, words):
    assert section_problem(source, section).startswith(words)


def test_the_addresses_are_of_the_publishers():
    for name, document in DOCUMENTS.items():
        rfc = name.startswith("RFC ")
        host = "https://www.rfc-editor.org/rfc/rfc" if rfc else "https://datatracker.ietf.org/doc/html/draft-"
        assert document.page.startswith(host) and document.page.endswith(name.removeprefix("RFC ")), name
        assert "1" in document.sections, name

"""The documents that requirements come from: where each is published, and which sections it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WITHOUT_DOCUMENT = ("this project", "implementations")
"""Sources that are no documents: what this project asks for, and what implementations were seen to do."""

_FORM = re.compile(r"\d+(\.\d+)*|[A-Z](\.\d+)*")


@dataclass(frozen=True, slots=True)
class Document:
    """A document by the name that ``source`` has in the catalogue of requirements."""

    page: str  # the public address of its text
    sections: frozenset[str]  # as its table of contents and its headings number them: "2.2.1", of an appendix "A.2"

    def link(self, section: str) -> str:
        """The public address of one section; the anchors are those of rfc-editor.org and datatracker.ietf.org."""
        kind = "section" if section[0].isdigit() else "appendix"
        return f"{self.page}#{kind}-{section}"


def _rfc(number: int, sections: str) -> tuple[str, Document]:
    page = f"https://www.rfc-editor.org/rfc/rfc{number}"
    return f"RFC {number}", Document(page, frozenset(sections.split()))


def _draft(name: str, sections: str) -> tuple[str, Document]:
    return name, Document(f"https://datatracker.ietf.org/doc/html/{name}", frozenset(sections.split()))


DOCUMENTS: Mapping[str, Document] = MappingProxyType(
    dict(
        (
            _rfc(3602, "1 2 3 4 5"),
            _rfc(4106, "1 1.1 2 3 3.1 3.2 4 5 6 7 8 8.1 8.2 8.3 8.4 9 10 11 12 13 14 15"),
            _rfc(4301, "1 2 3 4 4.1 4.4.1 4.4.2 5 5.1 5.2 6 6.1 6.2"),  # those that the catalogue may name
            _rfc(
                4303,
                "1 2 2.1 2.2 2.2.1 2.3 2.4 2.5 2.6 2.7 2.8 3 3.1 3.1.1 3.1.2 3.2 3.2.1 3.2.2 3.2.3 3.3 3.3.1 3.3.2 "
                "3.3.2.1 3.3.2.2 3.3.3 3.3.4 3.4 3.4.1 3.4.2 3.4.3 3.4.4 3.4.4.1 3.4.4.2 4 5 6 7 8 9 10 10.1 10.2",
            ),
            _rfc(5282, "1 1.1 2 3 3.1 3.2 4 5 5.1 5.2 6 7 7.1 7.2 7.3 8 9 10 10.1 10.2 10.3 11 12 13 14 14.1 14.2"),
            _rfc(6023, "1 1.1 2 3 4 5 6 7 8 8.1 8.2"),
            _rfc(
                7296,
                "1 1.1 1.1.1 1.1.2 1.1.3 1.1.4 1.2 1.3 1.3.1 1.3.2 1.3.3 1.4 1.4.1 1.5 1.6 1.7 1.8 2 2.1 2.2 2.3 2.4 "
                "2.5 2.6 2.6.1 2.7 2.8 2.8.1 2.8.2 2.8.3 2.9 2.9.1 2.9.2 2.10 2.11 2.12 2.13 2.14 2.15 2.16 2.17 2.18 "
                "2.19 2.20 2.21 2.21.1 2.21.2 2.21.3 2.21.4 2.22 2.23 2.23.1 2.24 2.25 2.25.1 2.25.2 3 3.1 3.2 3.3 "
                "3.3.1 3.3.2 3.3.3 3.3.4 3.3.5 3.3.6 3.4 3.5 3.6 3.7 3.8 3.9 3.10 3.10.1 3.11 3.12 3.13 3.13.1 3.14 "
                "3.15 3.15.1 3.15.2 3.15.3 3.15.4 3.16 4 5 5.1 6 7 7.1 7.2 A B B.1 B.2 C C.1 C.2 C.3 C.4 C.5 C.6",
            ),
            _rfc(7383, "1 1.1 1.2 1.3 2 2.1 2.2 2.3 2.4 2.5 2.5.1 2.5.2 2.5.3 2.6 2.6.1 3 4 5 6 7 7.1 7.2 A B"),
            _rfc(7427, "1 2 3 4 5 6 7 8 8.1 8.2 A A.1 A.2 A.3 A.4 A.4.1 A.4.2 A.4.3 B"),
            _rfc(8784, "1 1.1 2 3 4 5 5.1 5.2 5.2.1 5.2.2 5.2.3 6 7 8 8.1 8.2 A"),
            _rfc(9242, "1 2 3 3.1 3.2 3.3 3.3.1 3.3.2 3.4 4 5 6 7 7.1 7.2 A"),
            _rfc(
                9370,
                "1 1.1 1.2 1.3 2 2.1 2.2 2.2.1 2.2.2 2.2.3 2.2.4 2.2.5 2.2.5.1 3 4 5 5.1 5.2 A A.1 A.2 A.3 A.4 B C",
            ),
            _rfc(9593, "1 2 3 3.1 3.2 3.2.1 3.2.2 3.2.3 4 5 6 7 7.1 7.2 A A.1 A.2"),
            _rfc(9611, "1 1.1 1.2 2 3 4 5 5.1 5.2 6 7 8 9 9.1 9.2"),
            _rfc(9867, "1 2 3 3.1 3.1.1 3.2 3.2.1 4 5 6 6.1 6.2 A"),
            _draft("draft-ietf-ipsecme-ikev2-mlkem-08", "1 1.1 1.2 1.3 2 2.1 2.2 3 4 5 5.1 5.2 A"),
        )
    )
)
"""Every document that a requirement may name."""


def section_links(source: str, section: str) -> tuple[tuple[str, str], ...]:
    """Each section of a requirement with its public address: ``("2.7", "https://...#section-2.7")``, in order.

    ``section`` is as the catalogue has it, ``"2.7, 3.3.6"``. Empty where the source is no document that we know, as
    in a run that another version of this catalogue recorded; a section that it does not have is left out.
    """
    document = DOCUMENTS.get(source)
    if document is None:
        return ()
    named = (each.strip() for each in section.split(","))
    return tuple((each, document.link(each)) for each in named if each in document.sections)


def source_problem(source: str) -> str:
    """What is wrong with the source of a requirement; "" for nothing."""
    if source in DOCUMENTS or source in WITHOUT_DOCUMENT:
        return ""
    return f"unknown document {source!r}; known: {', '.join((*DOCUMENTS, *WITHOUT_DOCUMENT))}"


def section_problem(source: str, section: str) -> str:
    """What is wrong with the sections of a requirement whose source is known; "" for nothing."""
    document = DOCUMENTS.get(source)
    if document is None:
        return f"{source!r} is no document, so it has no section {section!r}" if section else ""
    if not section:
        return f"a requirement of {source} names its section"
    for each in (part.strip() for part in section.split(",")):
        if not _FORM.fullmatch(each):
            return f"{each!r} is no section: numbers and dots, or the letter of an appendix, such as '2.2.1' or 'A.2'"
        if each not in document.sections:
            return f"{source} has no section {each}"
    return ""

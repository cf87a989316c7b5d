from __future__ import annotations

import re
import runpy
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from harness.registry.documents import section_links
from harness.report import html
from harness.results.model import KernelChoice, Runtime
from harness.results.record import never_run, read_run

RUN = read_run(Path(__file__).parents[2] / "golden" / "report" / "run.jsonl")
PAGE = html.render(RUN)
CSS = (Path(html.__file__).parent / "matrix.css").read_text()
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """Elements with their attributes, the text, and whether every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def parsed(page: str) -> Page:
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    return parser


def test_every_element_is_closed_and_every_id_unique():
    ids = [attributes["id"] for _, attributes in parsed(PAGE).elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_is_loaded_from_elsewhere():
    page = parsed(PAGE)
    assert not [attributes for _, attributes in page.elements if "src" in attributes or "srcset" in attributes]
    assert [attributes["href"] for attributes in page.all("link")] == ["data:,"]
    assert "@import" not in PAGE and "url(" not in PAGE
    assert "default-src 'none'" in PAGE


def test_every_cell_leads_to_its_case_without_a_script():
    page = parsed(PAGE)
    ids = {attributes.get("id") for attributes in page.all("article")}
    cells = [unquote(a["href"] or "")[1:] for a in page.all("a") if "cell" in (a.get("class") or "").split()]
    assert sorted(cells) == sorted(record.case for record in RUN.cases)
    assert set(cells) <= ids


def test_links_are_relative_to_the_run_or_sources_of_a_profile_or_of_a_requirement():
    sources = {source for peer in RUN.header.peers for _, _, source in peer.behaviours}
    rows = [row for scenario in RUN.header.scenarios for row in scenario.requirements]
    sources |= {address for row in rows for _, address in section_links(row[1], row[2])}
    for attributes in parsed(PAGE).all("a"):
        link = attributes["href"] or ""
        assert link.startswith(("#", "cases/")) or link in sources


def test_evidence_links_name_only_files_that_were_recorded():
    files = {f"{a.evidence}/{name}" for record in RUN.cases for a in record.attempts for name in ("", *a.files)}
    links = {unquote(a["href"] or "") for a in parsed(PAGE).all("a") if (a["href"] or "").startswith("cases/")}
    assert links <= files
    assert len(links) > 100


def test_recorded_text_is_never_markup():
    assert "<script>alert" not in PAGE
    assert "alert('not markup')" in "".join(parsed(PAGE).text)
    assert len(parsed(PAGE).all("script")) == 2


def test_a_source_that_is_no_web_address_is_no_link():
    peer = replace(RUN.header.peers[3], behaviours=(("x", "y", "javascript:alert(1)"),))
    run = replace(RUN, header=replace(RUN.header, peers=(*RUN.header.peers[:3], peer, RUN.header.peers[4])))
    assert 'href="javascript' not in html.render(run)


def test_emulated_peers_stand_apart_with_their_sources():
    text = "".join(parsed(PAGE).text)
    assert "Emulated vendors - not the vendor's product" in text
    for what, value, source in RUN.header.peers[3].behaviours:
        assert what in text and value in text and source in text


def test_each_case_gives_the_commands_that_repeat_it():
    text = "".join(parsed(PAGE).text)
    assert (
        "ipsec-interop repro 2026-11-22T10-15-30Z-5eed "
        "multiple-ke/bad-encapsulation-key@strongswan-6.1@initiator" in text
    )
    assert "ipsec-interop run --case hybrid/x25519-mlkem768@emulated/cisco-8000-26.1.1@responder" in text


def test_the_command_against_todays_peers_plays_where_the_run_was_played():
    changes = {
        "brought_peers": ("/mine/of two", "/more"),
        "brought_images": {"strongswan-6.0": "mine:1", "openiked-7.4": "other:1"},
        "runtime": Runtime.LOCAL,
        "kernel_choice": KernelChoice.OWN,
    }
    header = replace(RUN.header, **changes)
    case = "pairs/classical@strongswan-6.0+libreswan-5.2@pair"
    text = "".join(parsed(html.render_pairs(replace(RUN, header=header, cases=(never_run(case, "why"),)))).text)
    options = "--peers '/mine/of two' --peers /more --image strongswan-6.0=mine:1 --runtime local --kernel own"
    assert f"ipsec-interop run {options} --case {case}" in text


def test_the_commands_of_a_pair_name_the_one_ordered_pair():
    case = "pairs/classical@strongswan-6.0+libreswan-5.2@pair"
    text = "".join(parsed(html.render_pairs(replace(RUN, cases=(never_run(case, "why"),)))).text)
    assert f"ipsec-interop repro {RUN.header.id} {case}" in text
    assert f"ipsec-interop run --case {case}" in text


def test_pairs_have_a_table_of_their_own():
    pair = never_run("pairs/as-published@strongswan-6.0+emulated/cisco-8000-26.1.1@pair", "why")
    run = replace(RUN, cases=(*RUN.cases, pair))
    assert 'href="published.html"' in html.render(run)
    assert 'href="pairs.html"' not in html.render(run)
    text = "".join(parsed(html.render_published(run)).text)
    assert "no code of the vendor was run" in text
    assert "Cisco 8000 26.1.1" in text
    assert "strongswan-6.0 initiates to emulated/cisco-8000-26.1.1" in text


def test_an_empty_run_is_a_page():
    parsed(html.render(replace(RUN, cases=(), header=replace(RUN.header, peers=(), scenarios=()))))


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", block))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


LIGHT, DARK = (_colours(block) for block in re.findall(r":root \{([^}]*--fail-ink[^}]*)\}", CSS))
PAIRS = [(f"{v}-ink", f"{v}-paper") for v in ("pass", "fail", "unsupported", "inconclusive", "error", "skipped")]
PAIRS += [("ink", "paper"), ("muted", "paper"), ("accent", "paper"), ("ink", "raised"), ("muted", "raised")]
PAIRS += [("inconclusive-ink", "paper"), ("fail-ink", "raised"), ("accent", "raised")]


@pytest.mark.parametrize("scheme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_text_is_readable(scheme, ink, paper):
    assert _contrast(scheme[ink], scheme[paper]) >= 4.5


def test_a_column_in_which_nothing_was_sent_is_narrow():
    def skipped(record):
        idle = (record.peer, record.role) == ("strongswan-6.0", "responder")
        return never_run(record.case, "cannot initiate it") if idle else record

    page = html.render(replace(RUN, cases=tuple(map(skipped, RUN.cases))))
    heads = [th for th in parsed(page).all("th") if "idle" in (th.get("class") or "").split()]
    assert [head["data-peer"] for head in heads] == ["strongswan-6.0"]
    cells = [td for td in parsed(page).all("td") if "idle" in (td.get("class") or "").split()]
    assert {cell["data-peer"] for cell in cells} == {"strongswan-6.0"}
    assert len(cells) == len({record.scenario for record in RUN.cases})
    assert not [th for th in parsed(PAGE).all("th") if "idle" in (th.get("class") or "").split()]


def test_an_emulated_vendor_is_worn_by_one_product_named_once():
    assert "configured on strongswan-6.1, 6.1.0" in PAGE
    assert "configured on another product" not in PAGE


def test_pages_of_pairs_hold_their_own_cases_and_link_to_each_other():
    run = runpy.run_path(str(Path(__file__).parents[2] / "golden/report/sample_run.py"))["pairs_run"]()
    pages = {"matrix": html.render(run), "pairs": html.render_pairs(run), "published": html.render_published(run)}
    cases = {name: page.count('<article class="case"') for name, page in pages.items()}
    assert cases == {"matrix": 0, "pairs": 4, "published": 8}
    for name, page in pages.items():
        assert {other for other in pages if f'href="{other}.html"' in page} == set(pages) - {name}
    assert "No case of this run is with the engine" in pages["matrix"]
    assert "https://www.example.com/source/proposal.c" in "".join(parsed(pages["published"]).text)
    assert "Unsupported" in pages["published"] and "ADDKE1" in pages["published"]


def test_a_run_without_pairs_has_no_page_of_them():
    assert html.render_pairs(RUN) == html.render_published(RUN) == ""


def test_no_script_runs_but_those_of_the_page():
    page = html.render(RUN)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    (allowed,) = re.findall(r"script-src ([^;]*);", policy[1])
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    hashes = [f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in scripts]
    assert allowed.split() == hashes
    assert not re.search(r"<[^>]*\son\w+=", page)  # an attribute that is a script would not run


def test_a_requirement_links_to_its_sections():
    links = {a["href"] for a in parsed(PAGE).all("a") if a.get("rel") == "noreferrer"}
    assert "https://www.rfc-editor.org/rfc/rfc9370#section-2.2.2" in links
    assert "https://datatracker.ietf.org/doc/html/draft-ietf-ipsecme-ikev2-mlkem-08#section-2.2" in links
    assert "A06, RFC 9370 section " in PAGE and "</a>, MUST</footer>" in PAGE


def test_a_requirement_of_a_document_that_we_do_not_know_is_text_alone():
    odd = ("Z01", "RFC <b>9999</b>", "1", "MUST", "Of another version of the catalogue.")
    scenarios = tuple(replace(each, requirements=(odd,)) for each in RUN.header.scenarios)
    page = html.render(replace(RUN, header=replace(RUN.header, scenarios=scenarios)))
    assert "<footer>Z01, RFC &lt;b&gt;9999&lt;/b&gt; section 1, MUST</footer>" in page


def articles(page: str) -> list[str]:
    return page.split('<article class="case"')[1:]


def test_the_requirement_that_is_broken_is_quoted_beside_its_finding():
    texts = {row[0]: row[4].replace(">=", "&gt;=") for row in RUN.header.requirements}
    quoted = 0
    for article, record in zip(articles(PAGE), RUN.cases, strict=True):
        for finding in record.first.findings:
            if finding.requirement:
                findings = article.partition('<ul class="findings">')[2].partition("</ul>")[0]
                assert texts[finding.requirement] in findings, (record.case, finding)
                assert article.count(f"<p>{texts[finding.requirement]}</p>") == 1
                quoted += 1
    assert quoted > 3


def test_each_requirement_that_a_case_names_is_a_link_to_its_text():
    texts = {row[0]: row[4].replace(">=", "&gt;=") for row in RUN.header.requirements}
    named = 0
    for article, record in zip(articles(PAGE), RUN.cases, strict=True):
        ids = {f.requirement for attempt in record.attempts for f in attempt.findings}
        ids |= {check.requirement for check in record.first.checks}
        for identifier in filter(None, ids):
            named += 1
            assert f'href="#requirement-{identifier}"' in article, (record.case, identifier)
            text = PAGE.partition(f'id="requirement-{identifier}"')[2].partition("</div>")[0]
            assert texts[identifier] in text
    assert named > len(RUN.cases)
    assert '<details class="requirements" open>' in PAGE  # without the script a link leads into it
    assert PAGE.count(' id="requirement-') == len(set(re.findall(r' id="requirement-(\w+)"', PAGE)))


def test_a_run_of_before_has_the_texts_of_its_scenarios_alone():
    old = replace(RUN, header=replace(RUN.header, requirements=(), scenarios=RUN.header.scenarios[:1]))
    (known,) = {row[0] for scenario in old.header.scenarios for row in scenario.requirements}
    page = html.render(old)
    assert set(re.findall(r' id="requirement-(\w+)"', page)) <= {known}
    assert '<span class="requirement">' in page

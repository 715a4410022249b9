"""The site of the pages: whole, found by search, with nothing from elsewhere; a page with a fault ends the build."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docs.generate import site
from docs.generate.site import SiteError

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of this checkout."""
    folder = tmp_path_factory.mktemp("site") / "made"
    site.build(folder)
    return folder


def test_every_page_is_there_and_is_found(built: Path) -> None:
    listed = site.entries((ROOT / "docs" / "README.md").read_text())
    assert len(listed) > 60
    found = {item["location"].partition("#")[0] for item in json.loads((built / "search.json").read_text())["items"]}
    for entry in listed:
        shown = Path(entry.path).with_suffix(".html")
        assert (built / shown).exists()
        assert str(shown) in found
    assert re.search(r'src="?[./\w]*month\.svg', (built / "research/weights.html").read_text())
    assert (built / "research/month.svg").read_text() == (ROOT / "docs/research/month.svg").read_text()
    assert "forgets exactly when told to" in (built / "index.html").read_text()
    assert (
        'id="memoria.forget"' in (built / "reference/memoria.html").read_text()
        or "Memoria.forget" in (built / "reference/memoria.html").read_text()
    )


def test_llms_txt_lists_every_page_and_llms_full_has_them_all(built: Path) -> None:
    short, full = (built / "llms.txt").read_text(), (built / "llms-full.txt").read_text()
    assert short.startswith("# memoria\n\n> The memory of an agent")
    linked = re.findall(r"^- \[.+?\]\((.+?)\)", short, re.MULTILINE)
    listed = [entry.path for entry in site.entries((ROOT / "docs" / "README.md").read_text())]
    assert linked == listed
    for path in linked:
        page = (built / path).read_text()
        assert page.strip() in full


def test_nothing_is_fetched_from_elsewhere(built: Path) -> None:
    assert list(site.faults(built)) == []
    loaded = re.findall(
        r"<(?:script|link|img)[^>]+(?:src|href)=\"?(https?:[^\s\">]+)", (built / "cli.html").read_text()
    )
    assert [link for link in loaded if "memoria" not in link] == []


def project(folder: Path, **pages: str) -> Path:
    """A small project of these pages, all of them listed."""
    (folder / "docs").mkdir()
    (folder / "examples").mkdir()
    for name in ("README", "CONTRIBUTING", "CHANGELOG", "SECURITY"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nWords.\n")
    for name, text in pages.items():
        (folder / "docs" / f"{name}.md").write_text(text)
    listed = "".join(f"{n}. [{name}]({name}.md): words.\n" for n, name in enumerate(pages, 1))
    (folder / "docs" / "README.md").write_text(f"# All\n\n## Begin\n\n{listed}")
    return folder


def test_a_link_to_no_page_ends_the_build(tmp_path: Path) -> None:
    root = project(tmp_path, one="# One\n\n[two](two.md) [three](../examples/three.py)\n")
    with pytest.raises(SiteError, match=r"two\.md is no page of the site\n.*three\.py is no page"):
        site.build(tmp_path / "made", root)
    assert not (tmp_path / "made").exists()


def test_a_page_that_is_not_listed_ends_the_build(tmp_path: Path) -> None:
    root = project(tmp_path, one="# One\n")
    (root / "docs" / "two.md").write_text("# Two\n")
    with pytest.raises(SiteError, match=r"two\.md is not listed"):
        site.build(tmp_path / "made", root)


def test_a_link_to_no_heading_ends_the_build(tmp_path: Path) -> None:
    root = project(tmp_path, one="# One\n\n[two](two.md#three)\n", two="# Two\n")
    with pytest.raises(SiteError, match="anchor does not exist"):
        site.build(tmp_path / "made", root)


def test_what_is_not_of_a_site_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.md").write_text("years of work")
    with pytest.raises(SiteError, match="holds something else"):
        site.build(tmp_path, ROOT)
    assert (tmp_path / "thesis.md").read_text() == "years of work"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "one.html fetches https://cdn.example/x.js"),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', "one.html fetches //fonts.example/x.css"),
        ('<img src="no.png">', "one.html: no.png leads nowhere"),
        ('<a href="two.html">', "one.html: two.html leads nowhere"),
        ('<a href="#two">', "one.html: #two leads to no heading"),
        ('<a href="https://example.org/">', None),
        ('<h2 id="two"></h2><a href="one.html#two">', None),
    ],
)
def test_faults_are_seen(tmp_path: Path, text: str, fault: str | None) -> None:
    (tmp_path / "one.html").write_text(text)
    assert list(site.faults(tmp_path)) == ([fault] if fault else [])


def test_a_style_sheet_that_fetches_is_seen(tmp_path: Path) -> None:
    (tmp_path / "x.css").write_text(
        "@font-face { src: url(https://fonts.example/x.woff) }\n@import 'https://y.example/';"
    )
    assert list(site.faults(tmp_path)) == [
        "x.css fetches https://fonts.example/x.woff",
        "x.css fetches https://y.example/",
    ]

"""The site of the pages, with search, llms.txt and llms-full.txt: `python -m docs.generate.site FOLDER`.

Zensical builds it: it is by the makers of Material for MkDocs, whose support of that one ended in November 2026. Its
strict mode fails for a link to no page and to no heading. What it does not look at is checked here:
pictures, links out of docs/, a page that no list names, anything that a reader's browser would fetch from elsewhere.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
INDEX = "contents.md"
_LINK = re.compile(r"(?<=\]\()(?!\w+:)([^)#\s]*)(#[^)\s]*)?(?=\))")
_ENTRY = re.compile(r"^\d+\. \[(?P<title>.*?)\]\((?P<path>.*?)\)(?P<said>.*)$")
_CONFIG = """[project]
site_name = "memoria"
site_description = "The memory of an agent, which forgets exactly when told to"
docs_dir = "pages"
site_dir = "site"
use_directory_urls = false
nav = {nav}

[project.theme]
font = false
features = ["navigation.sections", "navigation.top", "content.code.copy", "search.highlight"]
"""


class SiteError(Exception):
    """What is wrong with the pages, a line for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A page as docs/README.md lists it.

    Attributes:
        section: the heading under which it stands.
        title: its name there.
        path: its file, under docs/.
        said: what is said of it there.
    """

    section: str
    title: str
    path: str
    said: str


def entries(index: str) -> list[Entry]:
    """The pages in the order in which to read."""
    section, found = "", []
    for line in index.splitlines():
        if line.startswith("## "):
            section = line[3:]
        elif entry := _ENTRY.match(line):
            said = entry["said"].lstrip(":, ").strip()
            found.append(Entry(section=section, title=entry["title"], path=entry["path"], said=said))
    return found


def sources(root: Path) -> dict[str, str]:
    """The text of each page of the site, by its path; links lead to where the pages stand there."""
    docs = root / "docs"
    kept = {path: path.relative_to(docs) for path in sorted(docs.rglob("*.md"))}
    kept |= {docs / "README.md": Path(INDEX), root / "README.md": Path("index.md")}
    beside = [root / f"{name}.md" for name in ("CONTRIBUTING", "CHANGELOG", "SECURITY")]
    kept |= {path: Path(f"{path.stem.lower()}.md") for path in beside}
    examples = {path: Path("examples") / f"{path.stem}.md" for path in sorted((root / "examples").glob("*.py"))}
    places = {**kept, **examples, **pictures(root)}
    made = {str(place): moved(path, places) for path, place in kept.items()}
    return made | {
        str(place): f"# {path.name}\n\n```python\n{path.read_text()}```\n" for path, place in examples.items()
    }


def pictures(root: Path) -> dict[Path, Path]:
    """What pages show, and where it stands in the site."""
    docs = root / "docs"
    found = (path for form in ("*.png", "*.svg") for path in docs.rglob(form))
    return {path: path.relative_to(docs) for path in sorted(found)}


def moved(page: Path, places: Mapping[Path, Path]) -> str:
    """A page with its links led to the places of their targets; a link to no page of the site fails."""
    missing = []

    def led(link: re.Match[str]) -> str:
        if not link[1]:
            return link[0]
        target = (page.parent / link[1]).resolve()
        if target not in places:
            missing.append(f"{page.name}: {link[1]} is no page of the site")
            return link[0]
        up = "../" * (len(places[page].parts) - 1)
        return f"{up}{places[target].as_posix()}{link[2] or ''}"

    parts = re.split(r"(^```.*?^```)", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    text = "".join(part if part.startswith("```") else _LINK.sub(led, part) for part in parts)
    if missing:
        raise SiteError("\n".join(missing))
    return text


def navigation(listed: list[Entry], pages: Mapping[str, str]) -> list[dict[str, object]]:
    """The sections of the site; a page that stands in none of them fails."""
    sections: dict[str, list[dict[str, str]]] = {}
    for entry in listed:
        sections.setdefault(entry.section, []).append({entry.title: entry.path})
    examples = [{Path(path).stem: path} for path in pages if path.startswith("examples/")]
    more = [
        {"All pages": INDEX},
        {"Contributing": "contributing.md"},
        {"Changes": "changelog.md"},
        {"Security": "security.md"},
    ]
    nav: list[dict[str, object]] = [{"memoria": "index.md"}]
    nav += [{name: inner} for name, inner in sections.items()]
    nav += [{"Examples": examples}, {"The project": more}]
    named = {entry.path for entry in listed} | {"index.md"} | {path for one in more for path in one.values()}
    if lost := [path for path in pages if path not in named and not path.startswith("examples/")]:
        raise SiteError("\n".join(f"{path} is not listed in docs/README.md" for path in lost))
    return nav


def toml(value: object) -> str:
    """Lists, tables of one key, and texts as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def short(listed: list[Entry], summary: str) -> str:
    """llms.txt: what it is, and every page in Markdown with a word about it."""
    lines, section = ["# memoria", "", f"> {summary}"], ""
    for entry in listed:
        if entry.section != section:
            section = entry.section
            lines += ["", f"## {section}", ""]
        lines.append(f"- [{entry.title}]({entry.path})" + (f": {entry.said}" if entry.said else ""))
    return "\n".join(lines) + "\n"


def full(listed: list[Entry], pages: Mapping[str, str]) -> str:
    """llms-full.txt: README and all pages, in the order in which to read."""
    return "\n\n".join(pages[path].rstrip() for path in ["index.md", *(entry.path for entry in listed)]) + "\n"


def build(target: Path, root: Path = ROOT) -> list[str]:
    """Builds the site into a new or empty folder, or one that a build made; returns its pages.

    Raises:
        SiteError: a link is broken, a page is missing or in no list, or something would be fetched from elsewhere.
    """
    if target.exists() and any(target.iterdir()) and not (target / "llms.txt").exists():
        raise SiteError(f"{target} holds something else: give a new folder")
    pages, listed = sources(root), entries((root / "docs" / "README.md").read_text())
    config = _CONFIG.format(nav=toml(navigation(listed, pages)))
    summary = " ".join(pages["index.md"].split("\n\n")[1].replace("**", "").split())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "zensical.toml").write_text(config)
        for path, text in pages.items():
            (work / "pages" / path).parent.mkdir(parents=True, exist_ok=True)
            (work / "pages" / path).write_text(text)
        for picture, place in pictures(root).items():
            (work / "pages" / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, work / "pages" / place)
        command = [sys.executable, "-m", "zensical", "build", "--strict"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SiteError(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr))
        site = work / "site"
        for path, text in pages.items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_text(text)
        (site / "llms.txt").write_text(short(listed, summary))
        (site / "llms-full.txt").write_text(full(listed, pages))
        if wrong := [*absent(site, pages), *faults(site)]:
            raise SiteError("\n".join(wrong))
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(site, target)
    return sorted(pages)


def absent(site: Path, pages: Mapping[str, str]) -> Iterator[str]:
    """Pages that were not built, or that search does not know."""
    known = {item["location"].partition("#")[0] for item in json.loads((site / "search.json").read_text())["items"]}
    for path in pages:
        built = Path(path).with_suffix(".html")
        if not (site / built).exists():
            yield f"{path} was not built"
        elif built.as_posix() not in known:
            yield f"{path} is not found by search"


class _Links(HTMLParser):
    """What a page links to, what it loads, and the names to which one can link."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.names.add(given.get("id", ""))
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "link" and given.get("rel") not in {"canonical", "next", "prev", "alternate"}:
            self.loads.append(given.get("href", ""))
        elif "src" in given:
            self.loads.append(given["src"])


def faults(site: Path) -> Iterator[str]:
    """Links that lead nowhere, and what would be fetched from elsewhere."""
    read: dict[Path, _Links] = {}
    for file in sorted(site.rglob("*.html")):
        read[file] = _Links()
        read[file].feed(file.read_text())
    for file, page in read.items():
        name = file.relative_to(site)
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{name} fetches {link}"
                continue
            target = file if not parts.path else (file.parent / unquote(parts.path)).resolve()
            target = site / parts.path.lstrip("/") if parts.path.startswith("/") else target
            if not target.exists():
                yield f"{name}: {link} leads nowhere"
            elif parts.fragment and target in read and unquote(parts.fragment) not in read[target].names:
                yield f"{name}: {link} leads to no heading"
    for sheet in sorted(site.rglob("*.css")):
        for link in re.findall(
            r"url\([\"']?((?:https?:)?//[^)\"']+)|@import\s+[\"'](https?:[^\"']+)", sheet.read_text()
        ):
            yield f"{sheet.relative_to(site)} fetches {''.join(link)}"


def main() -> None:
    """Builds into the folder that is named, or says what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "site", help="default: site")
    asked = parser.parse_args()
    try:
        made = build(asked.folder)
    except SiteError as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(f"{len(made)} pages in {asked.folder}; open {asked.folder / 'index.html'}\n")


if __name__ == "__main__":
    main()

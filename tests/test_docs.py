"""README, pages and docstrings run and print what they say; the index is whole; links and named tests are there."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from typer.main import get_command

import memoria
from memoria.cli import app
from memoria.models import as_model
from memoria.protocols import Store
from memoria.stores import StoreBase
from memoria.testing.policies import PolicyConformance
from memoria.text.fingerprints import stated
from tests import pages
from tests.endpoint import serving

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
# What the command line raises for words that it does not take; typer brings a copy of click of its own.
UNTYPABLE = cast("type[Exception]", typer.BadParameter.__bases__[0])
RUN = {"python", "console"}
# Pages that say what they print.
PROMISE = (
    "quickstart", "import", "agent", "async", "concepts", "deletion", "backup", "writing-a-store", "writing-a-policy",
)  # fmt: skip
# NOT RUN: what their blocks need is not there.
ELSEWHERE = {
    "docs/scale.md": "a PostgreSQL server called db.internal",
    "docs/integrations/adk.md": "google-adk, in an environment of its own: tests/test_apart.py runs it there",
    "docs/integrations/crewai.md": "crewai, in an environment of its own: tests/test_apart.py runs it there",
}
NAMED = re.compile(r"`(tests/\w+\.py::[\w:]+)`")


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a reader of the pages brings: an endpoint with a model, something to say, and files."""
    with serving(as_model(lambda messages: "Noted.")) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        monkeypatch.delenv("MEMORIA_STORE", raising=False)
        yield


@pytest.mark.usefixtures("brought")
def test_every_page_runs_twice_in_one_folder_in_any_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = int(os.environ.get("MEMORIA_PAGES_SEED", random.SystemRandom().randrange(10**6)))
    run = [page for page in pages.PAGES if runs(page)] * 2
    random.Random(seed).shuffle(run)
    monkeypatch.chdir(tmp_path)
    done = []
    for page in run:
        done.append(pages.named(page))
        where = f"MEMORIA_PAGES_SEED={seed}, after {done}"
        monkeypatch.setattr(sys, "stdin", io.StringIO("I take my tea with milk.\n/why\n/forget milk\n"))
        try:
            _, told = pages.play(page)
        except Exception as error:
            error.add_note(where)
            raise
        for printed, promised in told:
            assert printed == promised, where


def runs(page: Path) -> bool:
    generated = page.parent.name == "reference"  # what stands in its fences are signatures
    return (
        pages.named(page) not in ELSEWHERE and not generated and any(one.language in RUN for one in pages.blocks(page))
    )


def test_most_pages_are_run() -> None:
    run = {pages.named(page) for page in pages.PAGES if runs(page)}
    assert run >= {"README.md", *(f"docs/{page}.md" for page in PROMISE)}
    for page in PROMISE:
        assert any(one.promised for one in pages.blocks(DOCS / f"{page}.md")), page
    assert {page for page in ELSEWHERE if not (ROOT / page).exists()} == set()


def test_every_fence_says_what_it_is() -> None:
    """A command in a block of no language would neither be run nor read."""
    typed = re.compile(r"^\s*(\$ )?(memoria|pip|python|make|export|curl|echo) ", re.MULTILINE)
    silent = [
        (pages.named(page), one.code)
        for page in pages.PAGES
        for one in pages.blocks(page)
        if one.language == "" and typed.search(one.code)
    ]
    assert silent == []


def test_the_commands_that_pages_show_can_be_typed() -> None:
    """Those that are not run, because they take hours, a server, or files of the reader's."""
    shown = [
        (pages.named(page), words)
        for page in pages.PAGES
        for one in pages.blocks(page)
        if one.language in {"sh", "console"}
        for words in pages.commands(one.code)
    ]
    assert len(shown) > 30
    assert [(page, words, why) for page, words in shown if (why := refused(words))] == []


def refused(words: list[str]) -> str:
    """Why the command line does not take these words; empty if it does. Nothing is run."""
    command, context = cast("Any", get_command(app)), None
    try:
        while True:
            context = command.context_class(command, parent=context, info_name=command.name)
            if not hasattr(command, "commands"):
                given, left, _ = command.make_parser(context).parse_args(args=list(words))
                missing = [one.name for one in command.params if one.required and given.get(one.name) is None]
                return f"{left} are left" if left else f"{missing} are missing" if missing else ""
            _, left, _ = command.make_parser(context).parse_args(args=list(words))
            if not left:
                return "" if command.invoke_without_command else f"{command.name} alone is no command"
            _, command, words = command.resolve_command(context, left)
    except UNTYPABLE as error:
        return str(error) or type(error).__name__


def test_a_command_that_cannot_be_typed_is_seen() -> None:
    shown = "memoria recall 'a b' --k 3   # or\nmemoria recal x | memoria import -\nmemoria get\nmemoria eval"
    said = [refused(words) for words in pages.commands(shown)]
    assert [bool(one) for one in said] == [True, True, False, True, True], said


def defined(page: str, name: str) -> Any:
    """A class that a page defines."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return getattr(pages.play(DOCS / f"{page}.md")[0], name)


# The suites are run as the pages write them.
TestSnapshot = defined("writing-a-store", "TestSnapshot")
TestFast = defined("writing-a-policy", "TestFast")


class TestHyperbolic(PolicyConformance):
    @pytest.fixture
    def policy(self) -> object:
        return defined("writing-a-policy", "Hyperbolic")()


def test_the_shortest_policy_has_at_most_twenty_lines() -> None:
    first = pages.blocks(DOCS / "writing-a-policy.md")[0]
    assert first.language == "python"
    assert len([line for line in first.code.splitlines() if line.strip()]) <= 20


def test_the_store_of_a_page_is_the_same_after_reopening_and_overwrites_what_was(tmp_path: Path) -> None:
    kind = defined("writing-a-store", "SnapshotStore")
    embedder = memoria.testing.HashEmbedder()
    with memoria.Memoria(kind(tmp_path / "a.snapshot", embedder.card), embedder) as memory:
        one, two = memory.remember_many(["Ada takes tea at five.", "Bob likes chess."])
        memory.hold(two.id, reason="law")
        with (tmp_path / "a.snapshot").open("rb") as old:
            memory.forget(one.id)
            assert set(old.read()) == {0}
    with memoria.Memoria(kind(tmp_path / "a.snapshot", embedder.card), embedder) as memory:
        assert memory.list() == [two]
        assert memory.trace(two.id).held
        with pytest.raises(memoria.Refused):
            memory.remember(one.text)


def test_the_methods_of_the_store_of_a_page_are_as_many_as_it_says() -> None:
    text, own = (DOCS / "writing-a-store.md").read_text(), vars(defined("writing-a-store", "SnapshotStore"))
    assert f"asks for {len(StoreBase.__abstractmethods__)} methods" in text
    assert set(re.findall(r"^\| `(\w+)\(.*?\)` \|", text, re.MULTILINE)) == StoreBase.__abstractmethods__ <= own.keys()
    methods = [name for name, value in own.items() if callable(value)]
    assert f"`SnapshotStore` has {len(methods)} methods" in text


def test_every_method_of_a_store_is_listed() -> None:
    text = (DOCS / "writing-a-store.md").read_text()
    (table,) = re.findall(r"\| group \| methods \|\n.*?\n\n", text, re.DOTALL)
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(name for name in vars(Store) if not name.startswith("_"))


def test_a_change_that_a_page_s_store_cannot_save_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = defined("writing-a-store", "SnapshotStore")
    embedder = memoria.testing.HashEmbedder()
    with memoria.Memoria(kind(tmp_path / "a.snapshot", embedder.card), embedder) as memory:
        one = memory.remember("Ada takes tea at five.")

        def full(_: int) -> None:
            raise OSError("no space left")

        with monkeypatch.context() as broken:
            broken.setattr(os, "fsync", full)
            for act in (lambda: memory.forget(one.id), lambda: memory.remember("Bob likes chess.")):
                with pytest.raises(OSError, match="no space left"):
                    act()
        assert memory.list() == [one]
        assert [hit.memory for hit in memory.recall("tea")] == [one]
        assert memory.store.refused((), [stated(one)]) == [False]


def test_the_index_lists_every_page_once() -> None:
    linked = re.findall(r"^\d+\. \[.*?\]\((.*?\.md)\)", (DOCS / "README.md").read_text(), re.MULTILINE)
    assert sorted(linked) == [str(page.relative_to(DOCS)) for page in PAGES if page != DOCS / "README.md"]
    numbers = re.findall(r"^(\d+)\. ", (DOCS / "README.md").read_text(), re.MULTILINE)
    assert numbers == [str(n) for n in range(1, len(linked) + 1)]


def broken(page: Path) -> Iterator[str]:
    """Links of a page that lead nowhere: to no file, or to no heading of it."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:)(.*?)\)", text):
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in anchors(file)):
            yield target


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_link_that_leads_nowhere_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# One title\n[x](a.md#one-title) [y](a.md#two) [z](b.md) [w](https://x.org)\n")
    assert list(broken(tmp_path / "a.md")) == ["a.md#two", "b.md"]


def unknown(names: set[str]) -> list[str]:
    """Those that pytest does not collect as tests."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *sorted(names)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    missing = re.findall(rf"not found: {re.escape(str(ROOT))}/(\S+)", done.stdout + done.stderr)
    assert missing or done.returncode == 0, done.stdout + done.stderr
    return sorted(missing)


def test_the_tests_that_pages_name_are_there() -> None:
    named = {name for page in PAGES for name in NAMED.findall(page.read_text())}
    assert unknown(named) == []


def test_a_test_that_was_renamed_is_seen() -> None:
    here = {f"tests/test_docs.py::{name}" for name in ("test_docstrings_run", "test_renamed", "TestFast::test_renamed")}
    assert unknown(here) == ["tests/test_docs.py::TestFast::test_renamed", "tests/test_docs.py::test_renamed"]


def test_each_sentence_about_deletion_names_a_test() -> None:
    rows = re.findall(r"^\| (.+) \| (.*) \|$", (DOCS / "deletion.md").read_text(), re.MULTILINE)
    sentences = [(said, held) for said, held in rows if held not in {"held by", "shown by"}]
    assert len(sentences) > 30
    assert [said for said, held in sentences if NAMED.sub("", held).strip() or not NAMED.search(held)] == []


def test_each_line_of_the_threat_model_names_a_test_or_says_that_none_can() -> None:
    """What holds has a test; what does not has one that shows it, or says so."""
    holds = 0
    for table in re.split(r"\n\n", (DOCS / "threat-model.md").read_text()):
        head, *lines = re.findall(r"^\| (.+) \| (.*) \|$", table, re.MULTILINE) or [("", "")]
        if head[1] != "shown by":
            continue
        for said, shown in lines:
            named = NAMED.search(shown) and not NAMED.sub("", shown).strip()
            assert named or (head[0] == "does not" and shown.startswith("no test")), said
            holds += head[0] == "holds"
    assert holds > 25


def test_readme_is_short_and_its_ten_lines_are_ten() -> None:
    readme = (ROOT / "README.md").read_text()
    assert len(readme.splitlines()) <= 95
    (first,) = [one.code for one in pages.blocks(ROOT / "README.md") if one.language == "python"]
    assert len(first.split("\n\n", 1)[1].splitlines()) <= 10


def test_the_changelog_says_nothing_twice() -> None:
    """A merge of two branches that moved lines leaves them at both places."""
    lines = [line.replace("*", "") for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if len(line) > 20]
    assert {line for line in lines if lines.count(line) > 1} == set()


def test_docstrings_run() -> None:
    result = doctest.testmod(memoria)
    assert result.attempted >= 3
    assert result.failed == 0


def test_the_set_up_of_a_database_is_the_one_that_is_tested() -> None:
    from memoria.stores.postgres.schema import PROVISION

    assert f"```sql\n{PROVISION}\n```" in (ROOT / "docs" / "scale.md").read_text()

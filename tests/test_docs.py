"""README, pages and docstrings run and print what they say; the index is whole; links and named tests are there."""

from __future__ import annotations

import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import memoria
from memoria.protocols import Store
from memoria.stores import StoreBase
from memoria.testing.policies import PolicyConformance
from memoria.text.fingerprints import stated

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
PROGRAMS = ("quickstart", "import", "agent", "async", "concepts", "deletion", "writing-a-store", "writing-a-policy")
STEP = re.compile(r"```(python|console)\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
NAMED = re.compile(r"`(tests/\w+\.py::[\w:]+)`")


def program(page: str) -> tuple[ModuleType, list[tuple[str, str]]]:
    """A page run from top to bottom as one program, in this folder: what it defined, and (printed, promised)."""
    module = ModuleType(page)
    sys.modules[page] = module  # dataclasses look their module up
    told = []
    for language, code, promised in STEP.findall((DOCS / f"{page}.md").read_text()):
        printed = io.StringIO()
        if language == "console":
            shell(code)
            continue
        with contextlib.redirect_stdout(printed):
            exec(compile(code, f"{page}.md", "exec"), module.__dict__)
        told.append((printed.getvalue(), promised))
    return module, told


def shell(commands: str) -> None:
    """Commands as a reader types them; each has to succeed."""
    here = f"{sys.executable} -W ignore -c 'from memoria.cli import main; main()'"
    script = f'set -e\nmemoria() {{ {here} "$@"; }}\n{commands}'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PROGRAMS)
def test_a_page_prints_what_it_says(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _, told = program(page)
    assert any(promised for _, promised in told)
    for printed, promised in told:
        assert printed == promised


def defined(page: str, name: str) -> Any:
    """A class that a page defines."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return getattr(program(page)[0], name)


# The suites are run as the pages write them.
TestSnapshot = defined("writing-a-store", "TestSnapshot")
TestFast = defined("writing-a-policy", "TestFast")


class TestHyperbolic(PolicyConformance):
    @pytest.fixture
    def policy(self) -> object:
        return defined("writing-a-policy", "Hyperbolic")()


def test_the_shortest_policy_has_at_most_twenty_lines() -> None:
    _, block, _ = next(STEP.finditer((DOCS / "writing-a-policy.md").read_text())).groups()
    assert len([line for line in block.splitlines() if line.strip()]) <= 20


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


def test_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "Ada takes her tea without sugar." in printed
    assert "0 found" in printed


def test_docstrings_run() -> None:
    result = doctest.testmod(memoria)
    assert result.attempted >= 3
    assert result.failed == 0


def test_the_set_up_of_a_database_is_the_one_that_is_tested() -> None:
    from memoria.stores.postgres.schema import PROVISION

    assert f"```sql\n{PROVISION}\n```" in (ROOT / "docs" / "scale.md").read_text()

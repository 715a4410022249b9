"""What a terminal shows of texts of others: all of it, and nothing that it obeys."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typer.main import get_command
from typer.testing import CliRunner

import memoria
from memoria.cli import app
from memoria.cli.app import as_json, as_line
from memoria.cli.prefixes import whole
from memoria.cli.terminal import Grid, hanging, in_options, visible
from memoria.engine.memory import Memoria
from memoria.errors import InvalidQuery
from memoria.testing import HashEmbedder

HOSTILE = [
    "[/]",
    "[tool.ruff]",
    "[black on black]hidden[/]",
    "[link=x]y",
    "a\x1b[2Jb",
    "\x1b]0;title\x07",
    "a\u202ecba",
    "\x9b1m",
]
# Hebrew with a mark of direction, Hindi, Persian with a joiner, a family, accents, an Arabic sign of numbers.
WRITTEN = [
    "Ada's tea",
    "\u05e9\u05dc\u05d5\u05dd \u200f\u05e2\u05d5\u05dc\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",
    "na\u00efve \u2615",
    "\u0600",
]
ID = "0190a1b2c3d4" + "7" * 20


def drawn(grid: Grid, width: int = 80) -> str:
    """What a terminal of this width gets, without the colours of the table itself."""
    file = io.StringIO()
    grid.show(Console(file=file, force_terminal=True, width=width, color_system=None))
    return file.getvalue()


@given(st.text())
def test_every_character_is_seen(text: str) -> None:
    shown = visible(text)
    assert not [one for one in shown if one != "\n" and unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"}]
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\U000e0041")
    assert shown.encode("utf-8", "backslashreplace").decode() == shown
    assert "\n" not in visible(text, lines=False)


@pytest.mark.parametrize("text", WRITTEN)
def test_what_people_write_is_left_as_it_is(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_in_tables_as_they_are(text: str) -> None:
    grid = Grid("id", "text", title=text)
    grid.add(ID, text)
    shown = drawn(grid)
    assert shown.count(visible(text)) == 2
    assert "\x1b" not in shown


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_ids_are_never_cut(width: int) -> None:
    grid = Grid("id", "namespace", "created", "subject", "text")
    grid.add(ID, "app/ada", "2026-01-01 10:00", "ada", "word " * 60)
    assert ID in drawn(grid, width)


def test_a_line_of_a_memory_looks_like_no_other_hit() -> None:
    assert hanging("tea\n9.999 I am the best hit") == "tea\n  9.999 I am the best hit"


def test_elsewhere_one_line_is_one_row() -> None:
    file = io.StringIO()
    grid = Grid("id", "text", "subject")
    grid.add(ID, "a\tb\nc\x1b", None)
    grid.show(Console(file=file))
    assert file.getvalue() == f"id\ttext\tsubject\n{ID}\ta\\tb\\nc\\x1b\t\n"


def test_messages_name_options() -> None:
    options = {"--readmit", "--namespace", "--timeout"}
    assert in_options("say readmit=True to take it back", options) == "say --readmit to take it back"
    assert in_options("wait longer with timeout=, or mode='r'", options) == "wait longer with --timeout, or mode='r'"
    assert in_options("or namespace=() for all", options) == "or --namespace for all"
    assert in_options("x = 1, budget=", options) == "x = 1, budget="


@pytest.fixture
def memory() -> Iterator[Memoria]:
    with memoria.open(":memory:", embedder=HashEmbedder()) as made:
        yield made


def test_first_digits_name_a_memory(memory: Memoria) -> None:
    old = memory.remember("old", created_at=datetime(2020, 1, 1, tzinfo=UTC))
    twins = memory.namespace("else").remember_many(["one", "two"])
    for digits in (8, 11, 12, 20, 31, 32):
        assert whole(memory, old.id[:digits]) == (old.id,)
    shared = len([1 for a, b in zip(twins[0].id, twins[1].id, strict=True) if a == b])
    start = next(at for at in range(32) if twins[0].id[at] != twins[1].id[at])
    assert shared >= 12
    assert whole(memory, *(one.id[: start + 1] for one in twins)) == tuple(one.id for one in twins)
    with pytest.raises(InvalidQuery, match="begins the ids of 2 memories"):
        whole(memory, twins[0].id[:start])
    with pytest.raises(InvalidQuery, match="too short"):
        whole(memory, old.id[:7])
    assert whole(memory, "f" * 12, "no id") == ("f" * 12, "no id")


def run(store: Path, *arguments: str) -> str:
    done = CliRunner().invoke(app, [*arguments, "--store", str(store)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_hostile_memories_through_the_commands(tmp_path: Path) -> None:
    store = tmp_path / "a"
    text = " ".join(HOSTILE)
    id = run(store, "remember", text, "--subject", "[/]").strip()
    seen = visible(text)
    assert run(store, "list") == f"id\tnamespace\tcreated\tsubject\ttext\n{id}\t\t{_created(store, id)}\t[/]\t{seen}\n"
    assert seen in run(store, "get", id[:20])
    assert re.search(rf"^[0-9.-]+\t{re.escape(seen)}\t{id}$", run(store, "recall", "hidden title"), re.M)
    assert seen in run(store, "forget", id[:20], "--dry-run")
    assert seen in run(store, "history", id[:20])
    assert "\x1b" not in run(store, "lineage", id[:20])
    run(store, "hold", id[:20], "--reason", text)
    assert seen in run(store, "ledger")
    run(store, "release", id[:20], "--reason", "[/]")
    run(store, "forget", id[:20], "--yes")


def _created(store: Path, id: str) -> str:
    with memoria.open(store, mode="r") as memory:
        return f"{memory.get(id).created_at:%Y-%m-%d %H:%M}"


def test_get_shows_everything(tmp_path: Path) -> None:
    given = ("--subject", "ada", "--tag", "tea", "--key", "k1", "--metadata", "a.b=1", "--speaker", "Ada", "-n", "x/y")
    id = run(tmp_path / "a", "remember", "Ada drinks tea.", *given).strip()
    shown = dict(line.split("\t") for line in run(tmp_path / "a", "get", id).splitlines())
    assert shown["text"] == "Ada drinks tea."
    assert [shown[one] for one in ("subject", "tags", "key", "namespace")] == ["ada", "tea", "k1", "x/y"]
    assert shown["speaker"] == "Ada"
    assert shown["metadata"] == '{"a": {"b": 1}}'
    assert "stability" in shown or "strength" in shown or "uses" in shown


def test_version_and_help_in_panels() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"{memoria.__version__}\n"
    shown = CliRunner().invoke(app, ["--help"]).stdout
    order = [shown.index(f" {name} ") for name in ("remember", "recall", "forget", "archive", "scan", "worker")]
    assert order == sorted(order)


def commands(command: Any, name: str = "") -> Iterator[tuple[str, set[str]]]:
    """The name and the options of each command below one, groups that do something by themselves among them."""
    inner = getattr(command, "commands", {})
    if not inner or (name and getattr(command, "invoke_without_command", False)):
        yield name, {option for parameter in command.params for option in parameter.opts}
    for one, found in inner.items():
        yield from commands(found, f"{name} {one}".strip())


def test_every_command_prints_json_when_asked() -> None:
    without = {name for name, options in commands(get_command(app)) if "--json" not in options}
    # The first prints JSON anyway; a server and MCP are protocols; the others write SVG, and a page with a table.
    assert without == {"eval fit", "serve", "mcp", "policies plot", "policies compare", "ui"}


def test_the_modules_of_commands_are_where_the_table_says() -> None:
    from memoria.cli import _MODULES, _name

    get_command(app)
    there = {
        _name(one): str(getattr(one.callback, "__module__", "")).rpartition(".")[2] for one in app.registered_commands
    }
    groups = {str(one.name) for one in app.registered_groups}
    assert {name: module for name, module in _MODULES.items() if name not in groups} == {
        name: there[name] for name in _MODULES if name not in groups
    }


def test_a_command_of_every_day_imports_no_other(tmp_path: Path) -> None:
    code = "import sys\nfrom memoria.cli import main\ntry: main()\nfinally: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "stats", "--help"], capture_output=True, text=True, check=True)
    assert "memoria.cli.maintain" in done.stdout.split()
    assert not {"memoria.cli.bench", "memoria.cli.verbs", "memoria.evaluation", "torch"} & set(done.stdout.split())


def test_what_was_not_measured_is_null_in_json() -> None:
    value = {"mean": float("nan"), "ends": [float("inf"), 1.5], "text": "NaN"}
    told = {"mean": None, "ends": [None, 1.5], "text": "NaN"}
    for written in (as_json(value), as_line(value)):
        assert json.loads(written, parse_constant=pytest.fail) == told
    assert "\n" not in as_line(value)

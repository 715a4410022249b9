"""Mistakes that newcomers make, each with what is said: the rule, and what to do; no traceback, no memory's content."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import memoria
from memoria.cli import app
from memoria.engine.memory import Memoria
from memoria.errors import MemoriaError
from memoria.testing import HashEmbedder
from tests.hour import Done, Terminal
from tests.test_terminal import commands

SECRET = "Pelikan"
KNOWN = f"Ada's safe word is {SECRET}."
NONE = "0" * 32
KEYS = "keys=k"


@dataclass(frozen=True)
class Place:
    """A folder with a store "a" of two memories, one of which was forgotten again."""

    run: Terminal
    id: str
    forgotten: str

    def __call__(self, line: str, stdin: str = "") -> Done:
        """Runs a command; ID stands for the id, words in quotes are one argument."""
        arguments = [one.strip("'") for one in re.findall(r"'[^']*'|\S+", line.replace("ID", self.id))]
        return self.run(*arguments, stdin=stdin)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    folder = tmp_path_factory.mktemp("m")
    with memoria.open(folder / "a") as memory:
        id = memory.remember(KNOWN, subject="ada").id
        forgotten = memory.remember("Bob hates to play chess.").id
        memory.forget(forgotten)
    (folder / "text.txt").write_text("hello\n")
    (folder / "folder").mkdir()
    (folder / "folder" / "x").write_text("x")
    (folder / "bad.toml").write_text("")
    return folder, id, forgotten


@pytest.fixture
def place(
    made: tuple[Path, str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Place]:
    folder, id, forgotten = made
    monkeypatch.chdir(folder)
    monkeypatch.setenv("MEMORIA_STORE", "a")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "xdg"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "300")
    before = sorted(one.name for one in folder.iterdir())
    yield Place(Terminal(monkeypatch, capsys), id, forgotten)
    assert sorted(one.name for one in folder.iterdir()) == before  # a mistake makes nothing


# What is typed, and what is said; exit status 2.
TYPED = [
    # The place of the store.
    ("recall tea -s nowhere", "holds no memoria store (memoria init makes a store; --store names another place)"),
    ("recall tea -s text.txt", "holds no memoria store (memoria init makes a store; --store names another place)"),
    ("remember tea -s text.txt", "text.txt exists and is not a memoria store (--store names another place)"),
    ("remember tea -s folder", "folder exists and is not a memoria store (--store names another place)"),
    ("remember tea -s ''", "it is empty: give a directory or a URL"),
    ("init", "StoreExists: a is a memoria store already"),
    ("forget --subject ada --yes -s typo", "typo holds no memoria store (memoria init makes a store"),
    ("rebuild -s typo", "typo holds no memoria store (memoria init makes a store"),
    ("amend ID --text tea -s typo", "typo holds no memoria store (memoria init makes a store"),
    ("scan --needle x -s typo", "typo is not a directory (memoria init makes a store"),
    ("recall tea -s mysql://h/x", "no store is known for mysql://, only for postgresql, postgres"),
    (
        "recall tea -s postgresql://h/x",
        "where data keys are is not said: add keys=DIRECTORY or keys=URL to the URL, or set MEMORIA_KEYS",
    ),
    ("worker a", "'a' is not the URL of a store in PostgreSQL"),
    ("copy a a", "source and target of a copy are the same"),
    # What is remembered.
    ("remember ''", "InvalidMemory: text is empty"),
    ("remember '  '", "InvalidMemory: text is empty"),
    ("remember", "Missing argument 'text'."),
    (
        "remember I like Pelikan tea",
        "it takes fewer arguments than it was given: put a text of several words in quotes",
    ),
    ("remember tea --kind fact", "InvalidMemory: --kind 'fact' is not one of episodic, semantic, procedural"),
    ("remember tea --salience 2", "InvalidMemory: --salience 2.0 is not in [0, 1]"),
    ("remember tea --salience high", "Invalid value for '--salience': Input should be a valid number"),
    (
        "remember tea --created-at yesterday",
        "Invalid value for '--created-at': Input should be a valid datetime or date",
    ),
    ("remember tea --zone Mars", "--zone 'Mars' is no time zone: give a name such as 'Asia/Tokyo', or '+05:45'"),
    ("remember tea --metadata x", "--metadata takes PATH=VALUE"),
    ("remember tea --tag ''", "InvalidMemory: --tag is empty"),
    ("remember tea -n 'a/ /b'", "InvalidQuery: --namespace part is empty"),
    (
        "remember 'Bob hates to play chess.'",
        "Refused: the text was forgotten here before, and is not stored again: give --readmit",
    ),
    # What is asked.
    ("recall ''", "InvalidQuery: query is empty"),
    ("recall tea -k 0", "InvalidQuery: -k 0 is not a whole number of at least 1"),
    ("recall tea -k many", "Invalid value for '-k': Input should be a valid integer"),
    ("recall tea --budget-tokens 0", "InvalidQuery: --budget-tokens 0 is not a whole number of at least 1"),
    ("recall tea --at-least 2", "Invalid value for '--at-least': Input should be less than or equal to 1"),
    ("recall tea --include all", "--include holds 'all', which is none of archived, expired, upcoming"),
    (
        "recall tea --as-of 2020-13-01",
        "Invalid value for '--as-of': Input should be a valid datetime or date, month value",
    ),
    ("list --limit 0", "InvalidQuery: --limit 0 is not a whole number of at least 1"),
    ("list --after zzz", "InvalidQuery: --after is not an id of 32 hexadecimal digits"),
    # Which memory is meant.
    ("get zzz", "no memory with id zzz (memoria list shows ids, and memoria recall finds memories by what they say)"),
    (f"get {NONE}", f"MemoryNotFound: no memory with id {NONE} (memoria list shows ids"),
    ("get 'What is the safe word?'", "MemoryNotFound: no memory with id (a str) (memoria list shows ids"),
    ("get 01a2", "InvalidQuery: 01a2 is too short: the first 8 digits of an id, or more, are needed"),
    ("get", "Missing argument 'id'."),
    ("amend ID", "InvalidQuery: nothing to change: give --text, --subject, --tag, --salience, --expires-at"),
    ("amend ID --text ''", "InvalidMemory: --text is empty"),
    ("supersede zzz tea", "MemoryNotFound: no memory with id zzz (memoria list shows ids"),
    ("hold ID", "Missing option '--reason'."),
    # What is forgotten.
    ("forget --yes", "nothing asked: give ids, mentions, a filter such as subject, or --namespace for all"),
    ("forget --mentions '' --yes", "InvalidQuery: --mentions is empty"),
    ("forget --all --yes", "No such option: --all (Possible options: --tag, --tsa)"),
    (
        "forget ID --guard no --yes",
        "Invalid value for '--guard': Value error, 'no' is not one of 'exact', 'near', 'none'",
    ),
    ("forget --subject ada", "Not on a terminal: give --yes to forget these."),
    # How a command is called.
    ("rember tea", "No such command 'rember'. Did you mean 'remember'"),
    ("recall tea --stor a", "No such option: --stor (Possible options:"),
    ("recall tea --store", "Option '--store' requires an argument."),
    ("remember tea --subjct x", "No such option: --subjct (Possible options: --subject)"),
    ("stats --timeout 3", "--timeout stands before the command, as in: memoria --timeout 20 recall"),
    (
        "--timeout 5s stats",
        "Invalid value for '--timeout' (env var: 'MEMORIA_TIMEOUT'): Input should be a valid number",
    ),
    ("scan", "InvalidQuery: nothing to look for: give --needle or --needle-file"),
    ("config set tmeout 3", "tmeout: no such setting: did you mean timeout?"),
    ("config set k many", "k: it should be a valid integer"),
    # Models and languages.
    ("init -s new --language xx", "InvalidQuery: --language 'xx' is not one of ar, ca, cs,"),
    (
        "chat --model gpt-4",
        "--model 'gpt-4' is not of the form smollm2, hf:PATH, openai:MODEL, openai:MODEL@URL, ollama:MODEL",
    ),
    ("chat --model hf:nowhere", "ModelNotFound: nowhere holds no Hugging Face model: there is no config.json"),
    ("chat --extract all", "Invalid value for '--extract': Value error, 'all' is not one of 'rules', 'model', 'none'"),
    ("chat --user assistant", "--user and agent are both named 'assistant': nobody could tell who said what"),
    # What is brought along.
    ("import nofile.jsonl", "InvalidQuery: nofile.jsonl is not there"),
    (
        "import text.txt",
        "line 1: Invalid JSON: expected value at column 1; the export of another program is named with --from",
    ),
    (
        "import --from whatsapp text.txt",
        "--from 'whatsapp' is not one of chatgpt, claude, mem0, langgraph, letta, mem,",
    ),
    ("import --from csv text.txt", "none of its 1 columns is that of text: name it, as in --columns text=COLUMN"),
    # Others.
    ("policies show nope", "policy 'nope' is not one of exponential, savings, power-law,"),
    ("distill ask hi", "InvalidQuery: nothing is distilled in this store"),
    ("serve token ''", "a token needs a namespace: one for all of them would undo what tokens are for"),
    ("serve --port 99999", "Invalid value for '--port': Input should be less than or equal to 65535"),
    ("prune --count -1", "InvalidQuery: --count -1 is negative"),
]


@pytest.mark.parametrize(("line", "said"), TYPED, ids=[line for line, _ in TYPED])
def test_what_is_typed_wrong(place: Place, line: str, said: str) -> None:
    done = place(line)
    assert done.status == 2, done
    assert said in done.err
    assert "Traceback" not in done.err
    if line != "forget --subject ada":  # which shows on stdout what it would forget
        assert SECRET not in done.out + done.err


@pytest.mark.parametrize(
    ("line", "stdin", "said"),
    [
        ("recall tea -n nobody", "", "No memory is in the namespace nobody."),
        ("recall tea --speaker nobody", "", "Nothing is found."),
        ("remember -", "\n\n", "Nothing is remembered: there is no line on stdin."),
        ("list --limit 1 -n nobody", "", ""),
    ],
)
def test_what_finds_nothing_says_so(place: Place, line: str, stdin: str, said: str) -> None:
    done = place(line, stdin)
    assert done.status == 0
    assert said in done.err


def test_several_lines_of_which_some_were_forgotten(place: Place) -> None:
    done = place("remember -", "tea is hot\n\nBob hates to play chess.\n")
    assert done.status == 2
    assert "of the lines that are not blank, number 2 was forgotten here before" in done.err
    assert len(json.loads(place("list --json").out)["memories"]) == 1


def test_a_beginning_of_several_ids(place: Place, tmp_path: Path) -> None:
    store = str(tmp_path / "b")
    place("remember - -s " + store, "one\ntwo\n")
    first = json.loads(place("list --json -s " + store).out)["memories"][0]["id"]
    assert (
        f"{first[:8]} begins the ids of 2 memories: more digits are needed" in place(f"get {first[:8]} -s {store}").err
    )


def test_a_store_in_use(place: Place) -> None:
    with memoria.open("a"):
        done = place("--timeout 0.05 remember tea")
    assert done.status == 2
    assert "wait longer with --timeout, or only read, as recall and list do" in done.err


def test_a_port_in_use(place: Place, tmp_path: Path) -> None:
    tokens = f"--tokens {tmp_path / 'tokens'}"
    none = place(f"serve {tokens}")
    assert "make a token with `memoria serve token NAMESPACE`\n" in none.err
    place(f"serve token ada {tokens}")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = place(f"serve --port {port} {tokens}")
    assert (done.status, f"cannot listen on 127.0.0.1:{port}: Address already in use" in done.err) == (2, True)


def test_a_newer_format(place: Place, tmp_path: Path) -> None:
    store = tmp_path / "b"
    place(f"remember tea -s {store}")
    _write_format(store, 99)
    done = place(f"recall tea -s {store}")
    assert done.status == 2
    assert "FormatTooNew" in done.err
    assert "pip install --upgrade memoria-runtime" in done.err


def _write_format(store: Path, number: int) -> None:
    connection = sqlite3.connect(store / "memoria.db")
    connection.execute(f"PRAGMA user_version = {number}")
    connection.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_may_not_be_written(place: Place, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    done = place(f"remember tea -s {tmp_path / 'closed' / 'a'}")
    assert (done.status, "Permission denied" in done.err) == (2, True)


def test_a_place_where_nothing_can_be_made(place: Place) -> None:
    done = place("remember tea -s /proc/nothing")
    assert done.status == 2
    assert re.search(r"Store\w+: /proc/nothing: ", done.err)


@pytest.fixture
def memory() -> Iterator[Memoria]:
    with memoria.open(":memory:", embedder=HashEmbedder()) as made:
        made.remember(KNOWN)
        yield made


Wrong = Callable[[Any], Any]
OPEN: Any = memoria.open
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - the mistake itself
WRITTEN: list[tuple[Wrong, str]] = [
    (lambda m: m.remember(None), r"text is NoneType, not str"),
    (lambda m: m.remember(b"tea"), r"text is bytes, not str"),
    (lambda m: m.remember(7), r"text is int, not str"),
    (lambda m: m.remember(""), r"text is empty"),
    (lambda m: m.remember("tea", created_at=NAIVE), r"created_at .*(time zone|aware)"),
    (
        lambda m: m.remember("tea", created_at="2026-01-01"),
        r"created_at .*is not an aware datetime: give it a time zone",
    ),
    (lambda m: m.remember("tea", tags="a"), r"tags .*str"),
    (lambda m: m.remember("tea", subjct="a"), r"remember takes no argument 'subjct': did you mean 'subject'\?"),
    (lambda m: m.remember("tea", salience=float("nan")), r"salience nan is not in \[0, 1\]"),
    (lambda m: m.remember("tea", metadata={1: 2}), r"metadata"),
    (lambda m: m.remember_many("tea"), r"drafts is one str, not a sequence of drafts: use remember for one"),
    (lambda m: m.recall(""), r"query is empty"),
    (lambda m: m.recall(None), r"query is NoneType, not a str or a vector"),
    (lambda m: m.recall(b"tea"), r"query is bytes, not a str or a vector"),
    (lambda m: m.recall("tea", k=0), r"k 0 is not a whole number of at least 1"),
    (lambda m: m.recall("tea", k=1.5), r"k 1\.5 is not a whole number of at least 1"),
    (lambda m: m.recall("tea", as_of=NAIVE), r"as_of .*(time zone|aware)"),
    (lambda m: m.recall("tea", top_k=3), r"recall takes no argument 'top_k': "),
    (lambda m: m.forget(), r"nothing asked: give ids, mentions, a filter"),
    (lambda m: m.forget("nope"), r"no memory with id nope"),
    (lambda m: m.forget(KNOWN), r"no memory with id"),
    (lambda m: m.get(None), r"an id is a str or a Memory, not NoneType"),
    (lambda m: m.namespace(7), r"namespace part is int, not str"),
    (lambda m: OPEN(7), r"path is int, not a str or a path"),
    (lambda m: OPEN(""), r"the path is empty"),
    (lambda m: OPEN(":memory:", mode="w"), r"mode 'w' is not (one of )?"),
    (lambda m: OPEN(":memory:", embeder=None), r"open takes no argument 'embeder': did you mean 'embedder'\?"),
    (lambda m: OPEN(":memory:", language="klingon"), r"language 'klingon' is not one of"),
    (lambda m: OPEN("/nowhere/at/all", mode="r"), r"/nowhere/at/all holds no memoria store"),
]


@pytest.mark.parametrize(("wrong", "said"), WRITTEN, ids=[said for _, said in WRITTEN])
def test_what_is_written_wrong(memory: Memoria, wrong: Wrong, said: str) -> None:
    with pytest.raises(MemoriaError) as raised:
        wrong(memory)
    assert re.search(said, str(raised.value)), str(raised.value)
    assert SECRET not in str(raised.value)
    assert len(memory) == 1


def test_the_forgotten_closed_and_of_another_embedder(memory: Memoria, tmp_path: Path) -> None:
    memory.remember("Bob drinks a lot of tea.")
    memory.forget(mentions="tea")
    with pytest.raises(MemoriaError, match="say readmit=True to take it back"):
        memory.remember("Bob drinks a lot of tea.")
    with memoria.open(tmp_path / "b", embedder=HashEmbedder()) as other:
        other.remember("tea", created_at=datetime(2999, 1, 1, tzinfo=UTC))  # a time to come is no mistake
    with pytest.raises(MemoriaError, match="closed"):
        other.recall("tea")
    with pytest.raises(MemoriaError, match="open it with 'hash-64', or change it over with reembed"):
        memoria.open(tmp_path / "b", embedder="all-MiniLM-L6-v2")


def test_there_are_forty_and_more() -> None:
    assert len(TYPED) + len(WRITTEN) >= 90
    assert len({line for line, _ in TYPED}) == len(TYPED)


def test_what_every_command_has() -> None:
    """Of every command, new ones too: a help, a text for each option, and the timeout of the root before it."""
    root = get_command(app)
    assert "--timeout" in {option for parameter in root.params for option in parameter.opts}
    for name, options in commands(root):
        assert options, name
        assert "--timeout" not in options or name == "mcp", name
    bare = [name for name, command in root.commands.items() if not (command.help or "").strip()]  # type: ignore[attr-defined]
    assert bare == []
